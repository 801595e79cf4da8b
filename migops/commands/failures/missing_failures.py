"""A statement uses what the database does not have."""

from __future__ import annotations

import re

from migops.commands.failures.causes import asks_first, maker, server_image, was_part
from migops.commands.failures.extensions import install, of_object
from migops.commands.failures.failure import Changes, Failure, Step
from migops.commands.failures.grants import use_public
from migops.commands.failures.inputs import FailureInputs

_NAME = r"\"(?P<name>[\w.$-]{1,128})\""


def _table_cause(match: re.Match[str], inputs: FailureInputs) -> str:
    return "; ".join(each for each in (asks_first(match, inputs), maker(match, inputs)) if each)


MISSING: tuple[Failure, ...] = (
    Failure(
        "missing-schema",
        re.compile(
            rf"\bschema {_NAME} does not exist|no schema has been selected to create in|unknown database "
            rf"(?P<name2>\w{{1,63}})\b"
        ),
        "the migration, or the version table, needs a schema that does not exist, or that the user may not use",
        look=use_public,
        fix=(
            Step(
                'before it is used: op.execute("CREATE SCHEMA IF NOT EXISTS …") in the script; for '
                "version_table_schema, "
                "the same in env.py before context.configure, followed by a commit"
            ),
        ),
    ),
    Failure(
        "extension-not-available",
        re.compile(
            rf"\bextension {_NAME} is not available|could not open extension control file \"[^\"\n]{{1,200}}?/"
            r"(?P<name2>[\w-]{1,63})\.control\"|could not access file \"[^\"\n]{1,200}\": No such file"
        ),
        "the migration needs an extension that the database server's image does not contain",
        cause=server_image,
        look=install,
        fix=(
            Step("use an image of the same PostgreSQL version that contains the extension, for the database service"),
        ),
        changes=Changes.SERVICE,
    ),
    Failure(
        "missing-type",
        re.compile(rf"\btype {_NAME} does not exist"),
        "the migration uses a type that the database does not have: an extension that was not created, or an enum that "
        "no earlier migration created",
        look=of_object,
        cause=server_image,
        fix=(
            Step("in the script, create the type before it is used: postgresql.ENUM(…, name=…).create(op.get_bind())"),
        ),
    ),
    Failure(
        "missing-function",
        re.compile(
            r"\bfunction (?P<name>[\w.]{1,128})\([^)\n]{0,300}\) does not exist|operator class "
            r"\"(?P<name2>\w{1,63})\" does not exist|"
            r"no such function: (?P<name3>\w{1,63})|FUNCTION (?P<name4>[\w.]{1,128}) does not exist|"
            r"operator does not exist: [^\n]{1,100}"
        ),
        "the migration uses a function or operator that the database does not have, often of an extension that was not "
        "created",
        look=of_object,
        cause=server_image,
        fix=(
            Step(
                "in the script, create the function, or its extension, before it is used; check the types of its "
                "arguments"
            ),
        ),
    ),
    Failure(
        "missing-role",
        re.compile(rf"\brole {_NAME} does not exist"),
        "the migration names a role (GRANT, OWNER TO) that this server does not have: roles are of the server, "
        "not of the "
        "database, and are in no migration or dump of it",
        fix=(Step("create the role in this server first, or take it out of the script"),),
        changes=Changes.NOTHING,
    ),
    Failure(
        "missing-column",
        re.compile(
            r"\bcolumn \"?(?P<column>[\w.$-]{1,128})\"? (?:of relation \"(?P<table>[\w.$-]{1,63})\" )?does not exist|"
            r"no such column: \"?(?P<column2>[\w.]{1,128})|Unknown column '(?P<column3>[\w.]{1,128})'|"
            r"has no column named (?P<column4>\w{1,128})"
        ),
        "the statement uses a column that the table does not have: another name, another schema, or the database's "
        "schema is not what the history says",
        rules=("MIG401", "MIG406", "MIG403"),
        fix=(
            Step("compare the tables with the recorded revision", ("migops", "status")),
            Step("if the column is made by a later revision, change the order; if it never was, correct the script"),
        ),
        asks_database=True,
    ),
    Failure(
        "missing-object",
        re.compile(
            rf"\b(?P<kind>constraint|index|sequence|trigger|view|policy|extension|collation|text search configuration|"
            rf"materialized view) {_NAME}[^\n]{{0,160}}? does not exist|No such constraint: '|no such index: |"
            r"Can't DROP (?:COLUMN |INDEX |CONSTRAINT |FOREIGN KEY )?[`'](?P<name2>[\w.$-]{1,64})[`']|"
            r"UndefinedObject(?:Error)?\b"
        ),
        "the migration drops or changes something that the database does not have: there it has another name, or was "
        "never made",
        cause=was_part,
        fix=(
            Step(
                "look up the name that it has in this database, and write that into the script; a naming_convention in "
                "MetaData keeps the names alike everywhere"
            ),
        ),
    ),
    Failure(
        "missing-table",
        re.compile(
            r"\brelation \"(?P<table>[\w.$-]{1,128})\" does not exist|\btable \"(?P<table2>[\w.$-]{1,63})\" does "
            r"not exist|"
            r"no such table: (?P<table3>[\w.]{1,128})|Table '(?P<table4>[\w.$-]{1,128})' doesn't exist|"
            r"Unknown table '(?P<table5>[\w.$-]{1,128})'|UndefinedTable"
        ),
        "a statement uses a table that the database does not have: the history does not make it, code asks for it "
        "before "
        "the migrations have run, or it is in another schema",
        rules=("MIG309", "MIG406", "MIG403"),
        cause=_table_cause,
        fix=(
            Step(
                "if code that env.py imports asks for it, move the query into a function that runs after the migrations"
            ),
            Step(
                "if no migration makes the table, make it in the first one; tables that create_all made are in no "
                "history"
            ),
        ),
        asks_database=True,
    ),
)
