"""A program, a module, a driver or a name is missing where Alembic runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migops.commands.failures.causes import driver_of
from migops.commands.failures.failure import Failure, Step
from migops.commands.failures.inputs import FailureInputs
from migops.commands.failures.program import name_program
from migops.runner.traceback import script_place

_REBUILD = ("{compose}", "build", "{service}")
_NO_PROGRAM = (
    Step(
        "if the image has a virtual environment, name its program in the compose file, under the service: "
        "x-migops: {alembic: /app/.venv/bin/alembic}"
    ),
    Step("else add alembic to the requirements that the image installs, then rebuild", _REBUILD),
)
_DRIVERS = {
    "psycopg2": "psycopg2-binary", "psycopg": "psycopg[binary]", "asyncpg": "asyncpg", "pg8000": "pg8000",
    "MySQLdb": "mysqlclient", "pymysql": "pymysql", "aiomysql": "aiomysql", "asyncmy": "asyncmy", "mariadb": "mariadb",
    "mysql": "mysql-connector-python", "aiosqlite": "aiosqlite", "greenlet": "greenlet", "oracledb": "oracledb",
    "cx_Oracle": "cx_Oracle", "pyodbc": "pyodbc", "aioodbc": "aioodbc", "psycopg2cffi": "psycopg2cffi",
}  # fmt: skip
"""Module → the package that has it."""
_IMPORTS = {
    "sa": "import sqlalchemy as sa", "op": "from alembic import op", "context": "from alembic import context",
    "postgresql": "from sqlalchemy.dialects import postgresql", "mysql": "from sqlalchemy.dialects import mysql",
    "sqlite": "from sqlalchemy.dialects import sqlite", "mssql": "from sqlalchemy.dialects import mssql",
    "Text": "from sqlalchemy import Text", "text": "from sqlalchemy import text", "os": "import os",
}  # fmt: skip


def _install(match: re.Match[str], inputs: FailureInputs) -> Iterator[Step]:
    module = (match["module"] or "").partition(".")[0]
    package = _DRIVERS.get(module, "")
    build = inputs.target.commands.build()
    if package:
        yield Step(f"add {package} to the requirements that the image installs, then rebuild", build)


def _not_installed(match: re.Match[str], inputs: FailureInputs) -> Iterator[Step]:
    """A folder without ``__init__.py`` is found only if no path has the package."""
    root = inputs.target.root
    folder = next((each for each in (root / "alembic", inputs.target.config.parent / "alembic") if each.is_dir()), None)
    if folder is not None and not (folder / "__init__.py").exists():
        yield Step(
            "add alembic to the requirements that the image installs, then rebuild", inputs.target.commands.build()
        )


def _import(match: re.Match[str], inputs: FailureInputs) -> Iterator[Step]:
    name = match["name"]
    line = _IMPORTS.get(name, f"import {name}")
    place = script_place(match.string, inputs.scripts)
    where = f"at the top of {place}" if place else "at the top of the script"
    where = where.rpartition(":")[0] if place else where
    yield Step(f"{where}, write: {line}")
    yield Step("and in script.py.mako, beside `import sqlalchemy as sa`, so that new revisions have it")


CODE: tuple[Failure, ...] = (
    Failure(
        "no-cryptography",
        re.compile(r"'?cryptography'? package is required"),
        "the driver needs the package cryptography for the server's way to check passwords (MySQL 8: "
        "caching_sha2_password)",
        fix=(Step("add cryptography to the requirements that the image installs, then rebuild", _REBUILD),),
    ),
    Failure(
        "shadowed-package",
        re.compile(
            r"No module named '?alembic\.(?:__main__|config|command|context|op|script|util)\b|"
            r"cannot import name '(?:context|op|command|config)' from '?alembic'|"
            r"module 'alembic' has no attribute '(?:context|op|command|config)'"
        ),
        "Python finds the project's own folder alembic in place of the package: the folder has an __init__.py, or the "
        "package is not installed for this Python",
        look=_not_installed,
        fix=(
            Step(
                "delete alembic/__init__.py (the scripts folder does not need it), or rename the folder to migrations"
            ),
            Step("rebuild, to remove it from the image too", ("{compose}", "build", "{service}")),
        ),
    ),
    Failure(
        "no-alembic",
        re.compile(r"No module named '?(?:alembic|flask_migrate)'?(?![\w.])|No module named '?flask'?(?![\w.])"),
        "the Python that runs there does not have Alembic: the image does not install it, or installs it for another "
        "Python (a virtual environment)",
        look=name_program,
        seeks_program=True,
        fix=_NO_PROGRAM,
    ),
    Failure(
        "program-not-found",
        re.compile(
            r"exec: \"(?P<program>[\w./-]{1,120})\": (?:executable file not found|stat [^\n]{1,200}: no such file)|"
            r"\b(?P<program2>alembic|flask|poetry|uv|pdm|pipenv|python3?)[\"']?: (?:command )?not found|"
            r"can't open '?(?P<program3>alembic)|has no program '[^'\n]{1,120}' on its PATH|"
            r"\[(?:FATAL tini|dumb-init)[^\n]{0,20}\] (?:exec )?(?P<program4>[\w./-]{1,120})(?: failed)?: No such "
            r"file|executable file not found in \$PATH"
        ),
        "the program that should run Alembic is not in the container, or not on its PATH",
        look=name_program,
        seeks_program=True,
        codes=(127,),
        fix=_NO_PROGRAM,
    ),
    Failure(
        "no-driver",
        re.compile(
            rf"No module named '?(?P<module>{'|'.join(_DRIVERS)})'?(?![\w])|the greenlet library is required|"
            r"no pq wrapper available|Error loading (?:MySQLdb|psycopg2?) module"
        ),
        "the driver that the database URL names is not installed where Alembic runs",
        cause=driver_of,
        look=_install,
        fix=(
            Step(
                "add the driver to the requirements that the image installs (psycopg[binary], greenlet, mysqlclient), "
                "then rebuild",
                _REBUILD,
            ),
            Step("or write the driver that is installed into the URL: postgresql+psycopg://"),
        ),
    ),
    Failure(
        "missing-import",
        re.compile(r"NameError: name '(?P<name>\w{1,80})' is not defined"),
        "a script uses a name that it does not import: autogenerate writes the names of types, not their imports",
        look=_import,
        fix=(Step("at the top of the script, import it; and in script.py.mako, so that new revisions have it"),),
    ),
    Failure(
        "no-module",
        re.compile(r"(?:ModuleNotFoundError|ImportError): No module named '?(?:[\w.]{1,100})'?"),
        "env.py, or a module it imports, needs a module that is missing where Alembic runs",
        rules=("MIG104",),
        fix=(
            Step(
                "if it is part of the project: set prepend_sys_path = . in alembic.ini, and run from the project folder"
            ),
            Step("if it is a package: add it to the requirements and rebuild", ("{compose}", "build", "{service}")),
        ),
    ),
)
