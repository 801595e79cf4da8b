"""Printed commands: one helper makes them all, with what this call was given; nothing else in the source prints one."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

from migops import target
from migops.cli.main import COMMANDS, cli
from migops.compose import ComposeOptions
from migops.core import printed
from migops.core.errors import MigopsError
from migops.core.printed import Commands, may_be_next
from tests.kit import example, migops

SOURCE = Path(printed.__file__).parents[1]
WORDS = "|".join(COMMANDS)
COMMAND = re.compile(rf"(?:^|[`\s(:;=])migops (?:{WORDS})(?=$|[\s`;,.)])")
RAW = re.compile(r"`alembic (?:upgrade|downgrade|stamp|merge|revision)(?! head` refuses)[^`]*`")

LABELS = {
    "migops adopt", "migops backup", "migops restore", "migops reset", "migops log", "migops restore …@…",
}  # fmt: skip
"""Names by which a session or a lock says whose it is: compared, never printed to be typed."""
ALLOWED = {
    ("commands/failures/document.py", "# Failures that"): "the head of a page of the documentation",
    ("commands/failures/document.py", "Checked causes"): "the same page, of every project",
    ("rules/document.py", "# Rules"): "the head of a page of the documentation",
    ("commands/adopt/stamp.py", "`alembic stamp"): "what has just been run, not what to type",
    ("rules/application.py", "migrate in a separate service"): "a line of the compose file: `command: …`",
}


@cache
def literals(path: Path) -> tuple[tuple[int, str], ...]:
    """The strings of a module that are no docstrings; of an f-string its literal parts, with … for what is put in."""
    return tuple(_literals(path))


def _literals(path: Path) -> Iterator[tuple[int, str]]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    documented = {id(each.value) for each in nodes if isinstance(each, ast.Expr)}
    inside = {id(part) for each in nodes if isinstance(each, ast.JoinedStr) for part in each.values}
    left_out = documented | inside
    for each in nodes:
        if isinstance(each, ast.JoinedStr):
            yield each.lineno, "".join(str(p.value) if isinstance(p, ast.Constant) else "…" for p in each.values)
        elif isinstance(each, ast.Constant) and isinstance(each.value, str) and id(each) not in left_out:
            yield each.lineno, each.value


def sources() -> Iterator[tuple[str, Path]]:
    for path in sorted(SOURCE.rglob("*.py")):
        if path.name != "printed.py":
            yield path.relative_to(SOURCE).as_posix(), path


def is_allowed(name: str, text: str) -> bool:
    return text in LABELS or any(name == where and text.startswith(start) for where, start in ALLOWED)


def test_no_text_names_a_command_past_the_helper() -> None:
    found = [
        f"migops/{name}:{line}: {text}"
        for name, path in sources() for line, text in literals(path)
        if (COMMAND.search(text) or RAW.search(text)) and not is_allowed(name, text)
    ]  # fmt: skip
    assert found == []


def test_every_exception_is_still_needed() -> None:
    texts = [(name, text) for name, path in sources() for _, text in literals(path)]
    for where, start in ALLOWED:
        assert any(name == where and text.startswith(start) for name, text in texts), (where, start)


def test_the_search_finds_what_it_is_for() -> None:
    for text in ("migops status", "see migops log", "`migops adopt` finds", "try: migops check-image app; then"):
        assert COMMAND.search(text), text
    assert not COMMAND.search("migops logs in")
    assert RAW.search("last resort: `alembic stamp --purge REVISION`")


def test_no_list_of_words_is_a_command_past_the_helper() -> None:
    """Neither a tuple that begins with "migops", nor the options of compose cut out of its command by hand."""
    found = []
    for name, path in sources():
        text = path.read_text()
        if '"migops"' not in text and "2:" not in text:
            continue  # neither of the two is in it: parsing it would tell nothing more
        for each in ast.walk(ast.parse(text)):
            if isinstance(each, (ast.Tuple, ast.List)) and len(each.elts) > 1:
                first, second = each.elts[:2]
                words = isinstance(first, ast.Constant) and first.value == "migops"
                if words and isinstance(second, ast.Constant) and second.value in COMMANDS:
                    found.append(f"{name}:{each.lineno}")
            if (
                isinstance(each, ast.Subscript)
                and "compose" in ast.unparse(each.value)
                and "2:" in ast.unparse(each.slice)
            ):
                found.append(f"{name}:{each.lineno}")
    assert [each for each in found if not each.startswith("commands/failures/")] == []


def test_the_options_of_each_command_are_those_that_it_takes() -> None:
    asked = {option for takes in printed.TAKES.values() for option in takes}
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        has = {text for parameter in command.params for text in parameter.opts}
        assert has & asked == printed.TAKES.get(name, frozenset()), name
        short = set() if name == "alembic" else {"-f", "-p"}
        of_compose = {*short, "--file", "--project-name", "--env-file", "--profile", "--project-directory"}
        assert has & of_compose == (set() if name in printed.BARE else of_compose), name


CALL = Commands("app", ("docker", "compose", "-f", "my prod.yml", "-p", "shop"),
                named=(("--config", "a b.ini"), ("--database-url", "sqlite:///x.db")))  # fmt: skip


def test_a_command_repeats_what_this_call_was_given() -> None:
    options = "-f 'my prod.yml' -p shop"
    assert CALL.say("status") == f"migops status {options} --config 'a b.ini' --database-url sqlite:///x.db app"
    assert CALL.say("backup") == f"migops backup {options} --config 'a b.ini' app", "it has no --database-url"
    assert CALL.say("alembic", "current") == (
        "migops alembic --file 'my prod.yml' --project-name shop --database-url sqlite:///x.db --service app current"
    )
    assert shlex.join(CALL.log(3)) == f"migops log {options} 3"
    assert shlex.join(CALL.unlock()) == f"migops log {options} --unlock app"
    assert printed.explain("MIG101") == "migops explain MIG101"


@pytest.mark.parametrize(
    ("command", "is_safe"),
    [
        ("migops status -f x app", True), ("migops alembic --service app upgrade head", True),
        ("migops alembic --service app stamp a1", False), ("migops alembic downgrade -1", False),
        ("migops alembic merge heads", False), ("migops restore x.dump app", False), ("migops log --unlock", False),
        ("docker compose -f a.yml build app", True), ("docker compose up -d --no-deps app", True),
        ("docker compose up -d --force-recreate -V app", False), ("docker compose down -v", False),
        ("docker rm -f x", False), ("docker run --rm x rm -f -- y", False), ("docker build -t a .", True),
        ("git restore -- a.py", True), ("git reset --hard", False), ("rm x", False), ("", False),
    ],
)  # fmt: skip
def test_what_may_be_called_next(command: str, is_safe: bool) -> None:
    assert may_be_next(shlex.split(command)) is is_safe


def test_outside_of_a_run_nothing_is_noted() -> None:
    printed.note(CALL)
    assert printed.here() == Commands()
    with printed.scope():
        printed.note(CALL)
        assert printed.here() == CALL
    assert printed.here() == Commands()


def test_errors_name_the_project_that_was_asked_for(tmp_path: Path) -> None:
    """What to type after an error goes to the same project, also where no service is known yet."""
    project = example("clean", tmp_path)
    (project / "other").mkdir()
    (project / "compose.yaml").rename(project / "my prod.yml")
    text = (project / "my prod.yml").read_text()
    second = "  second:\n    build: other\n"
    (project / "my prod.yml").write_text(text.replace("services:\n", f"services:\n{second}"))
    for name in ("alembic.ini", "Dockerfile"):
        (project / "other" / name).write_text((project / name).read_text())
    found = migops("status", "-f", "my prod.yml", "--no-engine", cwd=project)
    assert "name one: migops status -f 'my prod.yml' --no-engine second" in found.stderr


def test_a_password_of_the_command_line_is_not_repeated() -> None:
    """The printed command still names that database, and no other: the password alone is left to be put in."""
    wanted = target.Wanted(command="status", database_url="postgresql://a:canary%40@nowhere:5432/x?y=1")
    with printed.scope(), pytest.raises(MigopsError):
        target.resolve(wanted, ComposeOptions(files=("none.yaml",)), {}, Path("/nonexistent"))
    said = target.named(wanted, {})
    assert said == (("--database-url", "postgresql://a:***@nowhere:5432/x?y=1"),)
    assert target.named(wanted, {"MIGOPS_DATABASE_URL": wanted.database_url}) == (), "the environment says it already"
