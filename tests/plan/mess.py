"""A project in the full mess: old image, two heads, no version table, create_all, %04d, mounted code, `password`.

The steps are those by which teams get there: the application makes its tables, two branches add a revision each, an
image is built, and one of the two is deleted without another build.
"""

from __future__ import annotations

import time
from pathlib import Path

import psycopg

from tests.engine.sandbox import Sandbox
from tests.engine.sql import ask
from tests.kit import git

FILE = "docker-compose.prod.yml"
COMPOSE = """\
services:
  app:
    build: .
    restart: always
    stop_grace_period: 1s
    environment:
      DATABASE_URL: postgresql+psycopg://postgres:password@postgres:5432/catalog
    volumes:
      - ./bot:/app/bot
    healthcheck:
      test: ["CMD", "test", "-f", "/tmp/ready"]
      interval: 1s
      retries: 180
    depends_on:
      - postgres

  postgres:
    image: postgres:15
    environment:
      POSTGRES_PASSWORD: password
      POSTGRES_DB: catalog
    volumes:
      - data:/var/lib/postgresql/data

volumes:
  data:
"""
INI = """\
[alembic]
script_location = migrations
prepend_sys_path = .
path_separator = os
version_num_format = %04d
sqlalchemy.url = postgresql+psycopg://postgres:password@postgres:5432/catalog
"""
ENV = """\
from alembic import context
from sqlalchemy import engine_from_config

from models import Base

target_metadata = Base.metadata
engine = engine_from_config(context.config.get_section("alembic"), prefix="sqlalchemy.")
with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=target_metadata)
    with context.begin_transaction():
        context.run_migrations()
"""
MAKO = '''\
"""${message}"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
'''
MAIN = """\
import os
import signal
import time
from pathlib import Path

import psycopg

from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from models import Base

while True:
    try:
        Base.metadata.create_all(create_engine(os.environ["DATABASE_URL"]))
        break
    except OperationalError:
        time.sleep(0.2)
Path("/tmp/ready").touch()
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
signal.sigwait({signal.SIGTERM})
"""
MODELS = """\
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "product"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
"""
COLUMN = "    {0}: Mapped[str | None] = mapped_column(String(32))\n"
DOCKERFILE = """\
FROM python:3.11-slim
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
CMD ["python", "-m", "bot.main"]
"""
IGNORED = ".git\n**/__pycache__\n"


def models(project: Path, *columns: str) -> None:
    """The models, with these columns of text."""
    (project / "models.py").write_text(MODELS + "".join(COLUMN.format(each) for each in columns))


def adding(project: Path, revision: str, parent: str, column: str) -> None:
    """A revision that adds a column of text."""
    (project / f"migrations/versions/{revision}_{column}.py").write_text(
        f'"""add {column}"""\n\nimport sqlalchemy as sa\nfrom alembic import op\n\nrevision = "{revision}"\n'
        f'down_revision = "{parent}"\n\n\ndef upgrade():\n    op.add_column("product", sa.Column("{column}", '
        f'sa.String(32), nullable=True))\n\n\ndef downgrade():\n    op.drop_column("product", "{column}")\n'
    )


def commit(project: Path, message: str) -> None:
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", message)


def make(box: Sandbox) -> Path:
    """The project in the sandbox, running, with 500 products."""
    project = box.path
    for name, text in {
        FILE: COMPOSE, "alembic.ini": INI, "migrations/env.py": ENV, "migrations/script.py.mako": MAKO,
        "bot/__init__.py": "", "bot/main.py": MAIN, "Dockerfile": DOCKERFILE, ".gitignore": "__pycache__/\n",
        ".dockerignore": IGNORED, "requirements.txt": "alembic\nsqlalchemy\npsycopg[binary]\n",
    }.items():  # fmt: skip
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    (project / "migrations/versions").mkdir()
    (project / "migrations/versions/001_product.py").write_text(
        '"""product"""\n\nimport sqlalchemy as sa\nfrom alembic import op\n\nrevision = "001"\ndown_revision = None\n'
        '\n\ndef upgrade():\n    op.create_table("product", sa.Column("id", sa.Integer(), primary_key=True), '
        'sa.Column("name", sa.String(200), nullable=False))\n\n\ndef downgrade():\n    op.drop_table("product")\n'
    )
    models(project)
    git(project, "init", "-q", "-b", "main")
    git(project, "config", "user.name", "T")
    git(project, "config", "user.email", "t@example.invalid")
    commit(project, "Catalog")
    box.compose("-f", FILE, "up", "-d", "--build", cwd=project)
    _wait_for_tables(box)
    sql(box, "insert into product (name) select 'p' || n from generate_series(1, 500) n")
    adding(project, "002", "001", "discount")
    commit(project, "Product discount")
    adding(project, "8bd7", "001", "barcode")
    models(project, "discount", "barcode")
    commit(project, "Product barcode")
    box.compose("-f", FILE, "up", "-d", "--build", cwd=project)
    (project / "migrations/versions/002_discount.py").unlink()
    models(project, "barcode")
    commit(project, "Give up on the discount")
    return project


def sql(box: Sandbox, statement: str) -> str:
    return ask(box, statement, user="postgres", database="catalog", server="postgres")


def _wait_for_tables(box: Sandbox) -> None:
    until = time.monotonic() + 120
    while True:
        try:
            if sql(box, "select to_regclass('product') is not null") == "t":
                return
        except psycopg.Error:  # the server is still starting
            if time.monotonic() > until:
                raise
        assert time.monotonic() < until
        time.sleep(0.2)
