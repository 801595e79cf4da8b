"""Which known failure the end of an output tells of: the last exception counts, not a line of the application's log."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from migops.commands.failures.failure import Failure
from migops.commands.failures.known import FAILURES

_TRACEBACK = re.compile(r"^.*Traceback \(most recent call last\).*$", re.MULTILINE)
_FAILED = re.compile(r"^ *FAILED: |^ERROR \[(?:alembic|flask_migrate)\b", re.MULTILINE)
_ERROR = re.compile(
    r"^ {0,2}(?:ERROR\b|Error\b|FATAL\b|CRITICAL\b|psql: |OCI runtime |[\w.]*(?:Error|Exception)\b)", re.MULTILINE
)
_CHAINED = re.compile(
    r"The above exception was the direct cause of|During handling of the above exception|Exception Group Traceback"
)
_ASIDE = re.compile(r"Exception ignored |was never retrieved|--- Logging error ---|Exception in thread")
"""In the line or two before a traceback: it tells of something else than why the program ended."""
_MESSAGE = re.compile(r"^[A-Za-z_(].*$", re.MULTILINE)
_STATEMENT = re.compile(r"\n\[SQL:")
_WRAPPED = re.compile(r"^  FAILED: .*(?:\n  \S.*)+", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Block:
    """One exception or error in the output: it starts at ``start``, its message from ``message`` to ``head``, where the
    statement begins that SQLAlchemy appends. All are positions in the text."""

    start: int
    message: int
    head: int
    end: int


def recognise(output: str, code: int = 0) -> tuple[Failure, re.Match[str]] | None:
    """The known failure in the output, with the most informative of its last matches; by the exit code if it has none.

    The last exception is searched first, then those that it arose from; among the failures, the table's order decides.
    """
    text = _WRAPPED.sub(lambda lines: re.sub(r"\n +", " ", lines[0]), output)
    blocks, is_certain = _blocks(text)
    for consequences in (False, True):
        for block in blocks:
            if known := _in_block(text, block, consequences=consequences):
                return known
    if not is_certain and (known := _in_block(text, _Block(0, 0, len(text), len(text)), consequences=True)):
        return known
    by_code = next((failure for failure in FAILURES if code and code in failure.codes), None)
    end = re.compile(r"\Z").search(text)
    return (by_code, end) if by_code and end else None


def _in_block(text: str, block: _Block, *, consequences: bool) -> tuple[Failure, re.Match[str]] | None:
    for failure in FAILURES:
        if failure.is_consequence and not consequences:
            continue
        start = block.start if failure.in_frames else block.message
        matches = [each for each in failure.pattern.finditer(text, start, block.end) if each.start() < block.head]
        if matches:
            return failure, max(reversed(matches), key=lambda each: len(groups(each)))
    return None


def _blocks(text: str) -> tuple[list[_Block], bool]:
    """The errors that may be why the program ended, the last one first; False if none is marked as an error's start."""
    heads = [*_TRACEBACK.finditer(text), *_FAILED.finditer(text)]
    starts = sorted(each.start() for each in heads)
    if not starts:
        starts = [each.start() for each in _ERROR.finditer(text)]
        before = dict(zip(starts, [0, *starts], strict=False))  # the frames that lead to an error are above it
        plain = [_block(text, start, end) for start, end in _reversed_spans(starts, len(text))]
        return [replace(block, start=before[block.start]) for block in plain], False
    spans = [*_reversed_spans(starts, len(text)), (0, starts[0])]
    while len(spans) > 2 and _is_aside(text, spans[0][0]):
        del spans[0]
    causes = [spans[0]]
    for span in spans[1:]:
        if not _CHAINED.search(text, *span):
            break
        causes.append(span)
    return [_block(text, start, end) for start, end in causes], True


def _reversed_spans(starts: Sequence[int], end: int) -> Iterator[tuple[int, int]]:
    yield from reversed(list(zip(starts, [*starts[1:], end], strict=False)))


def _is_aside(text: str, start: int) -> bool:
    before = text[:start].rstrip("\n").splitlines()[-2:]
    return any(_ASIDE.search(line) for line in before)


def _block(text: str, start: int, end: int) -> _Block:
    after = _TRACEBACK.match(text, start)
    message = _MESSAGE.search(text, after.end() if after else start, end)
    at = message.start() if message else start
    statement = _STATEMENT.search(text, at, end)
    return _Block(start, at, statement.start() if statement else end, end)


def groups(found: re.Match[str]) -> Mapping[str, str]:
    """The named groups that took part in the match."""
    return {name: value for name, value in found.groupdict().items() if value}


def context(found: re.Match[str]) -> str:
    """The output from the traceback that has the match, to its end."""
    starts = [each.start() for each in _TRACEBACK.finditer(found.string, 0, found.start() + 1)]
    return found.string[starts[-1] if starts else 0 :]
