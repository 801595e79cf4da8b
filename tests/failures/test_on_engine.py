"""A failure is explained alike wherever Alembic is run, and lost commits are told as what they are: a real engine."""

from __future__ import annotations

import subprocess

import pytest

from tests.deploy.stack import PRICE, Stack, stack
from tests.engine.sandbox import Sandbox
from tests.kit import migops

pytestmark = pytest.mark.engine

NEEDED = 'op.add_column("product", sa.Column("provider", sa.String(), nullable=False))'
LOCK = 'connection.exec_driver_sql("SELECT pg_advisory_lock(4711)")'
SELECT = "docker compose exec -T db psql -U shop -d shop -c 'SELECT count(*) FROM product'"


def explained(stderr: str, name: str) -> str:
    """The explanation of that name, each line without its indentation."""
    text = "\n".join(line.strip() for line in stderr.splitlines())
    head, found, said = text.partition(f"migops: {name}\n")
    assert found, stderr
    assert "password" not in said.casefold().partition("aborted")[0], head
    return said


def broken(found: Stack, before: str) -> str:
    """The env.py with lines in front of context.configure; returns it as it was."""
    env_py = found.project / "migrations/env.py"
    text = env_py.read_text()
    line = next(line for line in text.splitlines() if "context.configure(connection" in line)
    indentation = line[: len(line) - len(line.lstrip())]
    env_py.write_text(text.replace(line, f"{indentation}{before}\n{line}"))
    return text


@pytest.fixture
def found(sandbox: Sandbox) -> Stack:
    return stack(sandbox)


def test_what_every_command_says(found: Stack) -> None:
    """One stack for all of it: each start of one takes its time."""
    lost_commits(found)
    fails_before_the_first_revision(found)
    alike(found)


def lost_commits(found: Stack) -> None:
    found.write("b00000000001", PRICE, 'op.add_column("product", sa.Column("a", sa.Integer()))')
    found.write("b00000000002", "b00000000001", 'op.add_column("product", sa.Column("b", sa.Integer()))')
    whole = broken(found, LOCK)
    found.compose("build", "-q", "app")
    ran = migops("alembic", "upgrade", "head", cwd=found.project, env=found.env)
    deployed = found.deploy("--cache")
    assert (ran.code, deployed.code) == (6, 6), (ran.stderr, deployed.stderr)
    for text in (ran.stderr, deployed.json["message"]):
        assert "nothing of it is in the database: the server rolled back 1 transaction" in text
        assert f"as it was, at {PRICE}" in text
        assert "runs a statement on the connection before context.configure" in text
    assert "connection.commit()" in ran.stderr
    assert found.rows() == [PRICE]
    assert found.query("select count(*) from information_schema.columns where column_name in ('a', 'b')").strip() == "0"
    (found.project / "migrations/env.py").write_text(whole)


def fails_before_the_first_revision(found: Stack) -> None:
    env_py = found.project / "migrations/env.py"
    whole = env_py.read_text()
    env_py.write_text(f'import os\nos.environ["NO_SUCH_SETTING"]\n{whole}')
    failed = found.deploy("--cache")
    assert failed.code == 6, failed.stderr
    assert "failed with code 1, before its first revision" in failed.json["message"]
    assert "b00000000001" not in failed.json["message"]
    assert "not set: NO_SUCH_SETTING; service app" in explained(failed.stderr, "unset-variable")
    env_py.write_text(whole)
    broken(found, f"{LOCK}; connection.commit()")  # the fix that is printed for lost commits


def alike(found: Stack) -> None:
    found.write("b00000000003", "b00000000002", NEEDED)
    found.compose("build", "-q", "app")
    ran = migops("alembic", "upgrade", "head", cwd=found.project, env=found.env)
    rehearsed = found.deploy("--cache", "--rehearse")
    assert (ran.code, rehearsed.code) == (1, 5), (ran.stderr, rehearsed.stderr)
    for run in (ran, rehearsed):
        said = explained(run.stderr, "null-values")
        assert "why    revision b00000000003, versions/b00000000003_b00000000003.py:11 (upgrade)" in said
        assert SELECT in said
    typed = subprocess.run(
        SELECT, shell=True, cwd=found.project, env=found.env, capture_output=True, text=True, check=True
    )
    assert "1" in typed.stdout.split()
    assert migops("alembic", "upgrade", "b00000000002", cwd=found.project, env=found.env).code == 0
    assert found.rows() == ["b00000000002"], "with the commit, the migrations stay"

    found.query("drop table alembic_version")
    found.write("b00000000003", "b00000000002", 'op.execute("ALTER TABLE nowhere ADD n int")')
    found.compose("build", "-q", "app")
    adopted = migops("adopt", cwd=found.project, env=found.env)
    assert adopted.code == 3
    said = explained(adopted.stderr, "missing-table")
    assert "no migration makes the table nowhere" in said
