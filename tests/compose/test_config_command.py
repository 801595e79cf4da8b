"""``migops config`` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migops.cli.main import run

TEXT = "services:\n  app:\n    image: app:${TAG}\n    volumes: [data:/data]\nvolumes: {data: {}}\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COMPOSE_FILE", raising=False)
    monkeypatch.setenv("TAG", "1")
    (tmp_path / "compose.yaml").write_text(TEXT)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--services"], "app\n"),
        (["--images"], "app:1\n"),
        (["--volumes"], "data\n"),
        (["-q"], ""),
        (["--explain", "services.app.image"], 'services.app.image = "app:1"\n    from     compose.yaml:3\n'),
    ],
)
def test_short_answers(arguments: list[str], wanted: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", *arguments]) == 0
    assert capsys.readouterr().out == wanted


def test_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "-p", "shop"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["name"] == "shop"
    assert document["services"]["app"]["image"] == "app:1"
    assert run(["config", "-p", "shop", "--format", "yaml"]) == 0
    assert capsys.readouterr().out.startswith("name: shop\nservices:\n  app:\n    image: app:1\n")
    assert run(["config", "--no-interpolate"]) == 0
    assert json.loads(capsys.readouterr().out)["services"]["app"]["image"] == "app:${TAG}"


def test_output_to_a_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "--output", "out.json"]) == 0
    assert capsys.readouterr().out == ""
    assert json.loads((here / "out.json").read_text())["services"]


def test_a_refusal_is_exit_code_2_with_file_and_line(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "compose.yaml").write_text("services:\n  app:\n    image: ${NO:?say it}\n")
    assert run(["config"]) == 2
    said = capsys.readouterr().err
    assert f"{here / 'compose.yaml'}:3" in said
    assert "required variable NO is missing a value: say it" in said
    assert "Traceback" not in said


def test_warnings_go_to_standard_error(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TAG")
    assert run(["config"]) == 0
    assert 'warning: The "TAG" variable is not set.' in capsys.readouterr().err


def test_verify_says_so_where_both_agree_and_shows_where_not(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["config"]) == 0
    (here / "said.json").write_text(capsys.readouterr().out)
    (here / "bin").mkdir()
    docker = here / "bin" / "docker"
    docker.write_text(f"#!/bin/sh\n/bin/cat {here / 'said.json'}\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", str(here / "bin"))
    assert run(["config", "--verify"]) == 0
    assert "docker compose and migops read this project in the same way" in capsys.readouterr().out
    (here / "said.json").write_text((here / "said.json").read_text().replace("app:1", "app:2"))
    assert run(["config", "--verify"]) == 1
    assert capsys.readouterr().out == ('services.app.image\n    migops:  "app:1"\n    compose: "app:2"\n')
