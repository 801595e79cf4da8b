"""What tests of the deploy share: an example put to work, and how things stand after a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests import warm
from tests.engine.inventory import Inventory
from tests.engine.sandbox import Sandbox
from tests.engine.sql import ask
from tests.kit import EXAMPLES, Result, example, git, repository

CREATE, PRICE = "3f1c0a7be210", "a94d5e61c8f3"
PASSWORD = "only-for-this-example"


@dataclass
class Stack:
    """A copy of an example whose services run. ``state`` is the folder that migops keeps its state in."""

    box: Sandbox
    project: Path
    state: Path
    flags: tuple[str, ...] = ()
    user: str = "shop"
    database: str = "shop"
    server: str = "db"
    password: str = PASSWORD
    more: dict[str, str] = field(default_factory=dict)

    @property
    def env(self) -> dict[str, str]:
        return {**self.box.env, "XDG_STATE_HOME": str(self.state), **self.more}

    def compose(self, *words: str, **options: Any) -> str:
        return self.box.compose(*self.flags, *words, cwd=self.project, **options)

    def up(self, *services: str) -> None:
        self.compose("build", "-q")
        self.compose("up", "-d", "--wait", *services)

    def deploy(self, *words: str, env: Mapping[str, str] | None = None, timeout: float = 180) -> Result:
        """``migops rebuild-and-migrate --yes --format json`` as a process of its own."""
        given = ("--yes",) if "--dry-run" not in words else ()
        given = given if "--watch" in words else (*given, "--watch", "2")  # else 30 s where there is no health check
        argv = (sys.executable, "-m", "migops", "rebuild-and-migrate", *self.flags, *given, "--format", "json", *words)
        done = warm.run(argv, cwd=self.project, env={**self.env, **(env or {})}, timeout=timeout)
        return Result(done.returncode, done.stdout, done.stderr)

    def query(self, sql: str) -> str:
        """What psql prints, bare."""
        who = {"user": self.user, "password": self.password, "database": self.database}
        return ask(self.box, sql, server=self.server, **who)

    def rows(self) -> list[str]:
        return self.query("select version_num from alembic_version order by 1").split()

    def image(self, ref: str = "") -> str:
        """The ID that a name means."""
        with self.box.engine.api() as engine:
            return str(engine.inspect_image(ref or f"{self.box.name}-app")["Id"])

    def running(self, service: str = "app") -> list[str]:
        """The images of the service's running containers."""
        project = f"com.docker.compose.project={self.box.name}"
        labels = [project, f"com.docker.compose.service={service}", "com.docker.compose.oneoff=False"]
        with self.box.engine.api() as engine:
            found = engine.containers(filters={"label": labels})
        return [each["ImageID"] for each in sorted(found, key=lambda each: str(each["Names"]))]

    def journals(self) -> list[list[dict[str, Any]]]:
        """The lines of every run's journal, in order."""
        paths = sorted(self.state.glob("migops/*/*/journal/*.jsonl"))
        return [[json.loads(line) for line in path.read_text().splitlines()] for path in paths]

    def write(self, revision: str, down: str, upgrade: str, downgrade: str = "pass", head: str = "") -> Path:
        """A migration script on the host."""
        path = self.project / "migrations/versions" / f"{revision}_{revision}.py"
        path.write_text(
            f'"""{revision}"""\n\nimport sqlalchemy as sa\nfrom alembic import op\n{head}\n'
            f'revision = "{revision}"\ndown_revision = "{down}"\n\n\n'
            f"def upgrade() -> None:\n    {upgrade}\n\n\ndef downgrade() -> None:\n    {downgrade}\n"
        )
        return path


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that must be in the file."""
    text = path.read_text()
    assert old in text, f"{path} has no {old!r}"
    path.write_text(text.replace(old, new))


def quick(compose: Path, more: str = "") -> None:
    """With an init as their first process, the containers stop at once. ``more`` are further lines for the service."""
    edit(compose, "    build: .\n", f"    build: .\n    init: true\n{more}")


@cache
def _migrating(name: str) -> str:
    """What the example's `alembic upgrade head` sends to an empty database, as Alembic itself says (``--sql``).

    One run for all stacks of a process: in each container it would be 0.8 s of CPU.
    """
    url = "postgresql+psycopg://nobody@nowhere/nothing"
    argv = (sys.executable, "-B", "-m", "alembic", "upgrade", "head", "--sql")
    env = {**os.environ, "DATABASE_URL": url}
    return subprocess.run(argv, cwd=EXAMPLES / name, env=env, capture_output=True, text=True, check=True).stdout


def stack(
    box: Sandbox, name: str = "clean", *services: str, migrated: bool = True, more: str = "", password: str = PASSWORD
) -> Stack:
    """The example, built and started, its database (unless told otherwise) at its head with a row of data in it.

    ``more`` are further lines for the service in its compose file.
    """
    found = Stack(box, example(name, box.path), box.path / "state", password=password)
    edit(found.project / "compose.yaml", PASSWORD, password)
    box.seldom(found.project / "compose.yaml")
    quick(found.project / "compose.yaml", more)
    found.up(*services)
    if migrated:
        found.query(_migrating(name))
        found.query("insert into product (title) values ('kept')")
    return found


def incident(box: Sandbox) -> Stack:
    """The guide's broken state: two heads baked into the image, the database at 009, data in it, 010 deleted in git."""
    project = example("stale-image", box.path)
    found = Stack(box, project, box.path / "state", ("-f", "docker-compose.prod.yml"), "bot", "catalog_db", "postgres")
    box.seldom(project / "docker-compose.prod.yml")
    edit(project / "docker-compose.prod.yml", "    build: ./app\n", "    build: ./app\n    init: true\n")
    versions = project / "app/src/infrastructure/database/migrations/versions"
    ghost = versions / "010_add_product_discount.py"
    ghost.write_bytes((project / "last-week" / ghost.name).read_bytes())
    repository(project)
    found.up()
    found.compose("exec", "-T", "app", "alembic", "upgrade", "009")
    found.query("insert into category (title) values ('kept')")
    ghost.unlink()
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "Give up on product discount")
    return found


def things(box: Sandbox) -> dict[str, Any]:
    """What a dry run could have changed: the containers and since when they run, images with their names, the rest."""
    now = Inventory.of(box.engine).belonging_to(box.name)
    containers = {key: (each["Image"], each["State"]["StartedAt"]) for key, each in now.container.items()}
    images = {key: sorted(each["RepoTags"] or ()) for key, each in now.image.items()}
    return {"container": containers, "image": images, "network": sorted(now.network), "volume": sorted(now.volume)}
