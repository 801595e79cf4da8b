"""The guards of `migops alembic` on real stacks: what is looked at, said and asked before something is changed."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.engine.sandbox import Sandbox
from tests.examples.test_alembic import CREATE, PRICE, alembic, begin, own, query, typed
from tests.kit import Result, example

pytestmark = pytest.mark.engine

STOCK, COLOUR = "5b2e8d90fa17", "c07f34ab1e62"


def refused(result: Result, *words: str) -> None:
    """Stopped by the guard: nothing was run, and it says why and what to type."""
    assert (result.code, result.stdout) == (5, ""), result.stderr
    for word in words:
        assert word in result.stderr, result.stderr


def test_two_heads_and_their_merge(sandbox: Sandbox) -> None:
    """Several heads are named before a revision is written; merge finds them itself; upgrade, and back again."""
    project = example("two-heads", sandbox.path)
    versions = project / "migrations/versions"
    sandbox.compose("build", "-q", "app", cwd=project)
    heads = sorted(alembic(sandbox, project, "heads").stdout.replace(" (head)", "").split())

    refused(
        alembic(sandbox, project, "revision", "-m", "which one"), f"the image has 2 heads, {' and '.join(heads)}",
        "migops alembic merge", "--head REVISION",
    )  # fmt: skip
    ghost = versions / "0ddba11_ghost.py"
    ghost.write_text(f"revision = '0ddba11'\ndown_revision = '{heads[0]}'\n")
    refused(
        alembic(sandbox, project, "merge", "-m", "stale"), "the host has 0ddba11, which the image lacks",
        "docker compose build app",
    )  # fmt: skip
    ghost.unlink()

    merged = alembic(sandbox, project, "merge", "-m", "Join", "--rev-id", "c0ffee000001")
    assert merged.code == 0, merged.stderr
    script = versions / "c0ffee000001_join.py"
    assert all(head in script.read_text() for head in heads)
    said = own(merged)
    assert f"migops: merges {' and '.join(heads)} of the image:" in said
    assert any("* c0ffee000001 (head, merge) Join" in line for line in said), "the graph is shown"
    assert any("┐" in line for line in said)

    sandbox.compose("build", "-q", "app", cwd=project)
    refused(alembic(sandbox, project, "merge", "-m", "again"), "has one head, c0ffee000001: there is nothing to merge")
    at_once = alembic(sandbox, project, "upgrade", "head")
    assert (at_once.code, "the container of the service db does not exist" in at_once.stderr) == (3, True)
    waiting = begin(sandbox, project, "--wait", "60", "upgrade", "head")
    assert waiting.stderr is not None
    assert any("waits up to 60 s for the database" in line for line in waiting.stderr), "it ended before it waited"
    sandbox.compose("up", "-d", "db", cwd=project)
    _, err = waiting.communicate(timeout=180)
    assert waiting.returncode == 0, err
    down = alembic(sandbox, project, "--yes", "downgrade", heads[0])
    assert (down.code, "migops: 1 migration to undo" in down.stderr) == (0, True)
    assert sorted(alembic(sandbox, project, "current").stdout.split()) == heads
    refused(alembic(sandbox, project, "downgrade", "base"), "migrations to undo", CREATE)
    assert alembic(sandbox, project, "--yes", "downgrade", "base").code == 0
    assert alembic(sandbox, project, "current").stdout == ""


def test_an_image_that_is_older_than_the_database(sandbox: Sandbox) -> None:
    """Nothing is run; the direction and the fix are said. A row that nobody knows is told from one that is ahead."""
    project = example("database-ahead", sandbox.path)
    subprocess.run(("./roll-back.sh",), cwd=project, env=sandbox.env, check=True, capture_output=True)
    for words in (("upgrade", "head"), ("--yes", "downgrade", "-1"), ("--yes", "stamp", "head")):
        refused(
            alembic(sandbox, project, *words), "MIG403 database-ahead", "the image is older than the database",
            f"it has no script for {STOCK}", "docker compose build app", f"host and context have {STOCK}",
        )  # fmt: skip
    assert query(sandbox, project, "select version_num from alembic_version") == STOCK
    query(sandbox, project, "update alembic_version set version_num = 'ffff'")
    refused(alembic(sandbox, project, "upgrade", "head"), "MIG404 unknown-revision", "last resort, by hand")
    refused(alembic(sandbox, project, "revision", "--autogenerate", "-m", "x"), "MIG404 unknown-revision")
    refused(alembic(sandbox, project, "stamp", "--purge", PRICE), "ffff becomes a94d5e61c8f3", "needs confirmation")
    assert alembic(sandbox, project, "--yes", "stamp", "--purge", PRICE).code == 0
    assert query(sandbox, project, "select version_num from alembic_version") == PRICE


def test_questions_and_what_autogenerate_needs(sandbox: Sandbox) -> None:
    """A question at the terminal counts with its answer; models that env.py does not name are missed beforehand."""
    project = example("clean", sandbox.path)
    env_py = project / "migrations/env.py"
    env_py.write_text(env_py.read_text().replace("target_metadata = Base.metadata", "target_metadata = None"))
    price = next(Path(project, "migrations/versions").glob(f"{PRICE}*"))
    price.write_text(price.read_text().partition("def downgrade")[0] + "def downgrade() -> None:\n    pass\n")
    sandbox.compose("build", "-q", "app", cwd=project)
    sandbox.compose("up", "-d", "--wait", "db", cwd=project)
    refused(
        alembic(sandbox, project, "revision", "--autogenerate", "-m", "x"),
        "env.py leaves target_metadata at None in line 10", "target_metadata = Base.metadata",
    )  # fmt: skip
    assert alembic(sandbox, project, "upgrade", "head").code == 0

    code, shown = typed(sandbox, project, "downgrade", "-1", after=b"[y/N]", key=b"n\n")
    assert (code, "not confirmed; nothing was changed" in shown) == (5, True), shown
    assert f"{PRICE}  Add product.price  (has no downgrade:" in shown
    assert query(sandbox, project, "select version_num from alembic_version") == PRICE
    code, shown = typed(sandbox, project, "downgrade", "-1", after=b"[y/N]", key=b"y\n")
    assert code == 0, shown
    assert query(sandbox, project, "select version_num from alembic_version") == CREATE

    query(sandbox, project, "drop table alembic_version")
    failed = alembic(sandbox, project, "upgrade", "head")
    assert failed.code == 1, "Alembic's own"
    assert "the database has 1 table but no recorded revision" in failed.stderr
    assert "migops: table-exists" in failed.stderr


def test_another_database_than_postgresql(sandbox: Sandbox) -> None:
    """Of SQLite only the host is locked, which is said on request; what of a failed upgrade stays is told."""
    project = example("clean", sandbox.path)
    (project / "compose.yaml").write_text(
        "services:\n  app:\n    build: .\n    volumes: ['./data:/data']\n"
        "    environment: {DATABASE_URL: 'sqlite:////data/shop.db'}\n"
    )
    (project / "data").mkdir()
    env_py = project / "migrations/env.py"
    ours = "connection=connection, transaction_per_migration=True,"
    text = env_py.read_text().replace("connection=connection,", ours)
    url = 'os.environ["DATABASE_URL"]'
    chosen = f"{url}.replace('shop.db', context.get_x_argument(as_dictionary=True).get('db', 'shop.db'))"
    env_py.write_text(text.replace(f"create_engine({url}", f"create_engine({chosen}"))
    (project / "migrations/versions/c00000000001_fails.py").write_text(
        f"revision = 'c00000000001'\ndown_revision = '{PRICE}'\n\n\ndef upgrade() -> None:\n    1 / 0\n"
    )
    sandbox.compose("build", "-q", "app", cwd=project)
    refused(
        alembic(sandbox, project, "upgrade", CREATE, XDG_STATE_HOME="/proc/none"), "cannot write to the state folder"
    )
    first = alembic(sandbox, project, "--verbose", "upgrade", CREATE)
    assert first.code == 0, first.stderr
    failed = alembic(sandbox, project, "upgrade", "head")
    assert failed.code == 1, "Alembic's own"
    assert "only PostgreSQL has a lock for this" not in failed.stderr
    assert f"it failed at c00000000001; the 1 before it stay: the database is at {PRICE}" in failed.stderr
    again = alembic(sandbox, project, "--verbose", "upgrade", "head")
    assert (again.code, "ZeroDivisionError" in again.stderr) == (1, True)
    assert "only PostgreSQL has a lock for this, so the host's alone is held" in again.stderr
    other = alembic(sandbox, project, "-x", "db=other.db", "upgrade", CREATE, "--tag", "x")
    assert (other.code, (project / "data/other.db").is_file()) == (0, True), other.stderr
    other = alembic(sandbox, project, "--yes", "-x", "db=other.db", "downgrade", "base")
    assert (other.code, "Alembic has changed another one" in other.stderr) == (0, True), other.stderr
    stamped = alembic(sandbox, project, "--yes", "stamp", "base")
    assert (stamped.code, f"{PRICE} becomes no revision" in stamped.stderr) == (0, True)
