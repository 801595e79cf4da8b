"""What the tracer has recorded, read: transactions with their statements, and what it could not see."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Statement:
    """The first words of a statement, and the revision that it belongs to ('' where it is env.py's)."""

    text: str
    step: str = ""

    def __str__(self) -> str:
        return f"`{self.text} …`" if self.text else "statements that SQLAlchemy did not see"


@dataclass(slots=True)
class Transaction:
    """A transaction that has written. ``server`` are the cluster's number ('' unknown) and when the server started.

    ``first`` is its first statement on something else than the version table, ``rest`` the first one since it last
    wrote to the version table: where that is not None, it holds a part of a revision. ``sent``: a COMMIT was begun.
    """

    server: tuple[str, str] = ("", "")
    first: Statement | None = None
    rest: Statement | None = None
    sent: bool = False


@dataclass(slots=True)
class Record:
    """A trace. ``missing`` says why there is none, '' where there is; ``unseen`` names ways that it cannot see,
    ``elsewhere`` the kind of another database that was written.

    ``autocommitted`` are statements outside of a transaction, ``maybe`` those of them that may have only read. ``at``
    is the revision that was begun last, ``pids`` are the server's numbers of the sessions that were seen.
    """

    missing: str = ""
    transactions: dict[int, Transaction] = field(default_factory=dict)
    autocommitted: list[Statement] = field(default_factory=list)
    maybe: list[Statement] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    elsewhere: str = ""
    at: str = ""
    pids: set[int] = field(default_factory=set)


def untraced(why: str) -> Record:
    """No trace at all, and why."""
    return Record(missing=why)


def read(data: bytes) -> Record:
    """Read a record. A line that was cut off was not written in time to count: what it tells of had not begun."""
    record = Record()
    lines = list(_lines(data))
    for line in lines:
        _take(record, line)
    own = sum("opened" in line for line in lines) - sum("pooled" in line for line in lines)
    if own > 0:
        record.unseen.append("a connection of a driver's own")
    if programs := _untraced(lines):
        record.unseen.append(f"another program ({', '.join(dict.fromkeys(programs))})")
    if not any("begun" in line for line in lines):
        record.missing = "Alembic's Python did not read PYTHONPATH, or could not write"
    elif not any("alembic" in line for line in lines):
        record.missing = "Alembic was not seen in any Python that was traced"
    elif not any("watched" in line for line in lines):
        record.missing = "SQLAlchemy was not seen in any Python that was traced"
    return record


def _lines(data: bytes) -> Iterator[Mapping[str, Any]]:
    for text in data.splitlines():
        with suppress(ValueError):
            line = json.loads(text)
            if isinstance(line, dict):
                yield line


def _untraced(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """The programs that were started and are no Python that has told of itself.

    One that has is a child of the process that started it, or that process itself (exec), with the same command.
    """
    begun = [line for line in lines if "begun" in line]
    programs = []
    for line in lines:
        if "program" not in line:
            continue
        known = [line["program"], line.get("words")]
        for each in begun:
            if line.get("by") in (each["begun"], each.get("parent")) and known in (each.get("as") or ()):
                begun.remove(each)
                break
        else:
            programs.append(str(line["program"]))
    return programs


def _take(record: Record, line: Mapping[str, Any]) -> None:
    text = line.get("text") or line.get("auto") or line.get("maybe") or ""
    statement = Statement(str(text), str(line.get("step") or ""))
    if "at" in line:
        record.at = str(line["at"])
    if "pid" in line:
        record.pids.add(int(line["pid"]))
    if "xid" in line:
        one = record.transactions.setdefault(int(line["xid"]), Transaction())
        system, started = (*(line.get("server") or ()), "", "")[:2]
        one.server = (str(system), str(started))
        of_table = bool(line.get("table"))
        one.first = one.first or (None if of_table else statement)
        one.rest = None if of_table else one.rest or statement
    if "commit" in line:
        record.transactions.setdefault(int(line["commit"]), Transaction()).sent = True
    if "auto" in line and not line.get("table"):
        record.autocommitted.append(statement)
    if "maybe" in line:
        record.maybe.append(statement)
    if "unseen" in line:
        record.unseen.append(str(line["unseen"]))
    if "other" in line:
        record.elsewhere = str(line["other"])
    if "blind" in line:
        record.unseen.append(f"something that went wrong in the trace ({line['blind']})")
