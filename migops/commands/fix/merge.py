"""Makes one edit of several edits of a file. All start from the same bytes; two edits of the same lines contradict."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from migops.commands.fix.model import FileEdit, Fix

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines ``start`` to ``end`` (exclusive, from 0) are replaced by ``lines``."""

    start: int
    end: int
    lines: tuple[bytes, ...]

    def excludes(self, other: Hunk) -> bool:
        """True if both change the same lines in different ways. Insertions at one point follow each other."""
        return self != other and self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Merged:
    """The fixes that can be applied together, their edits by file, and those that must wait for another run."""

    fixes: tuple[Fix, ...]
    edits: tuple[FileEdit, ...]
    later: tuple[Fix, ...] = ()


def merge(fixes: Iterable[Fix]) -> Merged:
    """Combine the edits file by file. A fix that contradicts an earlier one is left for ``later``, as a whole."""
    chosen: list[Fix] = []
    later: list[Fix] = []
    files: dict[Path, FileEdit] = {}
    for fix in fixes:
        combined = _with(files, fix.edits)
        if combined is None:
            later.append(fix)
        else:
            chosen.append(fix)
            files = combined
    return Merged(tuple(chosen), tuple(files.values()), tuple(later))


def _with(files: dict[Path, FileEdit], edits: Sequence[FileEdit]) -> dict[Path, FileEdit] | None:
    """The edits by file with these added; None if one of them contradicts."""
    result = dict(files)
    for edit in edits:
        key = Path(os.path.realpath(edit.path))
        before = result.get(key)
        together = edit if before is None else _both(before, edit)
        if together is None:
            return None
        result[key] = together
    return result


def _both(first: FileEdit, second: FileEdit) -> FileEdit | None:
    """Both edits of a file as one; None if they contradict each other."""
    if first.before != second.before or (first.after is None) != (second.after is None):
        return None
    if first.mode is not None and second.mode is not None and first.mode != second.mode:
        return None
    mode = second.mode if first.mode is None else first.mode
    if first.after is None or second.after is None or first.after == second.after:
        return FileEdit(first.path, first.before, first.after, mode)
    after = together(first.before or b"", first.after, second.after)
    return None if after is None else FileEdit(first.path, first.before, after, mode)


def together(before: bytes, one: bytes, other: bytes) -> bytes | None:
    """``before`` with the changes of both; None if they change the same lines in different ways."""
    ended = [_ended(text, before) for text in (before, one, other)]
    hunks = _hunks(ended[0], ended[1])
    for hunk in _hunks(ended[0], ended[2]):
        if any(hunk.excludes(each) for each in hunks):
            return None
        if hunk not in hunks:
            hunks.append(hunk)
    result = _applied(ended[0], hunks)
    if any(text.endswith(b"\n") for text in (one, other)):
        return result
    return result.removesuffix(b"\n").removesuffix(b"\r")


def _ended(text: bytes, before: bytes) -> bytes:
    """The text with a line end after its last line, so that a line can be added below it without changing it."""
    if not text or text.endswith(b"\n"):
        return text
    return text + (b"\r\n" if b"\r\n" in before else b"\n")


def _hunks(before: bytes, after: bytes) -> list[Hunk]:
    old, new = _LINE.findall(before), _LINE.findall(after)
    codes = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [Hunk(i, j, tuple(new[k:m])) for tag, i, j, k, m in codes if tag != "equal"]


def _applied(before: bytes, hunks: Sequence[Hunk]) -> bytes:
    lines: list[bytes] = _LINE.findall(before)
    for _, hunk in sorted(enumerate(hunks), key=lambda pair: (pair[1].start, pair[1].end, pair[0]), reverse=True):
        lines[hunk.start : hunk.end] = hunk.lines
    return b"".join(lines)
