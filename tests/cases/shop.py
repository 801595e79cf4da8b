"""A small project in which the real cases are built anew: its files, its image as an archive, its database."""

from __future__ import annotations

import shlex
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from migops import collect
from migops.analysis.evidence import Evidence
from migops.collect.database_query import Ask
from migops.commands.failures.explain import lines
from migops.commands.failures.inputs import FailureInputs
from migops.commands.failures.recognise import recognise
from migops.compose import ComposeOptions
from migops.docker import Engine
from migops.rules import RULES, judge
from migops.target import Wanted, resolve
from tests.images.build import Member
from tests.kit import Result, git, migops, repository, write_image

COMPOSE = "services:\n  app:\n    build: .\n"
DOCKERFILE = 'FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nENTRYPOINT []\nCMD ["python", "main.py"]\n'
INI = "[alembic]\nscript_location = migrations\npath_separator = os\n"
SCRIPT = "def upgrade():\n    op.execute('1')\ndef downgrade():\n    op.execute('2')\n"
READS_INI = "engine = engine_from_config(context.config.get_section(context.config.config_ini_section))\n"
"""A line of env.py that reads every option of the ini file."""
ENV = "from alembic import context\nfrom models import Base\ntarget_metadata = Base.metadata\n"


@dataclass(frozen=True)
class Said:
    """One finding or one explained failure, as its reader has it: its name, what and why, and the fix as printed."""

    name: str
    text: str
    fix: str


@dataclass(frozen=True)
class Answer:
    """All that migops said of a case. ``code`` is the exit code, None where no command was run."""

    said: tuple[Said, ...]
    code: int | None = None

    def of(self, name: str) -> Said:
        """What was said under this name: of several findings, their texts together."""
        found = [each for each in self.said if each.name == name]
        assert found, f"{name} is not among {[each.name for each in self.said]}"
        return Said(name, "\n".join(each.text for each in found), "\n".join(each.fix for each in found))


def reported(result: Result) -> Answer:
    """The findings of a command that was run with ``--format json``."""
    assert result.stdout, result.stderr
    return Answer(tuple(_said(each) for each in result.json["findings"]), result.code)


def judged(evidence: Evidence) -> Answer:
    """What the rules say of evidence that was made by hand."""
    return Answer(tuple(
        Said(each.rule, f"{each.message}\n{each.cause}", _fix((step.why, step.command) for step in each.remedy))
        for each in judge(RULES, evidence)[0]
    ))  # fmt: skip


def _said(finding: Mapping[str, Any]) -> Said:
    steps = ((step["why"], step["command"]) for step in finding["remedy"])
    return Said(finding["rule"], f"{finding['message']}\n{finding['cause']}", _fix(steps))


def _fix(steps: Iterable[tuple[str, Sequence[str]]]) -> str:
    return "\n".join(f"{why}: {shlex.join(command)}" for why, command in steps)


@dataclass
class Shop:
    """The project ``folder``; its image is ``../app.tar``, its database ``../shop.db``."""

    folder: Path
    has_image: bool = False

    @classmethod
    def at(cls, folder: Path) -> Shop:
        made = cls(folder / "shop")
        made.folder.mkdir()
        return made.write("compose.yaml", COMPOSE).write("Dockerfile", DOCKERFILE).write("alembic.ini", INI).write(
            "migrations/env.py", ENV).write("models.py", "class Base: ...\n").write("main.py", "")  # fmt: skip

    def write(self, name: str, text: str) -> Shop:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return self

    def revision(self, name: str, *parents: str, file: str = "", message: str = "") -> Shop:
        """A script for revision ``name``; ``file`` is its name where it is not the revision's."""
        down = repr(parents[0]) if len(parents) == 1 else repr(parents or None)
        text = f'"""{message or name}"""\nrevision = "{name}"\ndown_revision = {down}\n'
        return self.write(f"migrations/versions/{file or name}.py", text + SCRIPT)

    def line(self, *names: str) -> Shop:
        """Revisions, each upon the one before."""
        for number, name in enumerate(names):
            self.revision(name, *names[number - 1 : number] if number else ())
        return self

    def without(self, *names: str) -> Shop:
        for name in names:
            (self.folder / f"migrations/versions/{name}.py").unlink()
        return self

    def image(self, *extra: Member, leave_out: str = "", **config: Any) -> Shop:
        """The image as a build would make it of the folder now, without the files below ``leave_out``."""
        files = {
            str(file.relative_to(self.folder)): file
            for file in self.folder.rglob("*")
            if file.is_file() and not (leave_out and file.is_relative_to(self.folder / leave_out))
        }
        members = [Member(f"app/{name}", file.read_bytes()) for name, file in sorted(files.items())]
        write_image(self.folder.parent / "app.tar", {}, *members, *extra, config={"WorkingDir": "/app", **config})
        self.has_image = True
        return self

    def database(self, *rows: str, tables: Sequence[str] = ("product",), version_table: bool = True) -> Shop:
        with closing(sqlite3.connect(self.folder.parent / "shop.db")) as connection, connection:
            for table in tables:
                connection.execute(f"CREATE TABLE {table} (id INTEGER)")
            if version_table:
                connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
            for row in rows:
                connection.execute("INSERT INTO alembic_version VALUES (?)", (row,))
        return self

    def committed(self) -> Shop:
        if not (self.folder / ".git").exists():
            repository(self.folder)
        else:
            git(self.folder, "add", ".")
            git(self.folder, "commit", "-q", "-m", "next")
        return self

    @property
    def archive(self) -> str:
        return f"docker-archive:{self.folder.parent}/app.tar"

    @property
    def url(self) -> str:
        """The database's URL, '' where there is none."""
        file = self.folder.parent / "shop.db"
        return f"sqlite:///{file}" if file.exists() else ""

    def run(self, command: str, *words: str) -> Result:
        return migops(command, *words, "--format", "json", cwd=self.folder)

    def check(self, *words: str) -> Answer:
        """check-image after `docker build`, without the compose file."""
        image = ("--image", self.archive, "--context", ".") if self.has_image else ()
        return reported(self.run("check-image", *image, *words))

    def status(self) -> Answer:
        """status of image, build context and database."""
        given = ("--image", self.archive, "--context", ".", "--database-url", self.url)
        return reported(self.run("status", *given, "--fail-on", "error"))

    def doctor(self, *words: str) -> Answer:
        """doctor of the compose project's files; of its image and its database where there are such."""
        image = ("--image", self.archive) if self.has_image else ("--no-engine",)
        url = ("--database-url", self.url) if self.url else ()
        return reported(self.run("doctor", *image, *url, *words))

    def explain(self, text: str, *arguments: str) -> Answer:
        """The known failure in ``text``, explained by what the places hold."""
        known = recognise(text)
        assert known is not None, "no failure is known for this text"
        target = resolve(Wanted(), ComposeOptions(), {}, self.folder)
        # The archive stands in for the engine's image of that name; containers there are none.
        target = replace(target, image=self.archive, deployed=False)
        evidence = collect.check(target, _no_engine if self.has_image else None, ask=Ask(self.url, 2.0), lint=True)
        said = list(lines(*known, FailureInputs(target, arguments, evidence)))
        fix = next(number for number, each in enumerate(said) if each.startswith("  fix"))
        return Answer((Said(known[0].name, "\n".join(said[:fix]), "\n".join(said[fix:])),))


def _no_engine() -> Engine:
    raise AssertionError("an archive needs no engine")


Build = Callable[[Shop], Answer]
