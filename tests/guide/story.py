"""The project that the guide is played on: the whole mess of the guide's first page, and what colleagues do later."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.deploy.stack import Stack, edit
from tests.engine.sandbox import Sandbox
from tests.kit import example, git, repository

INI = "script_location = src/infrastructure/database/migrations\n"
VERSIONS = Path("app/src/infrastructure/database/migrations/versions")
MODELS = Path("app/src/infrastructure/database/models.py")
START = '''"""A stand-in for the bot: it runs until it is told to stop."""

import asyncio
import os
import signal

from sqlalchemy.ext.asyncio import create_async_engine

from src.infrastructure.database.models import Base

# A container's first process gets no signal that it neither handles nor blocks.
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})


async def init_db() -> None:
    engine = create_async_engine(os.environ["DATABASE_URL"])
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()


async def main() -> None:
    await init_db()
    print("the bot is running", flush=True)


asyncio.run(main())
signal.sigwait({signal.SIGTERM, signal.SIGINT})
'''
SETTINGS = '''def settings() -> dict[str, str]:
    """The section of the ini file, with the URL of the service's environment."""
    section = context.config.get_section(context.config.config_ini_section, {})
    return {**section, "sqlalchemy.url": os.environ["DATABASE_URL"]}


'''
REVISION = '''"""{message}"""

import sqlalchemy as sa
from alembic import op

revision = "{id}"
down_revision = "{parent}"


def upgrade() -> None:
    op.add_column("{table}", sa.Column("{column}", sa.{type}(), nullable=True))


def downgrade() -> None:
    op.drop_column("{table}", "{column}")
'''
WITHOUT_THE_BAD_LINE = "sed /version_num_format/d alembic.ini > /tmp/good.ini && alembic -c /tmp/good.ini upgrade 009"


def mess(box: Sandbox) -> Stack:
    """Two heads in the image, one on the host; tables of 009, no version table; `%04d`; create_all at the start."""
    project = example("stale-image", box.path)
    found = Stack(box, project, box.path / "state", ("-f", "docker-compose.prod.yml"), "bot", "catalog_db", "postgres")
    compose = project / "docker-compose.prod.yml"
    box.seldom(compose)
    edit(compose, "    build: ./app\n", "    build: ./app\n    init: true\n")
    edit(project / "app/alembic.ini", INI, f"{INI}version_num_format = %04d\n")
    env_py = project / VERSIONS.parent / "env.py"
    edit(env_py, 'create_async_engine(os.environ["DATABASE_URL"], ', "async_engine_from_config(settings(), ")
    edit(env_py, "import create_async_engine", "import async_engine_from_config")
    edit(env_py, "def run_migrations(", f"{SETTINGS}def run_migrations(")
    (project / "app/src/bot/main.py").write_text(START)
    ghost = project / VERSIONS / "010_add_product_discount.py"
    ghost.write_bytes((project / "last-week" / ghost.name).read_bytes())
    repository(project)
    found.compose("build", "-q", "app")
    found.compose("run", "--rm", "-T", "app", "sh", "-c", WITHOUT_THE_BAD_LINE)
    found.query("drop table alembic_version")
    found.query("insert into category (title) values ('kept')")
    found.compose("up", "-d", "--wait")
    ghost.unlink()
    git(project, "commit", "-q", "-am", "Give up on product discount")
    _upstream(project)
    return found


def _upstream(project: Path) -> None:
    """A repository that the checkout pulls from."""
    bare = project.parent / "upstream.git"
    subprocess.run(("git", "clone", "-q", "--bare", project, bare), check=True, capture_output=True)
    git(project, "remote", "add", "origin", str(bare))
    git(project, "fetch", "-q")
    git(project, "branch", "-q", "--set-upstream-to", "origin/main")


def colleague_branches(project: Path) -> None:
    """A colleague's branch `discount`, from the commit before the last, has a revision on the same parent."""
    git(project, "switch", "-q", "-c", "discount", "HEAD~1")
    _write(project, "c0ffee000001", "8bd76168eb7e", "product", "discount", "Integer")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "Add product.discount")
    git(project, "switch", "-q", "main")


def colleague_pushes(project: Path) -> None:
    """All that is here is upstream, and so is one more revision, of a colleague."""
    git(project, "push", "-q", "origin", "main")
    other = project.parent / "colleague"
    subprocess.run(("git", "clone", "-q", project.parent / "upstream.git", other), check=True, capture_output=True)
    head = _head(project)
    _write(other, "c0ffee000002", head, "dialogue", "rating", "Integer")
    answer = "    answer: Mapped[str | None]\n"
    edit(other / MODELS, answer, f"{answer}    rating: Mapped[int | None]\n")
    git(other, "add", "-A")
    git(other, "commit", "-q", "-m", "Rate the answers")
    git(other, "push", "-q", "origin", "main")


def _write(project: Path, revision: str, parent: str, table: str, column: str, kind: str) -> None:
    text = REVISION.format(
        id=revision, parent=parent, table=table, column=column, type=kind, message=f"Add {table}.{column}"
    )
    (project / VERSIONS / f"{revision}_add_{table}_{column}.py").write_text(text)


def _head(project: Path) -> str:
    """The one revision on the host that no other names as its parent."""
    texts = "\n".join(path.read_text() for path in (project / VERSIONS).glob("*.py"))
    ids = set(re.findall(r"(?m)^revision(?:: \w+)? = [\"'](\w+)", texts))
    parents = {
        word for line in re.findall(r"(?m)^down_revision.*$", texts) for word in re.findall(r"[\"'](\w+)[\"']", line)
    }
    (head,) = ids - parents
    return head


BEFORE: Mapping[str, Callable[[Path], None]] = {
    "colleague-branches": colleague_branches,
    "colleague-pushes": colleague_pushes,
}
"""What happens between two blocks of the guide without being typed there: `<!-- before: NAME -->`."""
