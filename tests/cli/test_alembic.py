"""The command line of ``migops alembic``: what is migops's, and what is Alembic's byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.cli import main as front
from migops.cli.alembic import cut
from tests.kit import example, migops


@pytest.mark.parametrize(
    ("given", "ours", "theirs"),
    [
        ("current", "", "current"),
        ("--service app current", "--service app", "current"),
        ("--service=app --yes upgrade head", "--service=app --yes", "upgrade head"),
        ("--file a.yml --file=b.yml -cprod.ini current", "--file a.yml --file=b.yml", "-cprod.ini current"),
        ("-q --service app", "", "-q --service app"),
        ("-xtenant=f upgrade head --yes", "", "-xtenant=f upgrade head --yes"),
        ("--profile p -- current", "--profile p", "-- current"),
        ("--raiseerr current", "", "--raiseerr current"),
        ("--services app", "", "--services app"),
        ("-f compose.yaml current", "", "-f compose.yaml current"),
        ("current --help", "", "current --help"),
        ("--help", "--help", ""),
    ],
)
def test_only_long_options_of_ours_before_the_first_word_are_ours(given: str, ours: str, theirs: str) -> None:
    assert cut(given.split()) == (ours.split(), theirs.split())


@pytest.mark.parametrize("words", [["-q", "--", "-xa=b c", ""], ["--", "--help"], ["revision", "-m", "--yes", "-h"]])
def test_click_leaves_alembics_words_as_they_are(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}
    command = front.Commands(name="x").get_command(None, "alembic")  # type: ignore[arg-type]
    assert command is not None
    monkeypatch.setattr(command, "callback", lambda **given: seen.update(given))
    assert front.run(["alembic", "--service", "app", *words]) == 0
    assert (seen["arguments"], seen["service"]) == (tuple(words), "app")


def test_help_is_ours_and_says_how_to_get_alembics(tmp_path: Path) -> None:
    shown = migops("alembic", "--help", cwd=tmp_path)
    assert shown.code == 0
    assert "--project-name" in shown.stdout
    assert "migops alembic -h" in shown.stdout


def test_without_a_word_for_alembic(tmp_path: Path) -> None:
    said = migops("alembic", "--service", "app", cwd=tmp_path)
    assert (said.code, said.stdout) == (2, "")
    assert "no Alembic command given" in said.stderr


def test_our_own_errors_have_our_own_codes(tmp_path: Path) -> None:
    project = example("clean", tmp_path)
    assert migops("alembic", "--service", "nosuch", "current", cwd=project).code == 2
    assert migops("alembic", "current", cwd=project).code == 3, "no engine"
    compose = project / "compose.yaml"
    compose.write_text(compose.read_text().replace("    build: .", "    build: .\n    x-migops: {entrypoint: drop}"))
    refused = migops("alembic", "current", cwd=project)
    assert refused.code == 2
    assert "x-migops.entrypoint" in refused.stderr
