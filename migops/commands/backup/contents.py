"""A dump's contents, parsed from the output of ``pg_restore``."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEADER = re.compile(r"^;\s+(?P<name>[A-Za-z ]+): (?P<value>.*)$")
_TABLE = re.compile(r"^\d+; 1259 \d+ TABLE (?P<rest>.*)$")  # 1259 is pg_class: a TABLE DATA entry has 0
_DATA = re.compile(r"^\d+; \d+ \d+ TABLE DATA (?P<rest>.*)$")
_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\r": "\r", "\\\\": "\\"}


@dataclass(frozen=True, slots=True)
class Contents:
    """A dump's table of contents."""

    database: str
    server: str
    """The version of the server that it was taken from."""
    entries: int
    tables: tuple[str, ...]
    """``SCHEMA NAME OWNER`` of each table."""
    data: tuple[str, ...]
    """``SCHEMA NAME OWNER`` of each table with rows in the dump."""

    def has_rows_of(self, schema: str, table: str) -> bool:
        """True if the dump has an entry for a table's rows, even if there are none."""
        return any(entry.startswith(f"{schema} {table} ") for entry in self.data)


def parse_listing(text: str) -> Contents:
    """Parse the output of ``pg_restore --list``."""
    header: dict[str, str] = {}
    tables, data = [], []
    entries = 0
    for line in text.splitlines():
        if line.startswith(";"):
            if field := _HEADER.match(line):
                header.setdefault(field["name"].strip(), field["value"].strip())
            continue
        entries += bool(line.strip())
        if table := _TABLE.match(line):
            tables.append(table["rest"])
        elif rows := _DATA.match(line):
            data.append(rows["rest"])
    return Contents(
        header.get("dbname", ""), header.get("Dumped from database version", ""), entries, tuple(tables), tuple(data)
    )


def parse_rows(text: str) -> tuple[str, ...]:
    """The sorted first column of the single COPY statement that ``pg_restore --data-only`` prints."""
    lines = iter(text.splitlines())
    values = []
    for line in lines:
        if line.startswith("COPY ") and line.endswith(" FROM stdin;"):
            for row in lines:
                if row == "\\.":
                    break
                values.append(re.sub(r"\\.", lambda each: _ESCAPES.get(each[0], each[0][1:]), row.split("\t")[0]))
            break
    return tuple(sorted(values))


def major(version: str) -> int:
    """The first number of a version: 15 of ``15.8 (Debian …)``, 9 of 9.6; 0 if there is none."""
    found = re.match(r"\d+", version)
    return int(found[0]) if found else 0
