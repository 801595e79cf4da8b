"""A small clean project (FastAPI, one PostgreSQL service, one revision) that each test changes in one point."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kit import Result, migops

URL = "postgresql://shop:t4k9xW2q@db/shop"
ENV = """\
from alembic import context
from sqlalchemy import create_engine
from app.models import Base
target_metadata = Base.metadata
with create_engine("sqlite:///x.db").connect() as connection:
    context.configure(connection=connection, target_metadata=target_metadata)
"""
MODELS = """\
from sqlalchemy import Column, Integer
from sqlalchemy.orm import declarative_base
Base = declarative_base()
class Item(Base):
    __tablename__ = "item"
    id = Column(Integer, primary_key=True)
"""
SCRIPT = 'revision = "a1"\ndown_revision = None\ndef upgrade(): op.execute("1")\ndef downgrade(): op.execute("2")\n'
HEALTHY = "depends_on: {db: {condition: service_healthy}}"
START = "#!/bin/sh\nset -e\n"


@dataclass
class Project:
    """The project ``folder``; ``compose`` writes its compose file anew."""

    folder: Path

    @classmethod
    def at(cls, folder: Path) -> Project:
        made = cls(folder / "shop")
        made.folder.mkdir()
        for name, text in (
            ("alembic.ini", "[alembic]\nscript_location = alembic\nprepend_sys_path = .\n"),
            ("alembic/env.py", ENV), ("alembic/versions/a1.py", SCRIPT), ("app/__init__.py", ""),
            ("app/models.py", MODELS), ("app/main.py", "print('serving')\n"),
        ):  # fmt: skip
            made.write(name, text)
        return made.compose().dockerfile('CMD ["python", "-m", "app.main"]')

    def write(self, name: str, text: str) -> Project:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return self

    def compose(self, *lines: str, order: str = HEALTHY, more: str = "") -> Project:
        """The service ``app`` with these lines, and its database; ``order`` is what app says of it."""
        own = "".join(f"    {line}\n" for line in (order, *lines) if line)
        text = f"services:\n  app:\n    build: .\n{own}{DATABASE}{more}volumes: {{data: }}\n"
        return self.write("compose.yaml", text)

    def dockerfile(self, *lines: str, base: str = "python:3.11-slim") -> Project:
        return self.write("Dockerfile", "\n".join((f"FROM {base}", "WORKDIR /app", "COPY . .", *lines, "")))

    def start(self, text: str, *lines: str, order: str = HEALTHY) -> Project:
        """A start script as ENTRYPOINT."""
        self.compose("entrypoint: [sh, /app/start.sh]", *lines, order=order)
        return self.write("start.sh", text)

    def doctor(self, *rules: str) -> Judged:
        select = [word for rule in rules for word in ("--select", rule)]
        found = migops("doctor", "--no-engine", *select, "--format", "json", cwd=self.folder)
        return Judged(found)


DATABASE = """\
  db:
    image: postgres:15
    environment: {POSTGRES_USER: shop, POSTGRES_PASSWORD: t4k9xW2q, POSTGRES_DB: shop}
    healthcheck: {test: ["CMD", "pg_isready", "-h", "127.0.0.1", "-U", "shop"]}
    volumes: ["data:/var/lib/postgresql/data"]
"""


@dataclass
class Judged:
    """What doctor answered."""

    result: Result

    @property
    def rules(self) -> list[str]:
        return self.result.rules

    def of(self, rule: str) -> dict[str, Any]:
        found = [each for each in self.result.json["findings"] if each["rule"] == rule]
        assert found, f"{rule} is not among {self.rules}"
        return dict(found[0])

    def fix(self, rule: str) -> str:
        return "\n".join(f"{step['why']}: {' '.join(step['command'])}" for step in self.of(rule)["remedy"])

    def reasons(self, rule: str) -> list[str]:
        """Why the rule was not judged."""
        return [each["reason"] for each in self.result.json["skipped"] if each["rule"] == rule]
