"""Keys that migops does not know: carried along with a warning, unless they are a misspelling of a known one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migops.cli.main import run
from migops.compose.unknown import distance, is_misspelt, nearest
from migops.core.errors import MigopsError
from tests.compose.support import load_in, read_text

APP = "services:\n  app:\n    image: app\n"


@pytest.mark.parametrize(
    ("key", "known"),
    [
        ("enviroment", "environment"), ("volumnes", "volumes"), ("volume", "volumes"), ("imgae", "image"),
        ("comand", "command"), ("depends-on", "depends_on"), ("dependsOn", "depends_on"), ("Image", "image"),
        ("env_files", "env_file"), ("healthchek", "healthcheck"), ("enviorment", "environment"), ("port", "ports"),
    ],
)  # fmt: skip
def test_a_misspelt_key_is_an_error_at_its_line_with_the_key_that_is_meant(
    key: str, known: str, tmp_path: Path
) -> None:
    with pytest.raises(MigopsError, match=f"additional properties '{key}' not allowed") as refused:
        read_text(tmp_path, APP + f"    {key}: x\n")
    assert str(refused.value.at) == f"{tmp_path / 'compose.yaml'}:4"
    assert refused.value.hint == f"did you mean `{known}`?"


@pytest.mark.parametrize(
    ("text", "line", "path", "value"),
    [
        (APP + "    init_containers: [{image: a}]\n", 4, "services.app.init_containers", [{"image": "a"}]),
        (APP + "    post_stop: 3\n", 4, "services.app.post_stop", 3),
        (APP + "    healthcheck: {test: [CMD, x], probe: tcp}\n", 4, "services.app.healthcheck.probe", "tcp"),
        (APP + "    volumes:\n      - /a\n      - {type: volume, target: /b, quota: 1g}\n", 6,
         "services.app.volumes.1.quota", "1g"),
        (APP + "    build: {context: ., attest: {sbom: true}}\n", 4, "services.app.build.attest", {"sbom": True}),
        (APP + "    pre_start: [{command: x, retries: 3}]\n", 4, "services.app.pre_start.0.retries", 3),
        (APP + "    deploy: {resources: {limits: {energy: 3}}}\n", 4, "services.app.deploy.resources.limits.energy", 3),
        (APP + "volumes: {data: {quota: 1g}}\n", 4, "volumes.data.quota", "1g"),
        (APP + "pipelines: [a, b]\n", 4, "pipelines", ["a", "b"]),
    ],
    ids=lambda given: given if isinstance(given, str) and "\n" not in given else "",
)  # fmt: skip
def test_an_unknown_key_is_a_warning_and_stays_in_the_model(
    text: str, line: int, path: str, value: object, tmp_path: Path
) -> None:
    project = read_text(tmp_path, text)
    (unknown,) = project.unknown_keys
    assert ".".join(unknown.path) == path
    assert unknown.mark.line == line
    assert unknown.nearest
    (notice,) = project.notices
    assert notice.startswith(f"compose.yaml:{line}: `{unknown.path[-1]}`")
    assert "docker compose may refuse the file" in notice
    at = project.resolved
    if unknown.path[0] != "volumes":  # no service uses the volume, so that compose does not print it either
        for step in unknown.path:
            at = at[int(step)] if isinstance(at, list) else at[step]
        assert at == value


def test_variables_in_an_unknown_key_are_substituted(tmp_path: Path) -> None:
    project = read_text(tmp_path, APP + "    fresh: {A: '${X}'}\n", environment={"X": "1"})
    assert project.services["app"].raw["fresh"] == {"A": "1"}


def test_the_last_file_says_what_an_unknown_key_is(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(APP + "    fresh: 1\n")
    (tmp_path / "b.yaml").write_text("services: {app: {fresh: 2}}\n")
    project = load_in(tmp_path, files=(str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")))
    (unknown,) = project.unknown_keys
    assert (unknown.value, unknown.mark.file) == (2, str(tmp_path / "b.yaml"))


@pytest.mark.parametrize(
    "text",
    [
        "web:\n  image: a\n",  # a file of version 1: no key of a project at all
        "services:\n  my app: {image: a}\n",  # a name, not a key
        APP + "    env_file: [{path: a, x-y: 1}]\n",  # no extension is allowed there
        APP + "    fresh: 1\n    comand: x\n",
    ],
)
def test_what_no_newer_compose_would_read_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(MigopsError, match="additional properties"):
        read_text(tmp_path, text)


def test_a_file_of_version_1_is_told_where_services_stand(tmp_path: Path) -> None:
    with pytest.raises(MigopsError) as refused:
        read_text(tmp_path, "web:\n  image: a\n")
    assert refused.value.hint == "a compose file has its services under `services:`"


def test_an_unknown_key_hides_no_other_fault(tmp_path: Path) -> None:
    with pytest.raises(MigopsError, match="image must be a string") as refused:
        read_text(tmp_path, "services:\n  app:\n    image: [a]\n    build: {context: ., deeply: {new: 1}}\n")
    assert "deeply" not in refused.value.message


def test_extensions_and_known_keys_are_no_warning(tmp_path: Path) -> None:
    assert read_text(tmp_path, APP + "    x-mine: 1\n    init: true\nx-top: 2\n").notices == ()


@pytest.mark.parametrize(
    ("one", "other", "edits"), [("abc", "abc", 0), ("acb", "abc", 1), ("ab", "abc", 1), ("xyz", "abc", 3)]
)
def test_distance(one: str, other: str, edits: int) -> None:
    assert distance(one, other, 9) == distance(other, one, 9) == edits
    assert distance(one, other, 1) == min(edits, 2)


def test_a_new_key_is_no_misspelling_of_its_neighbours() -> None:
    assert not is_misspelt("pre_start", ["pre_stop", "post_start"])
    assert not is_misspelt("no_cache_filter", ["no_cache"])
    assert nearest("no_cache_filter", ["no_cache", "network"]) == "no_cache"
    assert nearest("x", []) == ""


# The commands


def project(folder: Path) -> None:
    (folder / "versions").mkdir()
    (folder / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s\n")
    (folder / "env.py").write_text("")
    (folder / "versions" / "a1.py").write_text("revision = 'a1'\ndown_revision = None\n")
    (folder / "Dockerfile").write_text("FROM scratch\nWORKDIR /app\nCOPY . .\n")
    (folder / "compose.yaml").write_text("services:\n  app:\n    build: .\n    sidecar: {image: x}\n")


def test_the_verdict_says_that_compose_may_refuse_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    project(tmp_path)
    for command in (["check-image", "--no-engine"], ["doctor", "--no-engine"], ["status", "--no-engine"]):
        run(command)
        shown = capsys.readouterr()
        assert shown.err.count("warning: compose.yaml:4: `sidecar` in services.app is not a key") == 1
        text = " ".join(shown.out.split())
        assert "docker compose may refuse this project: it has a key that migops does not know (compose.yaml:4)" in text
        run([*command, "--format", "json"])
        (warning,) = json.loads(capsys.readouterr().out)["warnings"]
        assert warning.startswith("compose.yaml:4: `sidecar`")


def test_a_project_without_one_says_nothing_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    project(tmp_path)
    (tmp_path / "compose.yaml").write_text("services:\n  app:\n    build: .\n    x-sidecar: {image: x}\n")
    assert run(["check-image", "--no-engine"]) == 0
    shown = capsys.readouterr()
    assert "may refuse" not in shown.out + shown.err
    assert run(["check-image", "--no-engine", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == []
