"""A statement changes or drops something in a way that the server does not allow."""

from __future__ import annotations

import re

from migops.commands.failures.causes import dependents
from migops.commands.failures.failure import Failure, Step

_AUTOCOMMIT = "in the script, run this statement by itself: with op.get_context().autocommit_block(): op.execute(…)"


CHANGES: tuple[Failure, ...] = (
    Failure(
        "enum-value-too-early",
        re.compile(r"unsafe use of new value|UnsafeNewEnumValueUsage|New enum values must be committed before"),
        "a migration uses an enum's new value in the transaction that adds it: PostgreSQL wants it committed first",
        fix=(
            Step(
                "in the script that adds the value, commit it first: with op.get_context().autocommit_block(): "
                "op.execute(\"ALTER TYPE … ADD VALUE IF NOT EXISTS '…'\")"
            ),
        ),
    ),
    Failure(
        "needs-autocommit",
        re.compile(
            r"(?P<name>[A-Z][A-Z .…]{2,60}?) cannot (?:run inside a transaction block|be executed (?:from a "
            r"function|within a "
            r"pipeline|inside a transaction block)|be executed from)|ActiveSqlTransaction\b|"
            r"cannot VACUUM from within a transaction|Cannot change into wal mode from within a transaction"
        ),
        "the statement cannot run inside a transaction, and Alembic runs migrations in one",
        fix=(Step(_AUTOCOMMIT), Step("a CREATE INDEX CONCURRENTLY that failed leaves an invalid index: drop it first")),
    ),
    Failure(
        "dependent-objects",
        re.compile(
            r"cannot (?:drop|alter type of|change) [^\n]{1,200}? because (?:other objects|\w[^\n]{0,100}) "
            r"(?:depends? on|requires?) it|"
            r"DependentObjectsStillExist|cannot alter type of a column used by|"
            r"Cannot drop (?:table|column|index) '[^'\n]{1,80}'[^\n]{0,20}(?:needed in|referenced by) a foreign key"
        ),
        "something else depends on what the migration drops or changes",
        cause=dependents,
        fix=(
            Step(
                "in the script, drop or change first what depends on it, and make it again afterwards; CASCADE would "
                "drop it without a word"
            ),
        ),
    ),
    Failure(
        "cannot-cast",
        re.compile(r"cannot be cast automatically to type|default for column [^\n]{1,80} cannot be cast"),
        "the server does not know how to turn the column's present values (or its default) into the new type",
        fix=(
            Step(
                'in the script, say how: op.alter_column(…, type_=…, postgresql_using="column::newtype"); a default is '
                "dropped before (server_default=None), and set after"
            ),
        ),
    ),
    Failure(
        "sqlite-no-alter",
        re.compile(
            r"No support for ALTER of constraints in SQLite|near \"(?:ALTER|CONSTRAINT|DROP|MODIFY|COMMENT)\": "
            r"syntax error|"
            r"Cannot add a (?:UNIQUE|PRIMARY KEY|REFERENCES|STORED)|error in (?:index|table|view|trigger) "
            r"\w{1,63} after drop column"
        ),
        "SQLite cannot change a table in this way: Alembic's batch mode makes a new one and copies the rows",
        fix=(
            Step(
                'in the script, write: with op.batch_alter_table("table") as batch: batch.alter_column(…) (or '
                "drop_column, create_unique_constraint, …); render_as_batch=True in env.py's context.configure does so "
                "for new revisions"
            ),
        ),
    ),
    Failure(
        "unnamed-constraint",
        re.compile(r"Constraint must have a name|it has no name|Can't emit \w+ CONSTRAINT for constraint"),
        "the migration makes or drops a constraint without saying its name (None, as autogenerate writes it)",
        fix=(
            Step(
                "in the script, write the constraint's name in place of None (SQLite: give batch_alter_table a "
                "naming_convention, which names those that have none); a naming_convention in MetaData names the "
                "new ones"
            ),
        ),
    ),
)
