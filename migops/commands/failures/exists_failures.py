"""A statement creates what already exists."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migops.commands.failures.causes import was_part
from migops.commands.failures.failure import Failure, Step
from migops.commands.failures.inputs import FailureInputs

_NAME = r"\"(?P<name>[\w.$-]{1,128})\""

_STAMP = "stamp only the revision that really matches the tables: anything a stamp skips never runs"
_ALONE = re.compile(r"Duplicate (?:column|key) name|duplicate column name|\(1050,|\b1050 \(42S01\)|mariadb\.")


def _left_out(match: re.Match[str], inputs: FailureInputs) -> Iterator[Step]:
    """MySQL and SQLite keep what a failed run has made, and know no IF NOT EXISTS for columns (MySQL: nor for "
    "indexes)."""
    if _ALONE.search(match[0]) or _ALONE.search(match.string, match.start() - 10 if match.start() > 10 else 0):
        yield Step(
            "compare the table with the script. If an earlier run made what is there: leave that out of the "
            "script, apply "
            "the rest, then put it back into the script; if create_all made it, remove create_all from the startup"
        )
        yield Step(_STAMP)


EXISTS: tuple[Failure, ...] = (
    Failure(
        "type-exists",
        re.compile(rf"\btype {_NAME} already exists"),
        "the migration creates a type (an enum) that already exists: create_all made it, two tables of the migration "
        "have it, or an earlier downgrade dropped the table and left its type",
        rules=("MIG401", "MIG601"),
        fix=(
            Step(
                "if its values are the right ones, create it only if it is missing: kind = postgresql.ENUM(…, "
                "name=…, create_type=False), then kind.create(op.get_bind(), checkfirst=True), and use kind in the "
                "columns; have downgrade drop it: kind.drop(op.get_bind(), checkfirst=True)"
            ),
        ),
        asks_database=True,
    ),
    Failure(
        "index-exists",
        re.compile(
            r"\bindex \"?(?P<name>[\w.$-]{1,128})\"? already exists|Duplicate key name '(?P<name2>[\w.$-]{1,64})'|"
            r"relation \"(?P<name3>[\w.$-]{1,63})\" already exists(?=[^\[]{0,600}\[SQL: \s*CREATE (?:UNIQUE )?INDEX)"
        ),
        "the migration creates an index that already exists: create_all made it, the migration creates it twice "
        "(index=True and create_index), or an earlier run was interrupted",
        rules=("MIG401", "MIG601"),
        cause=was_part,
        look=_left_out,
        fix=(
            Step(
                "if it is the same index, write op.create_index(…, if_not_exists=True); on MySQL, leave out of the "
                "script what is there already, until this revision is applied"
            ),
        ),
        asks_database=True,
    ),
    Failure(
        "constraint-exists",
        re.compile(
            rf"\bconstraint {_NAME} (?:for|of|on) (?:relation|table|domain) [\"'`]?[\w.$-]{{1,63}}[\"'`]? already "
            rf"exists|"
            r"Duplicate (?:foreign key|check) constraint name '|multiple primary keys for table|Multiple primary "
            r"key defined"
        ),
        "the migration creates a constraint that already exists: under this name, the table has one",
        rules=("MIG401", "MIG601"),
        cause=was_part,
        fix=(
            Step(
                "if it is the same constraint, take its line out of the script; else give the new one another name, or "
                "drop the old one first: op.drop_constraint(name, table)"
            ),
        ),
        asks_database=True,
    ),
    Failure(
        "schema-exists",
        re.compile(rf"\bschema {_NAME} already exists"),
        "the migration creates a schema that already exists",
        fix=(Step('in the script: op.execute("CREATE SCHEMA IF NOT EXISTS …")'),),
    ),
    Failure(
        "object-exists",
        re.compile(
            r"\b(?P<kind>extension|function|procedure|aggregate|operator|trigger|policy|rule|role|sequence|view|domain|"
            r"collation|publication|statistics object|language) \"[^\"\n]{1,128}\"[^\n]{0,100} already exists|"
            r"sqlite3\.OperationalError\)?:? (?P<kind2>trigger|view) \w{1,128} already exists"
        ),
        "the migration creates an object that already exists: something other than this history made it",
        fix=(
            Step(
                "in the script, make it only if it is missing: IF NOT EXISTS, or OR REPLACE for a function, view or "
                "trigger; else drop the old one first"
            ),
        ),
    ),
)

TABLE_EXISTS = Failure(
    "table-exists",
    re.compile(
        r"DuplicateTable|DuplicateColumn|[Dd]uplicate column name|[Tt]able '?[\w.]{1,63}'? already exists|"
        r"(?:relation|column) \"[\w.]{1,63}\" (?:of \S{1,70} \S{1,70} )?already exists"
    ),
    "the migration creates something that already exists: something other than Alembic created it (often "
    "create_all at application startup), or an earlier run was interrupted on a database without transactional DDL",
    rules=("MIG401", "MIG601"),
    cause=was_part,
    look=_left_out,
    fix=(
        Step("see the recorded revision", ("migops", "alembic", "current")),
        Step(
            "if what is there is the right table (or column), make it only if it is missing: if_not_exists=True in "
            "op.create_table (Alembic 1.13.3) and op.add_column (1.16); and remove create_all from the application's "
            "startup, so that only Alembic creates tables"
        ),
        Step(_STAMP),
    ),
    asks_database=True,
)
