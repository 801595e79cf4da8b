"""The installed compose CLI is asked before anything changes; its refusal stops the command, in its words at our line.

The CLIs here are named fakes: shell scripts that answer as compose 2.40.3 or compose 5.3 would.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from migops import target as targets
from migops.cli.main import run
from migops.commands import restore
from migops.commands.adopt import run as adopt
from migops.commands.alembic import run as alembic
from migops.commands.alembic.call import AlembicCall
from migops.compose import ComposeOptions
from migops.compose.refusal import ask, place_of
from migops.core.errors import MigopsError
from tests.compose.support import read_text

HOOK = "services:\n  app:\n    image: app\n    pre_start:\n      - command: alembic upgrade head\n"
SAYS = "validating {file}: services.app additional properties 'pre_start' not allowed"


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, answer: str) -> Path:
    """A `docker` that writes down how `docker compose` was called, and answers ``config`` with a shell command."""
    programs = folder / "programs"
    programs.mkdir()
    docker = programs / "docker"
    docker.write_text(f'#!/bin/sh\n[ "$2" = version ] && exit 0\necho "$@" >> {folder}/calls\n{answer}\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return folder / "calls"


def compose_2_40(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Compose 2.40.3, which does not know `pre_start`."""
    said = SAYS.format(file=folder / "compose.yaml")
    warning = 'time="2026-11-28T10:00:00Z" level=warning msg="a warning"'
    return install(folder, monkeypatch, f"cat >&2 <<'END'\n{warning}\n{said}\nEND\nexit 15")


def compose_5_3(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Compose 5.3, which reads it."""
    return install(folder, monkeypatch, "exit 0")


def test_a_refusal_has_composes_words_and_our_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = compose_2_40(tmp_path, monkeypatch)
    project = read_text(tmp_path, HOOK)
    with pytest.raises(MigopsError) as refused:
        ask(project, ("-f", "compose.yaml", "-p", "shop"), tmp_path)
    error = refused.value
    assert error.exit_code == 2
    assert str(error.at) == f"{tmp_path / 'compose.yaml'}:4"
    words = SAYS.format(file=tmp_path / "compose.yaml")
    assert error.message == f"`docker compose` rejects the project, although migops accepts it: {words}"
    assert "update the compose plugin" in error.hint
    assert calls.read_text() == "compose -f compose.yaml -p shop config -q\n"


def test_a_compose_that_reads_the_project_lets_it_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = compose_5_3(tmp_path, monkeypatch)
    ask(read_text(tmp_path, HOOK), (), tmp_path)
    assert calls.read_text() == "compose config -q\n"


def test_nobody_is_asked_where_nobody_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    ask(read_text(tmp_path, HOOK), (), tmp_path)
    ask(None, (), tmp_path)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("validating /x: services.app additional properties 'pre_start' not allowed", 4),
        ("validating /x: services.app Additional property pre_start is not allowed", 4),
        ("services.app.pre_start.0.command must be a string", 5),
        ("services.app.ports.[]: invalid", 2),
        ('service "app" refers to undefined volume data: invalid compose project', 2),
        ("volumes.a.b is external", 6),
        ("something else", 1),
        ("services.web has neither an image nor a build context specified", 1),
    ],
)
def test_the_line_is_that_of_the_deepest_path_in_its_words(words: str, line: int, tmp_path: Path) -> None:
    project = read_text(tmp_path, HOOK + "volumes: {a.b: {}}\n")
    found = place_of(project, words)
    assert (found.file, found.line) == (str(tmp_path / "compose.yaml"), line)


def test_words_without_a_place_are_about_the_key_that_is_unknown(tmp_path: Path) -> None:
    project = read_text(tmp_path, "services:\n  app:\n    image: app\n    fancy: 1\n")
    assert place_of(project, "no").line == 4


# The commands


def project(folder: Path) -> None:
    (folder / "versions").mkdir()
    (folder / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s\n")
    (folder / "env.py").write_text("")
    (folder / "compose.yaml").write_text(HOOK.replace("image: app", "build: ."))


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> targets.Target:
    monkeypatch.chdir(tmp_path)
    project(tmp_path)
    compose_2_40(tmp_path, monkeypatch)
    return targets.resolve(targets.Wanted(command="alembic"), ComposeOptions(), {}, tmp_path)


class NoEngine:
    """Fails the test if anything is asked of it."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the engine was asked: {name}")


def say(line: str, *, plain: bool = False) -> None:
    raise AssertionError(line)


@pytest.mark.parametrize(
    "words", [("upgrade", "head"), ("downgrade", "-1"), ("stamp", "head"), ("revision", "-m", "x")]
)
def test_alembic_asks_before_it_changes_anything(words: tuple[str, ...], target: targets.Target) -> None:
    engine: Any = NoEngine()
    with pytest.raises(MigopsError, match="rejects the project"):
        alembic.run(AlembicCall(target, words, engine, say))


@pytest.mark.parametrize("words", [("current",), ("history",), ("upgrade", "head", "--sql"), ("upgrade", "--help")])
def test_alembic_does_not_ask_for_what_only_reads(words: tuple[str, ...], target: targets.Target) -> None:
    engine: Any = NoEngine()
    with pytest.raises(AssertionError, match="the engine was asked"):
        alembic.run(AlembicCall(target, words, engine, say))


def test_adopt_and_restore_ask_first(target: targets.Target) -> None:
    nothing: Any = NoEngine()
    for ran in (
        lambda: adopt.run(target, nothing, nothing, nothing),
        lambda: restore.run(target, nothing, nothing, nothing),
    ):
        with pytest.raises(MigopsError, match="rejects the project"):
            ran()


def test_config_verify_ends_with_2_and_the_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    project(tmp_path)
    compose_2_40(tmp_path, monkeypatch)
    assert run(["config", "--verify"]) == 2
    error = capsys.readouterr().err
    assert f"error: {tmp_path / 'compose.yaml'}:4: `docker compose` rejects the project" in error
    assert "additional properties 'pre_start' not allowed" in error


def test_reading_commands_ask_no_cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    project(tmp_path)
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /app\n")
    calls = compose_2_40(tmp_path, monkeypatch)
    for command in (["check-image", "--no-engine"], ["doctor", "--no-engine"], ["graph"], ["config"]):
        run(command)
    capsys.readouterr()
    assert not calls.exists()
