"""What a dump holds, by what ``pg_restore`` says of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEADER = re.compile(r"^;\s+(?P<name>[A-Za-z ]+): (?P<value>.*)$")
_TABLE = re.compile(r"^\d+; 1259 \d+ TABLE (?P<rest>.*)$")  # 1259 is pg_class: a TABLE DATA entry has 0
_DATA = re.compile(r"^\d+; \d+ \d+ TABLE DATA (?P<rest>.*)$")
_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\r": "\r", "\\\\": "\\"}


@dataclass(frozen=True, slots=True)
class Contents:
    """A dump's table of contents: which database of which server, and ``SCHEMA NAME OWNER`` of each table.

    ``entries`` counts what is listed; ``data`` are the tables whose rows are in it.
    """

    database: str
    server: str
    entries: int
    tables: tuple[str, ...]
    data: tuple[str, ...]

    def has_rows_of(self, schema: str, table: str) -> bool:
        """Whether the rows of a table, or that it has none, are in it."""
        return any(entry.startswith(f"{schema} {table} ") for entry in self.data)


def parse_listing(text: str) -> Contents:
    """Read what ``pg_restore --list`` prints."""
    header: dict[str, str] = {}
    tables, data = [], []
    entries = 0
    for line in text.splitlines():
        if line.startswith(";"):
            if found := _HEADER.match(line):
                header.setdefault(found["name"].strip(), found["value"].strip())
            continue
        entries += bool(line.strip())
        if found := _TABLE.match(line):
            tables.append(found["rest"])
        elif found := _DATA.match(line):
            data.append(found["rest"])
    return Contents(
        header.get("dbname", ""), header.get("Dumped from database version", ""), entries, tuple(tables), tuple(data)
    )


def parse_rows(text: str) -> tuple[str, ...]:
    """The first column of the rows of the one COPY statement that ``pg_restore --data-only`` prints, in order."""
    lines = iter(text.splitlines())
    found = []
    for line in lines:
        if line.startswith("COPY ") and line.endswith(" FROM stdin;"):
            for row in lines:
                if row == "\\.":
                    break
                found.append(re.sub(r"\\.", lambda each: _ESCAPES.get(each[0], each[0][1:]), row.split("\t")[0]))
            break
    return tuple(sorted(found))


def major(version: str) -> int:
    """The number by which servers are told apart: 15 of ``15.8 (Debian …)``, 9 of 9.6; 0 where there is none."""
    found = re.match(r"\d+", version)
    return int(found[0]) if found else 0
