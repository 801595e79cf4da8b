"""What `alembic check` writes, as sentences: of the real Alembic, and of text that it would never write."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migops.sources.drift import FOUND, differences

MODELS = """
from sqlalchemy import *
m = MetaData()
Table("a", m, Column("id", Integer, primary_key=True),
      Column("n", String(20), nullable=False, server_default="x'y, (z]"),
      Column("newcol", Numeric(10, 2)), Index("ix_n", "n"), comment="hi")
Table("fresh", m, Column("id", Integer, primary_key=True), Column("a_id", ForeignKey("a.id")),
      UniqueConstraint("a_id", name="uq_a"))
Table("b", m, Column("id", Integer, primary_key=True), Column("x", Integer),
      Column("a_id", ForeignKey("a.id", name="fk_b")), UniqueConstraint("x", name="uq_x"))
"""
ENV = """
from alembic import context
from sqlalchemy import create_engine
import models
with create_engine("sqlite:///shop.db").connect() as connection:
    context.configure(connection=connection, target_metadata=models.m, compare_server_default=True)
    context.run_migrations()
"""
TABLES = """
CREATE TABLE a (id INTEGER NOT NULL PRIMARY KEY, n VARCHAR(10));
CREATE TABLE b (id INTEGER NOT NULL PRIMARY KEY, x INTEGER NOT NULL, old TEXT, a_id INTEGER);
CREATE TABLE gone (id INTEGER PRIMARY KEY);
CREATE INDEX ix_gone ON b (old);
CREATE TABLE alembic_version (version_num VARCHAR(32));
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = m\nprepend_sys_path = .\n")
    (tmp_path / "models.py").write_text(MODELS)
    (tmp_path / "m/versions").mkdir(parents=True)
    (tmp_path / "m/env.py").write_text(ENV)
    (tmp_path / "m/script.py.mako").write_text("")
    return tmp_path


def check(project: Path, sql: str) -> str:
    with closing(sqlite3.connect(project / "shop.db")) as connection:
        connection.executescript(sql)
    done = subprocess.run(
        (sys.executable, "-B", "-m", "alembic", "check"), cwd=project, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_every_kind_of_difference_of_the_real_alembic(project: Path) -> None:
    assert sorted(differences(check(project, TABLES)) or ()) == [
        "column a.n: NULL in the database, NOT NULL in the models",
        "column a.n: VARCHAR(length=10) in the database, String(length=20) in the models",
        """column a.n: default none in the database, DefaultClause("x'y, (z]", for_update=False) in the models""",
        "column a.newcol: in the models only",
        "column b.old: in the database only",
        "column b.x: NOT NULL in the database, NULL in the models",
        "foreign key fk_b on b (a_id): in the models only",
        "index ix_gone on b (old): in the database only",
        "index ix_n on a (n): in the models only",
        "table fresh: in the models only",
        "table gone: in the database only",
        "unique constraint on b (x): in the models only",
    ]


def test_no_difference_and_no_answer(project: Path) -> None:
    (project / "models.py").write_text("from sqlalchemy import MetaData\nm = MetaData()\n")
    assert differences(check(project, "CREATE TABLE alembic_version (version_num VARCHAR(32))")) == ()
    (project / "models.py").write_text("raise RuntimeError('nobody knows')\n")
    assert differences(check(project, "")) is None
    assert differences("FAILED: Target database is not up to date.\n") is None


def test_a_schema_is_part_of_the_tables_name() -> None:
    text = f"{FOUND}[('add_column', 'tenant', 'a', Column('x', Integer(), table=<a>))]"
    assert differences(text) == ("column tenant.a.x: in the models only",)


def test_what_is_not_known_is_shown_as_it_was_written() -> None:
    assert differences(f"{FOUND}[('grant', 'all', 1)]") == ("('grant', 'all', 1)",)
    (long,) = differences(f"{FOUND}[('grant', '{'x' * 500}')]") or ()
    assert (len(long), long[-1]) == (160, "…")


KINDS = st.sampled_from(["add_table", "add_column", "modify_type", "add_fk"])


@given(st.text(st.sampled_from("()[]{}'\",\\ anT_=<>\n")), KINDS)
def test_no_text_brings_it_down(text: str, kind: str) -> None:
    differences(f"{FOUND}[('{kind}', {text})]")
    differences(f"{FOUND}[{text}")
