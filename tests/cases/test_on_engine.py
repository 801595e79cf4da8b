"""Cases whose text only the real parts write: Alembic, its driver and PostgreSQL, explained by `migops alembic`."""

from __future__ import annotations

import sys

import pytest

from tests import warm
from tests.engine.sandbox import Sandbox
from tests.kit import example

pytestmark = pytest.mark.engine

CREATE, PRICE = "3f1c0a7be210", "a94d5e61c8f3"
LONG = "0009_agent_ownership_public_channel_model"
SETS_URL = 'context.config.set_main_option("sqlalchemy.url", os.environ["DATABASE_URL"])\n'


class Stack:
    """The clean example, its image built and its database up."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.folder = example("clean", box.path)
        box.seldom(self.folder / "compose.yaml")
        box.compose("build", "-q", "app", cwd=self.folder)
        box.compose("up", "-d", "--wait", "db", cwd=self.folder)

    def alembic(self, *words: str, code: int) -> str:
        """What `migops alembic` says on standard error; it ends with Alembic's own code."""
        argv = [sys.executable, "-m", "migops", "alembic", "--yes", *words]
        done = warm.run(argv, cwd=self.folder, env=self.box.env, timeout=120)
        assert done.returncode == code, done.stderr
        return done.stderr

    def sql(self, statement: str) -> str:
        words = ("exec", "-T", "db", "psql", "-h", "127.0.0.1", "-U", "shop", "-d", "shop", "-Atc", statement)
        env = ("-e", "PGPASSWORD=only-for-this-example")
        return self.box.compose(*words[:1], *env, *words[1:], cwd=self.folder).strip()

    def override(self, text: str) -> None:
        (self.folder / "compose.override.yaml").write_text(text)


def explained(said: str, name: str) -> str:
    """The lines of the explanation, which must be that of ``name``."""
    assert f"migops: {name}\n" in said, said
    return said[said.index(f"migops: {name}\n") :]


def test_cases_30_19_33_34_and_4(sandbox: Sandbox) -> None:
    stack = Stack(sandbox)

    stack.sql("create table product (id int)")  # 30: create_all came first
    said = explained(stack.alembic("upgrade", "head", code=1), "table-exists")
    assert "MIG401" in said
    assert "migops adopt app" in said
    stack.sql("drop table product")

    stack.alembic("upgrade", "head", code=0)
    script = stack.folder / f"migrations/versions/{LONG}.py"
    script.write_text(f'revision = "{LONG}"\ndown_revision = "{PRICE}"\ndef upgrade():\n    pass\n')
    sandbox.compose("build", "-q", "app", cwd=stack.folder)

    stack.sql(f"insert into alembic_version values ('{CREATE}')")  # 19: a row and its own ancestor
    said = explained(stack.alembic("upgrade", "head", code=255), "overlapping-revisions")
    assert "MIG405" in said
    stack.sql(f"delete from alembic_version where version_num = '{CREATE}'")

    # 33: green on SQLite
    said = explained(stack.alembic("upgrade", "head", code=1), "long-revision-id")
    assert f"longer than 32 characters: {LONG}" in said
    assert stack.sql("select version_num from alembic_version") == PRICE, "rolled back"

    env = stack.folder / "migrations/env.py"  # 34: a % in the URL, through set_main_option
    env.write_text(env.read_text().replace("\ndef ", f"\n{SETS_URL}\n\ndef ", 1))
    sandbox.compose("build", "-q", "app", cwd=stack.folder)
    stack.override("services: {app: {environment: {DATABASE_URL: 'postgresql+psycopg://shop:123.%2C@db/shop'}}}\n")
    said = explained(stack.alembic("current", code=1), "percent-sign")
    assert "MIG504" in said
    assert 'replace("%", "%%")' in said
    assert "123." not in said

    stack.override("services: {app: {working_dir: /srv}}\n")  # 4: another working directory
    stack.alembic("current", code=0)  # migops names the ini, and starts Alembic where its scripts are
