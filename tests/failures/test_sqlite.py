"""SQLite's, SQLAlchemy's and Python's failures, provoked by the real Alembic in this process."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from migops.commands.failures.recognise import recognise
from tests.failures import provoke

ENV = """
from alembic import context
from sqlalchemy import create_engine

{}
with create_engine(context.config.get_main_option("sqlalchemy.url"), connect_args=dict({})).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""


def environment(folder: Path, upgrade: list[str], before: str = "", arguments: str = "timeout=0.1") -> Config:
    (folder / "versions").mkdir()
    (folder / "env.py").write_text(ENV.format(before, arguments))
    (folder / "versions" / "0001_case.py").write_text(provoke.script(upgrade))
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("sqlalchemy.url", f"sqlite:///{folder}/shop.db")
    return config


def failure(config: Config) -> str:
    """The name of the failure with which the upgrade ends, as its traceback tells."""
    try:
        command.upgrade(config, "head")
    except Exception:  # noqa: BLE001 - whatever it is, it is what the case provokes
        text = traceback.format_exc()
        known = recognise(text)
        assert known is not None, text
        return known[0].name
    raise AssertionError("it did not fail")


MADE = (
    "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT, mail TEXT)",
    "CREATE INDEX ix_users_name ON users (name)",
    "INSERT INTO users (name, mail) VALUES ('a', 'x'), ('b', 'x'), (NULL, 'y')",
)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("table-exists", "op.create_table('users', sa.Column('id', sa.Integer))"),
        ("table-exists", "op.add_column('users', sa.Column('name', sa.Text))"),
        ("index-exists", "op.create_index('ix_users_name', 'users', ['name'])"),
        ("missing-table", "op.execute('UPDATE nowhere SET a = 1')"),
        ("missing-column", "op.execute('UPDATE users SET missing = 1')"),
        ("missing-object", "op.drop_index('ix_nowhere')"),
        ("missing-schema", "op.create_table('x', sa.Column('n', sa.Integer), schema='tenant')"),
        ("missing-function", 'op.execute("SELECT now()")'),
        ("sqlite-no-alter", "op.create_unique_constraint('uq', 'users', ['mail'])"),
        ("sqlite-no-alter", "op.alter_column('users', 'name', nullable=False)"),
        ("sqlite-no-alter", "op.execute('ALTER TABLE users ADD u TEXT UNIQUE')"),
        ("null-values", "op.add_column('users', sa.Column('age', sa.Integer, nullable=False))"),
        ("null-values", "with op.batch_alter_table('users') as batch: batch.alter_column('name', nullable=False)"),
        ("unique-violation", "with op.batch_alter_table('users') as b: b.create_unique_constraint('uq', ['mail'])"),
        ("unique-violation", "op.create_index('uq', 'users', ['mail'], unique=True)"),
        ("unnamed-constraint", "with op.batch_alter_table('users') as batch: batch.drop_constraint(None)"),
        ("missing-object", "with op.batch_alter_table('users') as batch: batch.drop_constraint('fk', 'foreignkey')"),
        ("needs-autocommit", "op.execute('INSERT INTO users (name) VALUES (1)'); op.execute('VACUUM')"),
        ("missing-import", "op.add_column('users', sa.Column('x', sqlmodel.AutoString()))"),
        ("no-module", "import no_such_module_of_the_project"),
        ("unset-variable", "import os; os.environ['NO_SUCH_VARIABLE']"),
    ],
)
def test_a_statement(name: str, line: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection, connection:
        for statement in MADE:
            connection.execute(statement)
    assert failure(environment(tmp_path, [line])) == name


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    config = environment(tmp_path, ["pass"])
    config.set_main_option("sqlalchemy.url", f"sqlite:///{tmp_path}/nowhere/shop.db")
    assert failure(config) == "sqlite-cannot-open"


@contextmanager
def locked(file: Path) -> Iterator[None]:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


def test_a_file_that_another_process_has_locked(tmp_path: Path) -> None:
    config = environment(tmp_path, ["pass"])
    with locked(tmp_path / "shop.db"):
        assert failure(config) == "sqlite-locked"


def test_a_file_that_is_read_only(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection, connection:
        connection.execute("CREATE TABLE t (n INTEGER)")
    config = environment(tmp_path, ["pass"], arguments="uri=True")
    config.set_main_option("sqlalchemy.url", f"sqlite:///file:{tmp_path}/shop.db?mode=ro&uri=true")
    assert failure(config) == "sqlite-read-only"


@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("no-driver", "create_engine('postgresql+psycopg2://u@h/d')"),
        ("no-driver", "create_engine('mysql+pymysql://u@h/d')"),
        ("postgres-scheme", "create_engine('postgres://u@h/d')"),
        ("unknown-driver", "create_engine('postgresql+psycopg3://u@h/d')"),
        ("unusable-url", "create_engine('not a url')"),
        ("connection-refused", "create_engine('postgresql+psycopg://u@127.0.0.1:1/d').connect()"),
        ("name-not-resolved", "create_engine('postgresql+psycopg://u@no-such-host.invalid/d').connect()"),
        ("driver-option", "create_engine('postgresql+psycopg://u@127.0.0.1/d?schema=x').connect()"),
        ("event-loop-runs-already", "import asyncio\nasync def f(): asyncio.run(None)\nasyncio.run(f())"),
        ("no-module", "import no_such_module_of_the_project"),
    ],
)
def test_what_env_py_does_first(name: str, before: str, tmp_path: Path) -> None:
    assert failure(environment(tmp_path, ["pass"], before)) == name


def test_python_without_alembic(tmp_path: Path) -> None:
    words = (sys.executable, "-S", "-m", "alembic", "upgrade", "head")
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    known = recognise(done.stderr)
    assert known is not None, done.stderr
    assert known[0].name == "no-alembic"


def test_a_shell_that_does_not_find_it(tmp_path: Path) -> None:
    env = {**os.environ, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["sh", "-c", "alembic upgrade head"], env=env, capture_output=True, text=True, check=False)
    known = recognise(done.stderr, done.returncode)
    assert known is not None, done.stderr
    assert known[0].name == "program-not-found"
