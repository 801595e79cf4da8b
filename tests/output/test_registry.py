"""The registry: every command's every format renders a real result, and --format offers what the registry has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from migops import output
from migops.cli import main
from migops.core.errors import Aborted, MigopsError
from migops.output import ANSWERS, DOCUMENT, FORMATS, View, formats, modules, render
from tests.kit import migops
from tests.output.made import results

SHOWN = [(answer, format_) for answer in ANSWERS for format_ in formats(answer)]
OF_CONFIG = ("config --explain", "config --verify", "config --services", "config --images", "config --volumes")
"""Answers that --format has no say in: a list of names is no compose model."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("made")
        patch.chdir(folder)
        yield results(folder)


def choices(command: str) -> tuple[str, ...] | None:
    """What --format takes, the default first; None for a command without it."""
    found = main.cli.get_command(click.Context(main.cli), command)
    assert found is not None
    for option in found.params:
        if option.name == "format_":
            assert isinstance(option.type, click.Choice)
            assert option.default == option.type.choices[0]
            return tuple(option.type.choices)
    return None


def test_every_command_offers_what_the_registry_has() -> None:
    offered = {command: choices(command) for command in main.COMMANDS}
    assert {command for command, names in offered.items() if names is None} == {"alembic", "explain"}
    assert {command: names for command, names in offered.items() if names} == {
        command: formats(command) for command in offered if command not in ("alembic", "explain")
    }


@pytest.mark.parametrize("command", [command for command in main.COMMANDS if command in ANSWERS])
def test_help_shows_them(command: str, tmp_path: Path) -> None:
    shown = "".join(migops(command, "--help", cwd=tmp_path).stdout.split())
    expected = "" if command == "explain" else f"--format[{'|'.join(formats(command))}]"
    assert expected in shown


def test_all_answers_of_a_command_have_its_formats() -> None:
    for answer in ANSWERS:
        command = answer.split()[0]
        assert command in main.COMMANDS
        if answer not in OF_CONFIG:
            assert formats(answer) == formats(command), answer


@pytest.mark.parametrize(("answer", "format_"), SHOWN)
def test_every_format_renders_a_real_result(answer: str, format_: str, made: dict[str, object]) -> None:
    text = render(answer, made[answer], View(width=100), format_)
    assert text.endswith("\n")
    assert text.strip()
    assert "canary" not in text
    if format_ == "json":
        document = json.loads(text)
        assert answer.startswith("config") or document["schema"] == 1
    if format_ == "mermaid":
        assert text.startswith("flowchart BT\n")
    assert render(answer, made[answer], View(width=100)) == render(
        answer, made[answer], View(width=100), formats(answer)[0]
    )


def test_there_is_a_result_for_every_answer(made: dict[str, object]) -> None:
    assert made.keys() == ANSWERS.keys()


def test_every_name_is_one_line_of_the_registry() -> None:
    """No renderer that nobody calls, and no entry that leads nowhere."""
    for answer, names in ANSWERS.items():
        assert names.keys() <= {*FORMATS, DOCUMENT}, answer
    named = {name for answer, format_ in SHOWN for name in modules(answer, format_)}
    room = {
        f"migops.output.{path.stem}" for path in Path(output.__file__).parent.glob("*_*.py") if path.stem != "__init__"
    }
    helpers = {
        "migops.output.error_document", "migops.output.fix_diff", "migops.output.graph_marks",
        "migops.output.sections_document", "migops.output.status_rows",
    }  # fmt: skip
    assert room - named == helpers


def test_a_new_serialiser_serves_every_command(monkeypatch: pytest.MonkeyPatch, made: dict[str, object]) -> None:
    """One module and one line: here repr, which no one would want."""
    monkeypatch.setattr(output, "FORMATS", {**FORMATS, "repr": "tests"})
    monkeypatch.setattr(output, "_function", _with_repr(output._function))
    documents = [answer for answer, names in ANSWERS.items() if DOCUMENT in names]
    assert {answer for answer in ANSWERS if "repr" in formats(answer)} == set(documents)
    assert {answer.split()[0] for answer in documents} == {*main.COMMANDS} - {"alembic", "explain"}
    for answer in documents:
        first = "{'name': 'clean', " if answer == "config" else "{'schema': 1, "
        assert render(answer, made[answer], View(), "repr").startswith(first)
    assert output.render_failure("check-image", MigopsError("no"), "repr") == (
        "{'schema': 1, 'command': 'check-image', 'verdict': 'error', "
        "'error': {'message': 'no', 'at': None, 'hint': '', 'exit': 2}}"
    )


def _with_repr(function):  # type: ignore[no-untyped-def]
    return lambda name: (lambda document, answer: repr(document)) if name == "tests" else function(name)


def test_an_error_is_a_document_where_programs_read() -> None:
    stopped = Aborted("no", commands=[("docker", "start", "x")])
    text = output.render_failure("backup", stopped, "json")
    assert text is not None
    assert json.loads(text)["error"] == {
        "message": "no", "at": None, "hint": "", "exit": 5, "commands": [["docker", "start", "x"]],
    }  # fmt: skip
    assert [output.render_failure("backup", stopped, name) for name in ("text", "yaml", "mermaid")] == [None] * 3


@pytest.mark.parametrize("path", sorted(Path(main.__file__).parent.glob("*.py")), ids=lambda path: path.name)
def test_the_command_line_knows_no_format_by_name(path: Path) -> None:
    import ast

    strings = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
    assert not {*FORMATS, "as_json"} & {text for text in strings if isinstance(text, str)}
    imported = [
        str(node.module)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("migops.output")
    ]
    assert set(imported) <= {"migops.output"}
