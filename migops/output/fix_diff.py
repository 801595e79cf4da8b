"""The edits of a file as a unified diff; what a diff cannot show well (modes, line ends, deletions) is said in words.

Passwords in the lines are hidden as everywhere: a diff is shown, copied into tickets, and kept in logs.
"""

from __future__ import annotations

import difflib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from migops.commands.fix.model import FileEdit
from migops.core.redaction import HIDDEN, redact
from migops.core.redaction.naming import says_secret
from migops.core.terminal import printable
from migops.core.text import counted

_NAMED = re.compile(
    r"""(?P<name>[A-Za-z_][\w.-]*)(?P<is>["']?\s*[:=]\s*)("[^"]*"|'[^']*'|(?![\s{\[$&*"'])[^\s,}\]"']+)"""
)
"""A name with its value in YAML, an ini file or an env file; no mapping, list, alias or reference to a variable."""
_QUOTED = re.compile(r"""(?P<name>(?:(?<=")|(?<='))[A-Za-z_][\w.-]*)(?P<is>=)[^"']+""")
"""The same, quoted as a whole: ``- "SMTP_PASS=a b"``."""


def relative(path: Path) -> str:
    """The path relative to the current folder, as it can be typed there."""
    return os.path.relpath(path)


def words(edit: FileEdit) -> Iterator[str]:
    """What happens to the file, apart from the lines that the diff shows."""
    if edit.after is None:
        yield f"deleted ({counted(len(edit.before or b''), 'byte')})"
    elif edit.before is None:
        yield "new file"
    elif _only_ends(edit):
        number = edit.before.count(b"\r\n") - edit.after.count(b"\r\n")
        yield f"line ends: {counted(number, 'line')} from CRLF to LF; nothing else in the file changes"
    if edit.mode is not None and edit.path.exists():
        old = stat.S_IMODE(edit.path.stat().st_mode)
        gains = "executable" if edit.mode & ~old & 0o111 else "mode"
        yield f"mode {edit.mode:04o}" if old == edit.mode else f"{gains}: mode {old:04o} becomes {edit.mode:04o}"


def diff(edit: FileEdit) -> tuple[str, ...]:
    """The lines of the unified diff, printable and without secrets; () if the words say all."""
    if edit.after is None or edit.before == edit.after or _only_ends(edit):
        return ()
    name = relative(edit.path)
    old, new = (_lines(content or b"") for content in (edit.before, edit.after))
    before = f"a/{name}" if edit.before is not None else "/dev/null"
    lines = difflib.unified_diff(old, new, before, f"b/{name}", n=3, lineterm="")
    is_code = edit.path.suffix == ".py"  # where what stands behind a name is rarely a value
    return tuple(printable(redact(line if is_code else _without_secrets(line))) for line in lines)


def _without_secrets(line: str) -> str:
    return _NAMED.sub(_without_value, _QUOTED.sub(_without_value, line))


def _without_value(found: re.Match[str]) -> str:
    """A short value is not known by itself, so its name alone tells: ``DB_PASS: pw``."""
    return f"{found['name']}{found['is']}{HIDDEN}" if says_secret(found["name"]) else found[0]


def _only_ends(edit: FileEdit) -> bool:
    before, after = edit.before or b"", edit.after or b""
    return before != after and before.replace(b"\r\n", b"\n") == after.replace(b"\r\n", b"\n")


def _lines(content: bytes) -> list[str]:
    """The lines without their ends."""
    text = content.decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\t", "    ")
    return text.split("\n")[:-1] if text.endswith("\n") else text.split("\n") if text else []
