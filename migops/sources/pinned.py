"""The newest version of a package that the project's own files allow: lock files, requirements, pyproject.toml."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migops.core.model import Location

LARGEST = 8 * 1024 * 1024  # bytes of a file that is read
_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml")
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*\(?([^;#]*)")
_BOUND = re.compile(r"(===|==|~=|<=|<|\^|~|=)?\s*v?(\d+(?:\.\d+)*(?:\.\*)?)")

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pin:
    """The bound of a package's version. ``exclusive``: only older versions than ``version`` are allowed."""

    version: Version
    exclusive: bool
    at: Location

    def is_below(self, version: Version) -> bool:
        """True if every allowed version is older than ``version``."""
        width = max(len(self.version), len(version))
        ours, theirs = (each + (0,) * (width - len(each)) for each in (self.version, version))
        return ours <= theirs if self.exclusive else ours < theirs

    def __str__(self) -> str:
        shown = ".".join(map(str, self.version))
        return f"below {shown}" if self.exclusive else shown


def pinned(folders: Sequence[Path], package: str, dockerfile: Path | None = None) -> Pin | None:
    """The bound of ``package`` in the first folder that has one; a lock file counts before what it was made from.

    ``dockerfile`` may install it by name. None if no file bounds it. Files that cannot be read bound nothing.
    """
    named = [list(_installed(dockerfile, package))] if dockerfile is not None else []
    for folder in folders:
        for pins in (_locked(folder, package), _required(folder, package), *named):
            found = list(pins)
            if found:
                return max(found, key=lambda pin: (pin.version, not pin.exclusive))
    return None


def _locked(folder: Path, package: str) -> Iterator[Pin]:
    for name in _LOCKS:
        path = folder / name
        text = _text(path)
        if name == "Pipfile.lock":
            yield from _of_pipenv(text, package, path)
        else:
            yield from _of_blocks(text, package, path)


def _of_blocks(text: str, package: str, path: Path) -> Iterator[Pin]:
    """``[[package]]`` blocks, each with a name and a version. Read by line: a lock file can be large."""
    name = ""
    for number, line in enumerate(text.splitlines(), 1):
        key, _, value = (part.strip() for part in line.partition("="))
        value = value.strip("\"'")
        if line.startswith("["):
            name = ""
        elif key == "name":
            name = _normal(value)
        elif key == "version" and name == package and (version := _version(value)):
            yield Pin(version, False, Location(str(path), number))
            name = ""


def _of_pipenv(text: str, package: str, path: Path) -> Iterator[Pin]:
    import json

    try:
        entry = json.loads(text or "{}").get("default", {}).get(package, {})
        version = _version(str(entry.get("version", "")).lstrip("="))
    except (ValueError, AttributeError):
        return
    if version:
        line = next((n for n, each in enumerate(text.splitlines(), 1) if f'"{package}"' in each), 0)
        yield Pin(version, False, Location(str(path), line))


def _required(folder: Path, package: str) -> Iterator[Pin]:
    for path in _requirement_files(folder):
        for number, line in enumerate(_text(path).splitlines(), 1):
            yield from _of_requirement(line, package, Location(str(path), number))
    path = folder / "pyproject.toml"
    text = _text(path)
    for requirement in _of_pyproject(text):
        at = next((n for n, each in enumerate(text.splitlines(), 1) if _normal(package) in _normal(each)), 0)
        yield from _of_requirement(requirement, package, Location(str(path), at))


def _installed(dockerfile: Path, package: str) -> Iterator[Pin]:
    """``pip install PACKAGE==1.2`` in a Dockerfile."""
    word = re.compile(rf"(?<![\w.-]){re.escape(package)}(?:\[[^\]]*\])?[=<>~!][^\s\"';&]*", re.IGNORECASE)
    for number, line in enumerate(_text(dockerfile).splitlines(), 1):
        for requirement in word.findall(line):
            yield from _of_requirement(requirement, package, Location(str(dockerfile), number))


def _requirement_files(folder: Path) -> Iterator[Path]:
    """``requirements.txt`` and its like, beside the project or in a folder ``requirements``; not those for tests."""
    for below in (folder, folder / "requirements", folder / "deps"):
        try:
            names = sorted(path.name for path in below.iterdir())
        except OSError:
            continue
        for name in names:
            is_one = name.endswith(".txt") and (below != folder or "requirements" in name or name == "constraints.txt")
            if is_one and not re.search(r"dev|test|doc|lint", name):
                yield below / name


def _of_pyproject(text: str) -> Iterator[str]:
    """The requirements of the project itself, those of poetry as ``name bound``."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        data: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    project, tool = data.get("project", {}), data.get("tool", {})
    yield from (each for each in project.get("dependencies", []) if isinstance(each, str))
    for extra in project.get("optional-dependencies", {}).values():
        yield from (each for each in extra if isinstance(each, str))
    for name, given in tool.get("poetry", {}).get("dependencies", {}).items():
        bound = given.get("version", "") if isinstance(given, dict) else given
        if isinstance(bound, str):
            yield f"{name} {f'=={bound}' if bound[:1].isdigit() else bound}"


def _of_requirement(line: str, package: str, at: Location) -> Iterator[Pin]:
    match = _REQUIREMENT.match(line)
    if match is None or _normal(match[1]) != package:
        return
    upper = [bound for each in match[2].split(",") if (bound := _upper(each.strip()))]
    if upper:
        version, exclusive = min(upper, key=lambda pair: (pair[0], not pair[1]))
        yield Pin(version, exclusive, at)


def _upper(bound: str) -> tuple[Version, bool] | None:
    """The upper limit of one bound, and True if it is itself not allowed; None for a lower limit."""
    match = _BOUND.match(bound)
    if match is None or not match[1]:
        return None
    operator, text = match[1], match[2]
    version = _version(text.removesuffix(".*"))
    if text.endswith(".*") and operator in ("==", "="):
        return _next(version, len(version) - 1), True
    if operator == "~=" or (operator == "~" and len(version) > 1):
        return _next(version, 1 if operator == "~" else len(version) - 2), True
    if operator == "^":
        return _next(version, next((at for at, number in enumerate(version) if number), len(version) - 1)), True
    return (version, operator == "<") if operator in ("==", "===", "=", "<=", "<") else None


def _next(version: Version, at: int) -> Version:
    at = max(at, 0)
    return (*version[:at], version[at] + 1)


def _version(text: str) -> Version:
    match = re.match(r"v?(\d+(?:\.\d+)*)", text)
    return tuple(int(part) for part in match[1].split(".")) if match else ()


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _text(path: Path) -> str:
    try:
        if not path.is_file() or path.stat().st_size > LARGEST:
            return ""
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
