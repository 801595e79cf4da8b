"""Failures at the rows that a table has."""

from __future__ import annotations

import re

from migops.commands.failures.failure import Failure, Step
from migops.commands.failures.rows import duplicates, with_null, without_parent

DATA: tuple[Failure, ...] = (
    Failure(
        "null-values",
        re.compile(
            r"column \"(?P<column>[\w$ -]{1,63})\"(?: of relation \"(?P<table>[\w.$ -]{1,63})\")? contains null values|"
            r"null value in column \"[^\"\n]{1,63}\"[^\n]{0,100} violates not-null constraint|NOT NULL constraint "
            r"failed: |"
            r"Cannot add a NOT NULL column with default value NULL|Column '[^'\n]{1,64}' cannot be null|"
            r"Invalid use of NULL value|Data truncated for column '[^'\n]{1,64}'|Field '[^'\n]{1,64}' doesn't "
            r"have a default value|"
            r"NotNullViolation"
        ),
        "a column becomes NOT NULL, or is added so, and rows of the table have no value for it",
        look=with_null,
        fix=(
            Step(
                "in the script, give the existing rows a value: server_default=… on the new column, or in three steps: "
                "nullable=True, an UPDATE that fills it, then op.alter_column(…, nullable=False)"
            ),
        ),
    ),
    Failure(
        "unique-violation",
        re.compile(
            r"could not create unique index|duplicate key value violates unique constraint|UNIQUE constraint failed: |"
            r"Duplicate entry '[^\n]{0,300}' for key|UniqueViolation"
        ),
        "rows of the table have the same value where the constraint allows each only once",
        look=duplicates,
        fix=(
            Step(
                "in the script, before the constraint, merge or change these rows: SELECT column, count(*) FROM table "
                "GROUP BY column HAVING count(*) > 1 shows them"
            ),
        ),
    ),
    Failure(
        "foreign-key-violation",
        re.compile(
            r"violates (?:RESTRICT setting of )?foreign key constraint|FOREIGN KEY constraint failed|a foreign "
            r"key constraint fails|"
            r"ForeignKeyViolation"
        ),
        "rows refer to a parent that is not there, or a parent is removed while rows still refer to it",
        look=without_parent,
        fix=(
            Step(
                "in the script, before this statement, give the rows a parent that exists, set the column to NULL, or "
                "delete them"
            ),
        ),
    ),
    Failure(
        "foreign-key-target",
        re.compile(
            r"there is no unique constraint matching given keys|foreign key constraint [^\n]{1,80} cannot be "
            r"implemented|"
            r"are incompatible: |Cannot add foreign key constraint|Foreign key constraint is incorrectly formed|"
            r"Missing (?:unique|index)[^\n]{0,40} (?:key|constraint) for|foreign key mismatch"
        ),
        "the foreign key does not fit its target: the columns' types differ, or the target is not unique",
        fix=(
            Step("in the script, give both columns the same type, and the target a primary key or a unique constraint"),
        ),
    ),
    Failure(
        "check-violation",
        re.compile(
            r"check constraint \"[^\"\n]{1,63}\"[^\n]{0,100} is violated by some row|violates check constraint|"
            r"CHECK constraint failed: |Check constraint '[^'\n]{1,64}' is violated|CheckViolation"
        ),
        "rows of the table do not satisfy the check constraint",
        fix=(Step("in the script, before the constraint, change the rows that break it; or create it as NOT VALID"),),
    ),
)
