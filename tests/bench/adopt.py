"""adopt beside the least that anyone would run to build the schema once: alembic upgrade head on an empty database."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import Command, Row, in_turns
from tests.engine.engine import Engine
from tests.kit import EXAMPLES

REVISIONS = 100
_SCRIPT = '''"""Step {number}"""

import sqlalchemy as sa
from alembic import op

revision = "r{number:05}"
down_revision = {parent}


def upgrade() -> None:
    {change}
'''
_CHANGES = (
    'op.create_table("table{table}", sa.Column("id", sa.Integer(), primary_key=True), '
    'sa.Column("title", sa.String(50), nullable=False))',
    'op.add_column("table{table}", sa.Column("column{number}", sa.Integer(), nullable=True))',
    'op.add_column("table{table}", sa.Column("column{number}", sa.Text(), nullable=True))',
    'op.create_index("index{number}", "table{table}", ["title"])',
    'op.create_unique_constraint("unique{number}", "table{table}", ["title"])',
)
_EMPTY = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"


def rows(engine: Engine, folder: Path) -> Iterator[Row]:
    """The database has the schema of the last revision and none noted; it is emptied before each upgrade of theirs.

    The emptying counts for nobody: the two databases are two projects'.
    """
    ours, theirs = (_project(folder, f"bench-adopt-{name}") for name in ("ours", "theirs"))
    environment = {**engine.env, "XDG_STATE_HOME": str(folder / "state")}
    try:
        for project in (ours, theirs):
            engine.compose("build", "-q", "app", cwd=project)
            engine.compose("up", "-d", "--wait", "db", cwd=project)
        engine.compose("run", "--rm", "--no-deps", "-T", "app", "alembic", "upgrade", "head", cwd=ours)
        engine.compose(*_sql("DROP TABLE alembic_version"), cwd=ours)
        upgrade = ("docker", "compose", "run", "--rm", "--no-deps", "-T", "app", "alembic", "upgrade", "head")
        found, built = in_turns(
            Command((sys.executable, "-m", "migops", "adopt", "--dry-run"), ours, environment),
            Command(upgrade, theirs, engine.env, before=("docker", "compose", *_sql(_EMPTY))),
        )
        yield Row(f"{REVISIONS} revisions / alembic upgrade head on an empty database", found.median, built.median, 2.0)
        yield Row("  peak memory", max(found.memory), None, 120, "MiB")
    finally:
        for project in (ours, theirs):
            engine.compose("down", "-v", "-t", "0", "--rmi", "local", cwd=project, check=False)


def _sql(text: str) -> tuple[str, ...]:
    psql = ("psql", "-h", "127.0.0.1", "-U", "shop", "-d", "shop", "-qc", text)
    return ("exec", "-T", "-e", "PGPASSWORD=only-for-this-example", "db", *psql)


def _project(folder: Path, name: str) -> Path:
    """The clean example with a line of revisions that make tables, columns, indexes and constraints in turn."""
    project = Path(shutil.copytree(EXAMPLES / "clean", folder / name))
    versions = project / "migrations" / "versions"
    for old in versions.glob("*.py"):
        old.unlink()
    for number in range(REVISIONS):
        change = _CHANGES[number % len(_CHANGES)].format(number=number, table=number // len(_CHANGES))
        parent = f'"r{number - 1:05}"' if number else "None"
        (versions / f"r{number:05}_step.py").write_text(_SCRIPT.format(number=number, parent=parent, change=change))
    return project
