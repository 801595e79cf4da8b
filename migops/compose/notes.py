"""What compose would warn about, collected while a project is loaded."""

from __future__ import annotations

from migops.compose.scalars import quoted


class Notes:
    """Warnings in the order in which they came up."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.missing: dict[str, None] = {}

    def say(self, text: str) -> None:
        self.texts.append(text)

    def unset(self, name: str) -> None:
        """A variable is not set."""
        self.missing[name] = None
        self.say(f"The {quoted(name)} variable is not set. Defaulting to a blank string.")

    @property
    def hint(self) -> str:
        """Which variables had no value: often the cause of what fails later."""
        return f"not set, and so empty: {', '.join(self.missing)}" if self.missing else ""

    def obsolete_version(self, file: str) -> None:
        text = f"{file}: the attribute `version` is obsolete, it will be ignored, "
        text += "please remove it to avoid potential confusion"
        if text not in self.texts:
            self.say(text)
