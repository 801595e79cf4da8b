"""MIG510: env.py leaves a transaction open in which all migrations are rolled back."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.shop import Answer, Shop, reported

ENV = """from alembic import context
def run_migrations_online():
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(1)"))
        context.configure(connection=connection)
        with context.begin_transaction():
            context.run_migrations()
"""


def doctor(folder: Path, requirements: str, env_py: str = ENV) -> Answer:
    shop = Shop.at(folder).line("a1").write("migrations/env.py", env_py).write("requirements.txt", requirements)
    return reported(shop.run("doctor", "--no-engine", "--select", "MIG510"))


@pytest.mark.parametrize("requirements", ["", "sqlalchemy\n", "SQLAlchemy==2.0.30\n", "sqlalchemy>=1.4\n"])
def test_it_is_told_with_its_line(tmp_path: Path, requirements: str) -> None:
    said = doctor(tmp_path, requirements)
    assert said.code == 1
    assert "env.py never commits the migrations" in said.of("MIG510").text
    assert f"{tmp_path}/shop/migrations/env.py:4 runs a statement" in said.of("MIG510").text
    assert "connection.commit()" in said.of("MIG510").fix


@pytest.mark.parametrize("requirements", ["sqlalchemy<2\n", "SQLAlchemy==1.4.54\n", "sqlalchemy~=1.4\n"])
def test_an_older_sqlalchemy_begins_nothing_by_itself(tmp_path: Path, requirements: str) -> None:
    assert doctor(tmp_path, requirements).said == ()


def test_a_statement_that_is_committed(tmp_path: Path) -> None:
    assert doctor(tmp_path, "", ENV.replace('lock(1)"))\n', 'lock(1)"))\n        connection.commit()\n')).said == ()
