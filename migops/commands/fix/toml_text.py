"""Edits of ``[tool.alembic]`` in a ``pyproject.toml``, by an option's line. The result is read back and compared."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from migops.core.errors import MigopsError
from migops.migrations.config import load_toml

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""|' + r"'''.*?'''|" + r'"(?:\\.|[^"\\\n])*"|' + r"'[^'\n]*'|#[^\n]*", re.DOTALL
)
_PERCENT = re.compile(r"%%|%\(here\)s|%")


def delete_option(text: bytes, line: int, name: str) -> bytes | None:
    """The text without the option that begins at ``line`` (from 1); None if that fails."""
    lines, end = _lines(text), _end(text, line, name)
    if not end:
        return None
    after = "".join([*lines[: line - 1], *lines[end:]]).encode()
    return after if _expected(text, after, name, lambda value: None) else None


def escape_percents(text: bytes, line: int, name: str) -> bytes | None:
    """The text in which each ``%`` of the option's strings that is not ``%(here)s`` is doubled; None if that fails."""
    lines, end = _lines(text), _end(text, line, name)
    if not end:
        return None
    value = _TOKEN.sub(lambda token: _in_string(token[0]), "".join(lines[line - 1 : end]))
    after = "".join([*lines[: line - 1], value, *lines[end:]]).encode()
    return after if after != text and _expected(text, after, name, _doubled) else None


def _in_string(token: str) -> str:
    return token if token.startswith("#") else _doubled(token)


def _doubled(value: Any) -> Any:
    if isinstance(value, str):
        return _PERCENT.sub(lambda match: "%%" if match[0] == "%" else match[0], value)
    return [_doubled(each) for each in value] if isinstance(value, list) else value


def _end(text: bytes, line: int, name: str) -> int:
    """The end (exclusive, from 0) of the option's lines; 0 if it does not begin at ``line``."""
    lines = _lines(text)
    for end in range(line, len(lines) + 1) if 0 < line <= len(lines) else ():
        try:
            if list(load_toml("".join(lines[line - 1 : end]), "pyproject.toml")) == [name]:
                return end
        except MigopsError:
            continue
    return 0


def _expected(before: bytes, after: bytes, name: str, change: Callable[[Any], Any]) -> bool:
    """True if the documents differ in this option alone, and there as ``change`` says (None: it is gone)."""
    try:
        old, new = load_toml(before, "pyproject.toml"), load_toml(after, "pyproject.toml")
    except MigopsError:
        return False
    table = old["tool"]["alembic"]
    value = change(table.pop(name))
    if value is not None:
        table[name] = value
    return bool(old == new)


def _lines(text: bytes) -> list[str]:
    return _LINE.findall(text.decode("utf-8"))
