"""The SELECT that shows the rows in a constraint's way, as it can be typed after the migration was rolled back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from migops.commands.failures.database_place import psql
from migops.commands.failures.failure import Step
from migops.commands.failures.inputs import Data, FailureInputs
from migops.runner.traceback import begun_scripts

_NAME = r'(?:"[^"\n]{1,63}"|[A-Za-z_][\w$]{0,62})'
_TABLE = rf"(?:{_NAME}\.)?{_NAME}"
_SQL = re.compile(r"\[SQL: (?P<sql>[\s\S]{1,20000}?)\](?:\n|$)")
_ALTERED = re.compile(rf"ALTER TABLE (?:IF EXISTS |ONLY )*(?P<table>{_TABLE}) ", re.IGNORECASE)
_UNIQUE = re.compile(
    rf"(?:CREATE UNIQUE INDEX [\s\S]{{1,200}}? ON (?:ONLY )?(?P<indexed>{_TABLE})(?: USING \w+)? \(|"
    rf"ALTER TABLE (?:ONLY )?(?P<table>{_TABLE}) ADD [\s\S]{{0,200}}?(?:UNIQUE|PRIMARY KEY) ?\()"
    rf"(?P<columns>{_NAME}(?:, ?{_NAME})*)\)",
    re.IGNORECASE,
)
_FOREIGN = re.compile(
    rf"ALTER TABLE (?:ONLY )?(?P<table>{_TABLE}) ADD [\s\S]{{0,200}}?FOREIGN KEY ?\((?P<columns>{_NAME}(?:, "
    rf"?{_NAME})*)\)"
    rf" REFERENCES (?P<parent>{_TABLE}) \((?P<keys>{_NAME}(?:, ?{_NAME})*)\)",
    re.IGNORECASE,
)
_MOST = "LIMIT 20"


def with_null(match: re.Match[str], inputs: FailureInputs) -> Iterator[Step]:
    """The rows without a value for a column that becomes NOT NULL, and the change of the script."""
    column, table = match["column"], match["table"] or ""
    if not column:
        return
    sql = statement(match)
    altered = _ALTERED.search(sql)
    table = altered["table"] if altered else _quoted(table)
    is_new = bool(re.search(rf"\bADD (?:COLUMN )?\"?{re.escape(column)}\b", sql, re.IGNORECASE))
    if is_new:
        yield from _select(match, inputs, table, "see how many rows have no value", f"SELECT count(*) FROM {table}")  # noqa: S608
        yield Step(
            f"in the script, give the existing rows a value: add {column} with server_default=…, or in three steps: "
            f"nullable=True, an UPDATE that fills it, then op.alter_column(…, nullable=False)"
        )
        return
    value = _value(match, inputs, column)
    query = f"SELECT * FROM {table} AS r WHERE {value} IS NULL {_MOST}"  # noqa: S608 - printed, never run
    yield from _select(match, inputs, table, "see the rows", query)
    yield Step(f'in the script, before {column} becomes NOT NULL, give these rows a value: op.execute("UPDATE …")')


def duplicates(match: re.Match[str], inputs: FailureInputs) -> Iterator[Step]:
    """The values that several rows have in the columns of a new unique constraint."""
    made = _UNIQUE.search(statement(match))
    if made is None:
        return
    table = made["indexed"] or made["table"]
    columns = [name.strip() for name in made["columns"].split(",")]
    values = [_value(match, inputs, name.strip('"')) for name in columns]
    numbers = ", ".join(str(number + 1) for number in range(len(values)))
    have = " AND ".join(f"{value} IS NOT NULL" for value in values)
    query = (  # printed, never run
        f"SELECT {', '.join(values)}, count(*) FROM {table} AS r WHERE {have} GROUP BY {numbers} "  # noqa: S608
        f"HAVING count(*) > 1 {_MOST}"
    )
    yield from _select(match, inputs, table, "see the values that several rows have", query)
    yield Step("in the script, before the constraint, merge or change these rows, or leave it out")


def without_parent(match: re.Match[str], inputs: FailureInputs) -> Iterator[Step]:
    """The rows whose parent is missing, for a new foreign key."""
    made = _FOREIGN.search(statement(match))
    if made is None:
        return
    columns = [name.strip().strip('"') for name in made["columns"].split(",")]
    keys = [_quoted(name.strip().strip('"')) for name in made["keys"].split(",")]
    if _is_new(match, inputs, columns) is not False:
        return
    named = [f"r.{_quoted(name)}" for name in columns]
    pairs = " AND ".join(f"p.{key} = {name}" for key, name in zip(keys, named, strict=False))
    have = " AND ".join(f"{name} IS NOT NULL" for name in named)
    query = (
        f"SELECT r.* FROM {made['table']} AS r WHERE {have} AND NOT EXISTS "  # noqa: S608
        f"(SELECT FROM {made['parent']} AS p WHERE {pairs}) {_MOST}"
    )
    yield from _select(match, inputs, made["table"], "see the rows without a parent", query, made["parent"])
    yield Step(
        "in the script, before the foreign key, give these rows a parent, set the column to NULL, or delete them"
    )


def statement(match: re.Match[str]) -> str:
    """The statement that failed, as SQLAlchemy appends it; '' if it is not in the output."""
    sql = _SQL.search(match.string, match.start())
    return re.sub(r"\s+", " ", sql["sql"]).strip() if sql else ""


def _select(
    match: re.Match[str], inputs: FailureInputs, table: str, why: str, query: str, *others: str
) -> Iterator[Step]:
    """The query as a command, if it works now: a table that the rolled-back run has made is gone again."""
    if not table or inputs.data is Data.EMPTY:
        return
    made = [name for name in (table, *others) if _is_made(match, inputs, name)]
    command = None if made else psql(inputs, query)
    if command:
        yield Step(why, command)


def _is_made(match: re.Match[str], inputs: FailureInputs, table: str) -> bool:
    name = re.escape(table.rpartition(".")[2].strip('"'))
    texts = begun_scripts(match.string, inputs.scripts)
    return any(re.search(rf"(?:create_table|rename_table)\([^)]*?[\"']{name}[\"']", text) for text in texts)


def _is_new(match: re.Match[str], inputs: FailureInputs, columns: Sequence[str]) -> bool | None:
    """Whether the run that was rolled back has added one of the columns; None: not known."""
    texts = begun_scripts(match.string, inputs.scripts)
    if not texts:
        return None
    names = "|".join(map(re.escape, columns))
    return any(
        re.search(rf"(?:Column\(\s*|new_column_name=|ADD (?:COLUMN )?)[\"']?(?:{names})\b", text) for text in texts
    )


def _value(match: re.Match[str], inputs: FailureInputs, column: str) -> str:
    """The column of ``r``; in a form that also works if the column was rolled back, unless it is known to be old."""
    if _is_new(match, inputs, [column]) is False:
        return f"r.{_quoted(column)}"
    return f"to_jsonb(r) ->> $${column}$$"


def _quoted(name: str) -> str:
    escaped = name.replace('"', '""')
    return f'"{escaped}"' if name else ""
