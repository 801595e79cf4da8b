"""Env files that cannot be read: which variables are unknown for it, and the example that can be copied.

Compose refuses such a project. A command that only reads goes on without the file: what the file could set is then
unknown, and never a default.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from migops.core.location import Location
from migops.core.text import listed

_EXAMPLES = ("example", "sample", "dist", "template", "tmpl", "tpl", "default", "defaults")


class EnvFiles(Enum):
    """The treatment of the ``env_file`` entries of services."""

    REQUIRED = "required"
    """Read; a missing one is refused, as by compose: for commands that act."""
    OPTIONAL = "optional"
    """Read; a missing one makes variables unknown: for commands that only read."""
    IGNORED = "ignored"
    """Not read: for answers that do not depend on the environment."""


@dataclass(frozen=True, slots=True)
class UnreadFile:
    """An ``env_file`` or ``label_file`` that cannot be read."""

    path: str  # absolute
    location: Location  # the entry that names it
    reason: str  # ``missing``, ``a folder`` or the system's words


@dataclass(frozen=True, slots=True)
class Unread:
    """What is unknown of a container's environment: env files that were not read, required variables that are not set.

    ``settled``: the variables that no unread file can set or replace. ``required``: the required variable that the
    value of a variable depends on.
    """

    files: tuple[UnreadFile, ...] = ()
    settled: frozenset[str] = frozenset()
    required: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.files or self.required)

    def might_set(self, name: str) -> bool:
        """True if the value of this variable is unknown."""
        return name in self.required or (bool(self.files) and name not in self.settled)

    def reason(self, name: str = "") -> str:
        """The sentence that says why a variable (or any that is not settled) is unknown; '' if it is not."""
        if not self or (name and not self.might_set(name)):
            return ""
        if name in self.required or not self.files:
            variable = self.required.get(name) or next(iter(self.required.values()))
            return f"{name or 'the environment'} is unknown: {variable} is required and not set"
        files = listed([f"{Path(file.path).name} ({file.location})" for file in self.files])
        verb = "are" if len(self.files) > 1 else "is"
        return f"{name or 'the environment'} is unknown: {files} {verb} {self.files[0].reason}"

    def fix(self, cwd: str) -> str:
        """The commands that copy the examples of the missing files, or a sentence."""
        if not self.files:
            return f"set {listed(sorted(set(self.required.values())))} in .env"
        return copies(self.files, cwd) or f"create {listed([shown(file.path, cwd) for file in self.files])}"


ALL_READ = Unread()
"""Of a container whose env files were all read."""


def unreadable(path: str) -> str:
    """The reason why a file cannot be read; '' if it can."""
    if not Path(path).exists():
        return "missing"
    if Path(path).is_dir():
        return "a folder"
    return "" if os.access(path, os.R_OK) else "not readable by this user"


def example_of(path: str) -> str:
    """The example of a missing env file, beside it (``.env.example``, ``example.env``, …); '' if there is none."""
    folder, name = Path(path).parent, Path(path).name
    for candidate in _example_names(name):
        if candidate != name and (folder / candidate).is_file():
            return str(folder / candidate)
    return ""


def _example_names(name: str) -> Iterable[str]:
    stem = name.removesuffix(".env") if name != ".env" else ""
    for word in _EXAMPLES:  # for this very file
        yield from (f"{name}.{word}", f"{name}-{word}", f"{name}_{word}", f"{word}.{name.lstrip('.')}", f"{word}{name}")
        if stem:
            yield from (f"{stem}.{word}.env", f"{stem}.env.{word}")
    for word in _EXAMPLES:  # for the project
        yield from (f".env.{word}", f"{word}.env", f"env.{word}", f".{word}.env", f".env-{word}", f".env_{word}")


def copies(files: Sequence[UnreadFile], cwd: str) -> str:
    """One command line that copies the example of every missing file; '' if one of them has none."""
    paths = dict.fromkeys(file.path for file in files)
    pairs = [(example_of(path), path) for path in paths if not Path(path).exists()]
    if len(pairs) < len(paths) or not all(example for example, _ in pairs):
        return ""
    return " && ".join(shlex.join(("cp", shown(example, cwd), shown(path, cwd))) for example, path in pairs)


def shown(path: str, cwd: str) -> str:
    """The path as it can be typed in ``cwd``: relative if it lies below."""
    return str(Path(path).relative_to(cwd)) if Path(path).is_relative_to(cwd) else path


def warning(files: Sequence[UnreadFile], cwd: str) -> str:
    """One sentence that names all files, each with the entry that names it, and the fix."""
    by_reason: dict[str, dict[str, str]] = {}
    for file in files:
        at = f"{shown(file.location.file, cwd)}:{file.location.line}"
        by_reason.setdefault(file.reason, {}).setdefault(file.path, at)
    parts = [
        f"{listed([f'{shown(path, cwd)} ({at})' for path, at in named.items()])} {'are' if len(named) > 1 else 'is'} "
        f"{reason}"
        for reason, named in by_reason.items()
    ]
    what = f"env_file: {'; '.join(parts)}; the variables that only such a file sets are unknown"
    fix = copies(files, cwd)
    return f"{what}\n  try: {fix}" if fix else what
