"""The command line of ``migops alembic``: what is migops's, and what is Alembic's byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.cli import main as front
from migops.cli.alembic_arguments import cut, meant, refuse_behind
from migops.cli.leading import moved
from migops.core import printed
from migops.core.errors import MigopsError
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
        ("-f compose.yaml current", "-f compose.yaml", "current"),
        ("-fa.yml -p shop --profile=p current -v", "-fa.yml -p shop --profile=p", "current -v"),
        ("-x tenant=f -f a.yml upgrade head", "-f a.yml", "-x tenant=f upgrade head"),
        ("-q -n billing --env-file .env upgrade -f a.yml", "--env-file .env", "-q -n billing upgrade -f a.yml"),
        ("-f a.yml -h", "-f a.yml", "-h"),
        ("-- -f a.yml", "", "-- -f a.yml"),
        ("current --help", "", "current --help"),
        ("--help", "--help", ""),
    ],
)
def test_only_options_of_ours_before_the_first_word_are_ours(given: str, ours: str, theirs: str) -> None:
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


@pytest.mark.parametrize(
    ("given", "order"),
    [
        ("--yes upgrade head -f prod.yml", "migops alembic --yes -f prod.yml upgrade head"),
        ("upgrade -fprod.yml head", "migops alembic -fprod.yml upgrade head"),
        ("-x a=b current --profile p -v", "migops alembic --profile p -x a=b current -v"),
        ("stamp --file=a.yml --project-name shop base", "migops alembic --file=a.yml --project-name shop stamp base"),
    ],
)
def test_an_option_of_compose_behind_the_command_is_refused_with_the_right_order(
    tmp_path: Path, given: str, order: str
) -> None:
    refused = migops("alembic", *given.split(), cwd=tmp_path)
    assert refused.code == 2
    assert "must stand before Alembic's command" in refused.stderr
    assert f"  try: {order}\n" in refused.stderr


@pytest.mark.parametrize(
    "given",
    [
        "revision -m -f",
        "revision --message -p",
        "mycommand -f x",
        "upgrade -- -f x",
        "history -v",
        "current --verbose",
        "revision -m --yes",
        "mycommand --yes",
    ],
)
def test_what_is_alembics_stays_alembics(given: str) -> None:
    refuse_behind(given.split())
    assert cut(given.split()) == ([], given.split())


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("upgrade head --yes", "migops alembic --yes upgrade head"),
        ("upgrade head --lock-timeout 5 --sql", "migops alembic --lock-timeout 5 upgrade head --sql"),
        ("downgrade -1 --yes --no-lock", "migops alembic --yes --no-lock downgrade -1"),
    ],
)
def test_options_of_ours_behind_alembics_command_are_put_before_it(given: str, right: str) -> None:
    with printed.scope(["alembic", *given.split()]), pytest.raises(MigopsError, match="must stand before") as refused:
        refuse_behind(given.split())
    assert refused.value.hint == right


@pytest.mark.parametrize(
    ("words", "near"),
    [
        ("upgrad head", "did you mean upgrade?"),
        ("-q histroy", "did you mean history?"),
        ("--servic app current", "did you mean --service?"),
        ("--profil p current", "did you mean --profile?"),
        ("mycommand", ""),
        ("upgrade hed", ""),
    ],
)
def test_what_was_meant(words: str, near: str) -> None:
    assert meant(words.split()) == near


@pytest.mark.parametrize(
    ("given", "order"),
    [
        (["-f", "a.yml", "alembic", "current"], ["alembic", "-f", "a.yml", "current"]),
        (["-fa.yml", "--profile=p", "doctor", "app"], ["doctor", "-fa.yml", "--profile=p", "app"]),
        (["-p", "doctor", "status"], ["status", "-p", "doctor"]),
        (["doctor", "-f", "a.yml"], ["doctor", "-f", "a.yml"]),
        (["-f", "a.yml"], []),
        (["-f", "a.yml", "--version"], ["--version"]),
        (["-f", "a.yml", "nosuch"], ["nosuch", "-f", "a.yml"]),
        (["--version"], ["--version"]),
    ],
)
def test_options_before_the_commands_name_are_moved_behind_it(given: list[str], order: list[str]) -> None:
    assert moved(given) == order


def test_printed_commands_have_options_that_were_typed_first(tmp_path: Path) -> None:
    project = example("clean", tmp_path)
    (project / "compose.yaml").rename(project / "prod.yml")
    found = migops("-f", "prod.yml", "check-image", "--no-engine", "--format", "json", cwd=project)
    assert (found.code, found.json["command"]) == (0, "check-image")
    assert migops("--debug", "-f", "prod.yml", "check-image", "--no-engine", cwd=project).code == 0
    misspelt = migops("-f", "prod.yml", "doctr", cwd=project)
    assert (misspelt.code, "Did you mean doctor?" in misspelt.stderr) == (2, True)
    with printed.scope(moved(["-f", "a.yml", "doctor"])):
        assert printed.again(service="app") == "migops doctor -f a.yml app"
