"""Options: each has its environment variable, and two of which one would mean nothing are refused."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click
import pytest

from migops.cli.main import COMMANDS, cli
from migops.core.errors import ExitCode
from migops.output import FORMATS
from tests.kit import NO_ENGINE, Result, example, migops, write_image

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = example("clean", tmp_path)
    write_image(tmp_path / "app.tar", {"/app": project})
    return project


UNSET = {
    ("restore", "--foreign"), ("restore", "--confirm"), ("reset", "--database"),
    ("doctor", "--fix"), ("doctor", "--fix-rule"), ("doctor", "--undo"),
}  # fmt: skip
"""What is said with each call, or not at all: a variable that was once exported would answer for every later one."""


def with_env(*arguments: str, cwd: Path, **env: str) -> Result:
    return migops(*arguments, cwd=cwd, env={**NO_ENGINE, **env})


def options(command: str) -> list[click.Option]:
    found = cli.get_command(click.Context(cli), command)
    assert found is not None
    return [option for option in found.params if isinstance(option, click.Option)]


class TestEnvironment:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_option_has_its_variable(self, command: str) -> None:
        for option in options(command):
            long = next(name for name in option.opts if name.startswith("--"))
            if (command, long) in UNSET:
                assert option.envvar is None
                continue
            assert option.envvar == "MIGOPS_" + long[2:].replace("-", "_").upper(), f"{command} {long}"

    @pytest.mark.parametrize("command", COMMANDS)
    def test_every_format_is_known_to_all(self, command: str) -> None:
        for option in options(command):
            if option.name == "format_":
                assert isinstance(option.type, click.Choice)
                assert FORMATS.keys() >= set(option.type.choices)

    def test_flags(self, project: Path) -> None:
        found = with_env("check-image", cwd=project, MIGOPS_NO_ENGINE="1")
        assert found.code == 0, found.stdout + found.stderr
        assert with_env("check-image", cwd=project, MIGOPS_NO_ENGINE="0").code == 3
        (project / "models.py").write_text("Base = None\n")
        image = ("check-image", "--image", "docker-archive:../app.tar", "--format", "json")
        assert with_env(*image, cwd=project, MIGOPS_ALL_FILES="true").rules == ["MIG101"]

    def test_flags_that_choose(self, project: Path) -> None:
        assert with_env("config", cwd=project, MIGOPS_SERVICES="1").stdout == "db\napp\n"
        assert with_env("config", "--services", cwd=project, MIGOPS_IMAGES="0").stdout == "db\napp\n"

    def test_several_files_are_parted_like_compose_file(self, project: Path) -> None:
        (project / "compose.yaml").rename(project / "a b.yml")
        (project / "more.yml").write_text("services:\n  app:\n    user: root\n")
        files = os.pathsep.join(["a b.yml", "more.yml"])
        found = with_env("config", cwd=project, MIGOPS_FILE=files)
        assert found.code == 0, found.stderr
        assert found.json["services"]["app"]["user"] == "root"
        (project / "my env").write_text("TAG=7\n")
        (project / "a b.yml").write_text("services:\n  app:\n    image: app:$TAG\n")
        found = with_env("config", cwd=project, MIGOPS_FILE="a b.yml", MIGOPS_ENV_FILE="my env")
        assert found.json["services"]["app"]["image"] == "app:7"

    def test_several_names_are_parted_by_commas(self, project: Path) -> None:
        services = "".join(f"  {name}:\n    image: i\n    profiles: [{name}]\n" for name in "xyz")
        (project / "compose.yaml").write_text(f"services:\n{services}")
        assert with_env("config", "--services", cwd=project, MIGOPS_PROFILE="x, z").stdout == "x\nz\n"

    def test_several_values_are_parted_by_lines(self, project: Path) -> None:
        env = {"MIGOPS_SET": "script_location=migrations\nx=a, b"}
        (project / "alembic.ini").write_text("[alembic]\n")
        assert with_env("graph", "--format", "json", cwd=project, **env).json["script_location"] == "migrations"

    def test_a_format_of_another_command_does_not_count(self, project: Path) -> None:
        assert with_env("config", cwd=project, MIGOPS_FORMAT="text").json["services"]
        assert with_env("graph", cwd=project, MIGOPS_FORMAT="yaml").stdout.startswith("2 revisions")
        assert with_env("graph", cwd=project, MIGOPS_FORMAT="mermaid").stdout.startswith("flowchart")
        assert with_env("graph", cwd=project, MIGOPS_FORMAT="jsno").code == 2


class TestTogether:
    @pytest.mark.parametrize(
        ("arguments", "names"),
        [
            (["--dockerfile", "Dockerfile"], ["--dockerfile", "--context"]),
            (["--target", "final"], ["--target", "--context"]),
            (["--build-arg", "A=1"], ["--build-arg", "--context"]),
            (["--no-engine", "--image", "app"], ["--no-engine", "--image"]),
            (["--no-engine", "--all-files"], ["--no-engine", "--all-files"]),
            (["--no-engine", "--context", ".", "-f", "compose.yaml"], ["--file", "--context"]),
            (["--no-engine", "--context", ".", "-p", "shop"], ["--project-name", "--context"]),
            (["--no-engine", "--context", ".", "--env-file", ".env"], ["--env-file", "--context"]),
            (["--no-engine", "--context", ".", "--profile", "x"], ["--profile", "--context"]),
            (["--no-engine", "--context", ".", "--project-directory", "."], ["--project-directory", "--context"]),
        ],
    )
    def test_an_option_that_would_be_ignored_is_refused(
        self, project: Path, arguments: list[str], names: list[str]
    ) -> None:
        found = migops("check-image", *arguments, cwd=project)
        assert found.code == 2, found.stdout
        for name in names:
            assert name in found.stderr

    def test_what_the_environment_said_is_named(self, project: Path) -> None:
        found = with_env("check-image", "--no-engine", "--context", ".", cwd=project, MIGOPS_FILE="compose.yaml")
        assert (found.code, "MIGOPS_FILE" in found.stderr) == (2, True)

    def test_one_question_to_config_at_a_time(self, project: Path) -> None:
        for words in (["--verify", "--services"], ["--explain", "services", "--verify"]):
            found = migops("config", *words, cwd=project)
            assert (found.code, all(word in found.stderr for word in words if word[0] == "-")) == (2, True)

    def test_what_goes_together(self, project: Path) -> None:
        words = ("--dockerfile", "Dockerfile", "--build-arg", "A=1")
        assert migops("check-image", "--no-engine", "--context", ".", *words, cwd=project).code == 0


def test_the_readme_lists_every_exit_code() -> None:
    rows = re.findall(r"(?m)^\| ([0-9, ]+) \|", (ROOT / "README.md").read_text(encoding="utf-8"))
    listed = {int(code) for row in rows for code in row.split(",")}
    assert {129, 141} <= listed
    assert listed <= {int(code) for code in ExitCode}
