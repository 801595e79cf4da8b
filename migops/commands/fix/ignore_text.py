"""Edits of a ``.dockerignore``: lines at its end, since the last line that matches a path decides."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from migops.core.errors import MigopsError
from migops.dockerfile.ignore import parse_ignore
from migops.dockerfile.patterns import Matcher, Verdict

_MOST = 200_000  # files of a context that are compared; more take too long
_SPECIAL = set("*?[]\\!#\r\n")


def with_lines(text: bytes, lines: Sequence[str]) -> bytes:
    """The text with these lines after its last one, in its own line ends."""
    end = b"\r\n" if b"\r\n" in text else b"\n"
    begin = text if not text or text.endswith(b"\n") else text + end
    return begin + b"".join(line.encode() + end for line in lines)


def pattern(path: str) -> str:
    """A line that matches exactly this path (relative to the context, ``/``-separated); '' if it has no plain one."""
    return "" if _SPECIAL & {*path} or path != path.strip() or not path.isprintable() else path


def changed(context: Path, before: bytes, after: bytes) -> tuple[frozenset[str], frozenset[str]] | str:
    """The files of the context that only the new text lets in, and those that only the old one did.

    Paths are relative to the context. A sentence instead if that cannot be determined.
    """
    try:
        old, new = parse_ignore(before, "before"), parse_ignore(after, "after")
    except MigopsError as error:
        return f"the ignore file has a line that no build accepts: {error.message}"
    came, went = set[str](), set[str]()
    for number, (path, was, now) in enumerate(_walk(context, "", old, new, old.start, new.start)):
        if number > _MOST:
            return f"the context has more than {_MOST} files"
        if was != now:
            (came if now else went).add(path)
    return frozenset(came), frozenset(went)


def includes(text: bytes, path: str) -> bool:
    """True if the ignore file lets the path, with its content, into the context."""
    return _is_in(parse_ignore(text, "").judge(path))


def _walk(
    folder: Path, below: str, old: Matcher, new: Matcher, was: Verdict, now: Verdict
) -> Iterator[tuple[str, bool, bool]]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            path = f"{below}{entry.name}"
            before, after = old.step(path, was), new.step(path, now)
            if entry.is_dir(follow_symlinks=False):
                if not (_is_closed(old, before, path) and _is_closed(new, after, path)) and entry.name != ".git":
                    yield from _walk(Path(entry.path), f"{path}/", old, new, before, after)
            else:
                yield path, _is_in(before), _is_in(after)


def _is_closed(matcher: Matcher, verdict: Verdict, folder: str) -> bool:
    """True if no file below the folder can be in the context."""
    return verdict.matched_by is not None and not matcher.may_reinclude(folder)


def _is_in(verdict: Verdict) -> bool:
    return verdict.matched_by is None and verdict.content_matched_by is None
