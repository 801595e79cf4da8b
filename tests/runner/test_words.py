"""What would be run, word by word."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from migops.collect import Survey
from migops.compose import ComposeOptions
from migops.core.errors import MigopsError, Unavailable
from migops.runner import command_lines
from migops.runner.command_lines import Program
from migops.sources.home import Home
from migops.sources.program_file import ProgramFile
from migops.state import owner
from migops.state.process import ourselves
from migops.target import Target, Wanted, resolve
from tests.kit import example

ALEMBIC = Program(("alembic",))


def target(folder: Path, name: str = "clean", *settings: str, options: ComposeOptions | None = None) -> Target:
    """The example's target, with these settings under x-migops."""
    project = example(name, folder)
    if settings:
        compose = project / "compose.yaml"
        added = "".join(f"\n      {setting}" for setting in settings)
        compose.write_text(compose.read_text().replace("    build: .", f"    build: .\n    x-migops:{added}"))
    return resolve(Wanted(service="app"), options or ComposeOptions(), {}, project)


def called(
    found: Target, home: Home, *arguments: str, program: ProgramFile | None = None, starts_in: str = ""
) -> Program:
    """How Alembic is called with these arguments in an image that was read."""
    seen = Survey(found)
    seen.home, seen.program, seen.starts_in = home, program, starts_in
    return command_lines.in_image(found, seen, arguments)


def test_one_off(tmp_path: Path) -> None:
    options = ComposeOptions(files=("compose.yaml",), project_name="shop", profiles=("*",))
    found = target(tmp_path, options=options)
    argv = command_lines.one_off(found, ALEMBIC, ["-cprod.ini", "--", "-x", ""], "migops-1", terminal=False)
    assert argv == (
        "docker", "compose", "--progress", "quiet", "-f", "compose.yaml", "-p", "shop", "--profile", "*",
        "run", "--no-deps", "--name", "migops-1", *command_lines.labels(), "-T",
        "--entrypoint", "alembic", "app", "-cprod.ini", "--", "-x", "",
    )  # fmt: skip
    assert "-T" not in command_lines.one_off(found, ALEMBIC, ["current"], "migops-1", terminal=True)


def test_one_off_of_several_words_and_with_the_images_entrypoint(tmp_path: Path) -> None:
    found = target(tmp_path)
    argv = command_lines.one_off(found, Program(("flask", "db")), ["current"], "n", terminal=False)
    assert argv[-5:] == ("--entrypoint", "flask", "app", "db", "current")
    argv = command_lines.one_off(
        found, Program(("flask", "db"), keeps_entrypoint=True), ["current"], "n", terminal=False
    )
    assert "--entrypoint" not in argv
    assert argv[-4:] == ("app", "flask", "db", "current")


def test_in_a_terminal() -> None:
    argv = command_lines.in_terminal("app-1", Program(("flask", "db")), ["current"], "t0")
    assert argv == ("docker", "exec", "-it", "--env", "MIGOPS_RUN=t0", "app-1", "flask", "db", "current")


@pytest.mark.parametrize(
    ("name", "settings", "program"),
    [
        ("clean", (), Program(("alembic",))),
        ("flask-migrate", (), Program(("flask", "db"))),
        ("clean", ('alembic: "poetry run alembic"',), Program(("poetry", "run", "alembic"))),
        ("flask-migrate", ("alembic: alembic", "entrypoint: keep"), Program(("alembic",), keeps_entrypoint=True)),
    ],
)
def test_how_alembic_is_called(name: str, settings: tuple[str, ...], program: Program, tmp_path: Path) -> None:
    assert command_lines.program(target(tmp_path, name, *settings)) == program


def test_a_call_that_no_shell_could_read(tmp_path: Path) -> None:
    with pytest.raises(MigopsError, match=r"x-migops\.alembic of service 'app' is not a command"):
        command_lines.program(target(tmp_path, "clean", 'alembic: "flask \'db"'))


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ("current", {}),
        ("-c prod.ini -n shop current", {"config": "prod.ini", "name": "shop"}),
        ("-cprod.ini -nshop -q current", {"config": "prod.ini", "name": "shop"}),
        ("--config=prod.ini --name shop current", {"config": "prod.ini", "name": "shop"}),
        ("-x a=b upgrade -n", {"x": "a=b"}),
        ("upgrade head -c late.ini", {}),
        ("-c", {"config": ""}),
    ],
)
def test_alembics_own_options(arguments: str, found: dict[str, str]) -> None:
    assert command_lines.global_options(arguments.split()) == found


def test_alembics_own_options_say_what_is_looked_at(tmp_path: Path) -> None:
    found = target(tmp_path)
    (found.root / "prod.ini").write_text("[shop]\nscript_location = migrations\n")
    aimed = command_lines.aimed(found, ["-c", "prod.ini", "-nshop", "current"], found.root)
    assert (aimed.config, aimed.section) == (found.root / "prod.ini", "shop")
    assert command_lines.aimed(found, ["-c", "/etc/alembic.ini", "current"], found.root) == found
    assert command_lines.aimed(found, ["-c", "gone.ini", "current"], found.root) == found


def test_which_commands_make_files() -> None:
    assert command_lines.makes_files(["-q", "revision", "-m", "x"])
    assert command_lines.makes_files(["merge", "heads"])
    assert command_lines.makes_files(["migrate"])
    assert not command_lines.makes_files(["upgrade", "head"])


def test_whose_one_off_it_is() -> None:
    first, old, second, new = command_lines.labels()
    assert (first, second) == ("--label", "--label")
    assert old == f"migops.oneoff={os.getpid()}@{socket.gethostname()}", "as 0.1.0 reads it"
    assert owner.of_one_off(dict(each.split("=", 1) for each in (old, new))) == ourselves()


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="containers have /proc")
@pytest.mark.parametrize("number", [0, 1], ids=["sh", "python3"])
def test_the_commands_that_signal_find_the_process_and_no_other(number: int) -> None:
    sleep = [sys.executable, "-c", "print(flush=True); import time; time.sleep(60)"]
    tokens = [secrets.token_hex(8) for _ in range(2)]  # of this test alone: others run beside it
    ours, other = (
        subprocess.Popen(sleep, env={**os.environ, "MIGOPS_RUN": token}, stdout=subprocess.PIPE) for token in tokens
    )
    try:
        for process in (ours, other):
            assert process.stdout is not None
            process.stdout.readline()
        command = command_lines.signalling(tokens[0], "KILL")[number]
        assert subprocess.run(command, check=False).returncode == 0
        assert ours.wait(60) == -9
        assert subprocess.run(command, check=False).returncode == 1, "there is no such process any more"
        assert other.poll() is None
    finally:
        for process in (ours, other):
            process.kill()
            process.communicate()


def test_no_setting_that_is_not_there(tmp_path: Path) -> None:
    assert command_lines.program(replace(target(tmp_path), settings={})) == ALEMBIC


@pytest.mark.parametrize(
    ("config", "variable", "arguments", "options"),
    [
        ("alembic.ini", "", "current", ()),
        ("backend/alembic.ini", "", "current", ("-c", "backend/alembic.ini")),
        ("backend/alembic.ini", "backend/alembic.ini", "current", ()),
        ("alembic.ini", "/opt/old.ini", "current", ("-c", "alembic.ini")),
        ("alembic.ini", "/opt/old.ini", "-c mine.ini current", ()),
        ("pyproject.toml", "", "current", ()),
        ("pyproject.toml", "prod.ini", "current", ("-c", "pyproject.toml")),
    ],
)
def test_alembic_is_called_so_that_it_reads_what_was_compared(
    tmp_path: Path, config: str, variable: str, arguments: str, options: tuple[str, ...]
) -> None:
    found = target(tmp_path)
    home = Home("/app", f"/app/{config}", environment={"ALEMBIC_CONFIG": variable})
    assert called(found, home, *arguments.split()).words == ("alembic", *options)


def test_from_another_folder_the_whole_path_is_named(tmp_path: Path) -> None:
    home = Home("/srv/backend", "/srv/backend/alembic.ini", away=True)
    assert called(target(tmp_path), home, "current").words == ("alembic", "-c", "/srv/backend/alembic.ini")


def test_the_section_is_named_once(tmp_path: Path) -> None:
    home = Home("/app", "/app/alembic.ini", "shop")
    assert called(target(tmp_path), home, "current").words == ("alembic", "-n", "shop")
    assert called(target(tmp_path / "two"), home, "-nshop", "current").words == ("alembic",)


def test_a_program_in_a_virtual_environment_is_called_by_its_path(tmp_path: Path) -> None:
    found = ProgramFile("alembic", ("/app/.venv/bin/alembic",))
    home = Home("/app", "/app/backend/alembic.ini")
    words = called(target(tmp_path), home, "current", program=found).words
    assert words == ("/app/.venv/bin/alembic", "-c", "backend/alembic.ini")
    given = target(tmp_path / "two", "clean", "{alembic: python -m alembic}")
    assert called(given, home, "current", program=found).words == ("python", "-m", "alembic"), "the user's words count"


def test_it_is_started_in_the_folder_where_alembic_finds_its_scripts(tmp_path: Path) -> None:
    program = called(target(tmp_path), Home("/srv", "/srv/alembic.ini"), "current", starts_in="/srv")
    compose = ("docker", "compose")
    one_off = command_lines.compose_run(compose, "app", program, ["current"], "m-1")
    assert one_off[one_off.index("--workdir") + 1] == "/srv"
    typed = command_lines.in_terminal("app-1", program, ["current"], "token")
    assert typed[typed.index("--workdir") + 1] == "/srv"
    plain = called(target(tmp_path / "two"), Home("/app", "/app/alembic.ini"), "current")
    assert "--workdir" not in command_lines.compose_run(compose, "app", plain, ["current"], "m-1")


def test_an_image_without_the_program_is_refused_before_anything_is_run(tmp_path: Path) -> None:
    missing = ProgramFile("alembic", (), ("/usr/bin", "/app/.venv/bin"))
    with pytest.raises(Unavailable, match="has no program 'alembic' in /usr/bin, /app/") as refused:
        called(target(tmp_path), Home("/app", "/app/alembic.ini"), "current", program=missing)
    assert "x-migops: {alembic:" in refused.value.hint
