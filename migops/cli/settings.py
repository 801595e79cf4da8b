"""The settings of a checkout: ``.migops.toml``, or ``[tool.migops]`` in a pyproject.toml. See docs/settings.md."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migops.core.errors import MigopsError
from migops.core.model import Location, Silenced
from migops.core.text import listed, with_hint
from migops.migrations.config import load_toml

KEYS = ("file", "service", "ignore")
ENTRY_KEYS = ("rule", "reason")
_IGNORING = frozenset({"check-image", "status", "doctor"})
_PARAMETERS = {"rebuild-and-migrate": "services", "log": "what", "graph": "usual_service"}
"""What SERVICE is called among a command's parameters, if not ``service``."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one file sets. ``files`` are relative to the current folder."""

    path: Path
    files: tuple[str, ...]
    service: str
    files_at: Location
    """The line of ``file``."""
    service_at: Location
    """The line of ``service``."""
    ignore: tuple[Silenced, ...]
    """In each, ``rule`` as it is written: an id, the beginning of one, or a name."""


def defaults(settings: Settings, command: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """The command's default parameters by the settings. COMPOSE_FILE of the environment outranks ``file``."""
    values: dict[str, Any] = {}
    if settings.files and "COMPOSE_FILE" not in environment:
        values["files"] = list(settings.files)
    if settings.service:
        several = command == "rebuild-and-migrate"
        values[_PARAMETERS.get(command, "service")] = [settings.service] if several else settings.service
    if settings.ignore and command in _IGNORING:
        values["ignore"] = [entry.rule for entry in settings.ignore]
    return values


def read(path: Path, cwd: Path) -> Settings:
    """The settings in the file. MigopsError, with the line, for an unknown key or a value of a wrong type."""
    text = path.read_bytes()
    data = load_toml(text, str(path))
    lines = _Lines(path, text.decode())
    table = data if path.name != "pyproject.toml" else data["tool"]["migops"]
    if not isinstance(table, dict):
        raise lines.error("migops", "[tool.migops] must be a table")
    _known_only(table, KEYS, lines)
    file, service = table.get("file", []), table.get("service", "")
    files = [file] if isinstance(file, str) else file
    if not isinstance(files, list) or not all(isinstance(name, str) and name for name in files):
        raise lines.error("file", "file must be the path of a compose file, or a list of paths")
    if not isinstance(service, str) or ("service" in table and not service):
        raise lines.error("service", "service must be the name of a service")
    return Settings(
        path, tuple(_from(path.parent, name, cwd) for name in files), service, lines.of_key("file"),
        lines.of_key("service"), _ignored(table, lines),
    )  # fmt: skip


def _from(folder: Path, name: str, cwd: Path) -> str:
    """A path that is relative to the settings' folder, as it is typed in the current one."""
    return name if os.path.isabs(name) else os.path.relpath(folder / name, cwd)  # noqa: PTH117 - text, not a file


def _ignored(table: Mapping[str, Any], lines: _Lines) -> tuple[Silenced, ...]:
    entries = table.get("ignore", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise lines.error("ignore", 'ignore must be a list of tables: [[ignore]] with rule = "…" and reason = "…"')
    made = []
    for number, entry in enumerate(entries):
        rule = entry.get("rule")
        before = sum(other.get("rule") == rule for other in entries[:number])
        at = lines.of_value("rule", rule, before) if isinstance(rule, str) else lines.of_entry(number)
        _known_only(entry, ENTRY_KEYS, lines)
        for key in ENTRY_KEYS:
            if key not in entry:
                raise MigopsError(f"an entry of ignore has no {key}", at=at, hint=f'add {key} = "…"')
            if not isinstance(entry[key], str) or not entry[key].strip():
                raise lines.error(key, f"{key} of an entry of ignore must be text", at)
        made.append(Silenced(entry["rule"], entry["reason"], at))
    return tuple(made)


def _known_only(table: Mapping[str, Any], known: Sequence[str], lines: _Lines) -> None:
    for key in table:
        if key not in known:
            error = lines.error(key, f"unknown setting {key!r}")
            error.hint = with_hint(key, known, f"the settings are {listed(known)}")
            raise error


class _Lines:
    """Finds the lines of keys in the text, which a TOML parser does not report."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = text.splitlines()
        self._first = 0
        if path.name == "pyproject.toml":
            header = re.compile(r"\s*\[+\s*tool\s*\.\s*[\"']?migops\b|\s*tool\s*\.\s*migops\b|\s*migops\b")
            self._first = next((index for index, line in enumerate(self._lines) if header.match(line)), 0)

    def error(self, key: str, message: str, at: Location | None = None) -> MigopsError:
        """The error at the key's line; at ``at`` if the key is not found by its text."""
        found = self.of_key(key)
        return MigopsError(message, at=at if at is not None and not found.line else found)

    def of_key(self, key: str) -> Location:
        """The first line that sets the key, or is the header of its table."""
        return self._find(rf"(?:^|[\[{{,.\s])[\"']?{re.escape(key)}[\"']?\s*(?:[=.\]])")

    def of_value(self, key: str, value: str, number: int) -> Location:
        """The line of the ``number``-th setting of the key to this value."""
        return self._find(rf"[\"']?\b{key}[\"']?\s*=\s*(?:\"{re.escape(value)}\"|'{re.escape(value)}')", number)

    def of_entry(self, number: int) -> Location:
        """The line of the ``number``-th ``[[ignore]]``; of ``ignore =`` if it is written as a list."""
        found = self._find(r"\[\[[^\]]*\bignore[\"']?\s*\]\]", number)
        return found if found.line else self._find(r"\bignore[\"']?\s*=")

    def _find(self, pattern: str, number: int = 0) -> Location:
        matches = [
            index + 1
            for index, line in enumerate(self._lines)
            if index >= self._first and not line.lstrip().startswith("#") and re.search(pattern, line)
        ]
        return Location(str(self._path), matches[number] if number < len(matches) else 0)
