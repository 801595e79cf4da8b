"""Compose's warnings, collected while a project is loaded."""

from __future__ import annotations

from migops.compose.scalars import quoted
from migops.compose.tree import Mark
from migops.compose.unknown import UnknownKey


class Notes:
    """Warnings in the order in which they occurred."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.missing: dict[str, None] = {}
        self.notices: list[str] = []
        """Warnings of migops's own, of what compose would refuse."""
        self.has_unknown = False  # the files have keys that migops does not know
        self.unknown: list[UnknownKey] = []
        self.required: dict[str, list[Mark]] | None = None
        """The lines that require each variable that is not set; None: such a file is refused."""

    def say(self, text: str) -> None:
        """Record a warning."""
        self.texts.append(text)

    def unset(self, name: str) -> None:
        """Record a variable that is not set."""
        self.missing[name] = None
        self.say(f"The {quoted(name)} variable is not set. Defaulting to a blank string.")

    @property
    def hint(self) -> str:
        """The variables without a value, as a hint: often the cause of a later failure."""
        return f"not set, and so empty: {', '.join(self.missing)}" if self.missing else ""

    def obsolete_version(self, file: str) -> None:
        """Record that a file has the obsolete key ``version``."""
        text = f"{file}: the attribute `version` is obsolete, it will be ignored, "
        text += "please remove it to avoid potential confusion"
        if text not in self.texts:
            self.say(text)
