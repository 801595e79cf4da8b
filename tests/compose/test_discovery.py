"""Which files, which folder, which name, which environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.compose.discovery import normalize_name
from tests.compose.support import load_in


def write(folder: Path, **files: str) -> None:
    for name, image in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"services: {{app: {{image: '{image}'}}}}\n")


def image(folder: Path, environment: dict[str, str] | None = None, **given: object) -> str | None:
    return load_in(folder, environment, **given).service("app").image


def test_the_order_of_names_and_one_override(tmp_path: Path) -> None:
    write(tmp_path, docker_compose_yaml="1")
    (tmp_path / "docker.compose.yaml").rename(tmp_path / "docker-compose.yaml")
    assert image(tmp_path) == "1"
    for name, text in (("docker-compose.yml", "2"), ("compose.yml", "3"), ("compose.yaml", "4")):
        (tmp_path / name).write_text(f"services: {{app: {{image: '{text}'}}}}\n")
        assert image(tmp_path) == text
    assert "Found multiple config files" in load_in(tmp_path).warnings[0]
    write(tmp_path, compose_override_yaml="o")
    assert image(tmp_path) == "o"
    write(tmp_path, compose_override_yml="p")
    assert image(tmp_path) == "p"
    assert image(tmp_path, files=("compose.yaml",)) == "4"


def test_parents_are_searched(tmp_path: Path) -> None:
    write(tmp_path, compose_yaml="up")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    project = load_in(below)
    assert project.directory == str(tmp_path)
    assert project.files == (str(tmp_path / "compose.yaml"),)


def test_compose_file_in_the_environment_and_in_dotenv(tmp_path: Path) -> None:
    write(tmp_path, a_yaml="a", b__c_yaml="c")
    assert image(tmp_path, {"COMPOSE_FILE": "a.yaml:b/c.yaml"}) == "c"
    assert image(tmp_path, {"COMPOSE_FILE": "b/c.yaml;a.yaml", "COMPOSE_PATH_SEPARATOR": ";"}) == "a"
    (tmp_path / ".env").write_text("COMPOSE_FILE=b/c.yaml\nCOMPOSE_PROJECT_NAME=named\n")
    project = load_in(tmp_path)
    assert project.name == "named"
    assert project.directory == str(tmp_path / "b")


def test_paths_are_those_of_the_first_file_s_folder_or_of_the_one_given(tmp_path: Path) -> None:
    text = "services: {app: {image: a, volumes: ['./x:/x']}}\n"
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "c.yaml").write_text(text)

    def source(**given: object) -> str:
        return load_in(tmp_path, **given).service("app").volumes[0].source

    assert source(files=("one/c.yaml", "two/c.yaml")) == str(tmp_path / "one/x")
    assert source(files=("one/c.yaml",), project_directory="two") == str(tmp_path / "two/x")


def test_the_process_beats_dotenv_and_later_env_files_beat_earlier_ones(tmp_path: Path) -> None:
    write(tmp_path, compose_yaml="$A-$B-$C")
    (tmp_path / ".env").write_text("A=dotenv\nB=dotenv\n")
    (tmp_path / "one.env").write_text("A=one\nC=one\n")
    (tmp_path / "two.env").write_text("C=two-$A\n")
    assert image(tmp_path, {"A": "process"}) == "process-dotenv-"
    assert image(tmp_path, env_files=("one.env", "two.env")) == "one--two-one"
    assert image(tmp_path, {"COMPOSE_ENV_FILES": "one.env,two.env"}) == "one--two-one"
    assert image(tmp_path, {"COMPOSE_DISABLE_ENV_FILE": "1"}) == "--"
    assert load_in(tmp_path, {"A": "a"}).warnings == ('The "C" variable is not set. Defaulting to a blank string.',)


@pytest.mark.parametrize(
    ("folder", "name"),
    [("My Proj.X", "myprojx"), ("_-a_b-", "a_b-"), ("{br}aces", "braces"), ("ÄB", "b"), ("A1", "a1")],
)
def test_a_folder_s_name_as_a_project_s(folder: str, name: str) -> None:
    assert normalize_name(folder) == name


def test_the_project_s_name(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text("name: '${N:-In File}'\nservices: {app: {image: $COMPOSE_PROJECT_NAME}}\n")
    assert load_in(tmp_path).name == "infile"
    assert image(tmp_path) == "infile"
    assert load_in(tmp_path, {"N": "x"}).name == "x"
    assert load_in(tmp_path, {"COMPOSE_PROJECT_NAME": "env"}).name == "env"
    assert load_in(tmp_path, {"COMPOSE_PROJECT_NAME": "env"}, project_name="given").name == "given"
    (tmp_path / "compose.override.yaml").write_text("name: later\n")
    assert load_in(tmp_path).name == "later"


def test_profiles_come_from_the_option_or_else_the_environment(tmp_path: Path) -> None:
    text = "services: {a: {image: a}, b: {image: b, profiles: [p]}, c: {image: c, profiles: [q, r]}}\n"
    (tmp_path / "compose.yaml").write_text(text)

    def names(environment: dict[str, str] | None = None, **given: object) -> str:
        return "".join(load_in(tmp_path, environment, **given).services)

    assert names() == "a"
    assert names({"COMPOSE_PROFILES": "p, r"}) == "abc"
    assert names({"COMPOSE_PROFILES": "p"}, profiles=("q",)) == "ac"
    assert names(profiles=("*",)) == "abc"
