"""Completion: the documented commands work in the shells, and services and rules are completed without an engine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit import NO_ENGINE, example, with_migops

PAGE = Path(__file__).parents[2] / "docs/commands.md"
ENV = {**os.environ, **NO_ENGINE}


def documented() -> dict[str, str]:
    """The commands of the page, by shell."""
    commands = re.findall(r"`([^`]*_MIGOPS_COMPLETE=(\w+)_source migops[^`]*)`", PAGE.read_text())
    return {shell: command for command, shell in commands}


def test_the_page_names_three_shells() -> None:
    assert set(documented()) == {"bash", "zsh", "fish"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_documented_command_registers_a_function(shell: str, tmp_path: Path) -> None:
    """In the shell itself where it is there; else the script that it would read must be that of the shell."""
    env = with_migops(ENV)
    command = documented()[shell]
    if shell == "bash" and shutil.which("bash"):
        words = ["bash", "-ec", f"{command}\ncomplete -p migops"]
        registered = "_migops_completion migops"
    else:
        words = ["sh", "-ec", f"_MIGOPS_COMPLETE={shell}_source migops"]
        registered = {"zsh": "compdef _migops_completion migops", "fish": "complete --no-files --command migops"}[shell]
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert registered in done.stdout


def completed(folder: Path, *words: str) -> list[str]:
    """What bash is offered for the last word."""
    env = {**ENV, "COMP_WORDS": " ".join(("migops", *words)), "COMP_CWORD": str(len(words))}
    done = subprocess.run(
        (sys.executable, "-m", "migops"), cwd=folder, env={**env, "_MIGOPS_COMPLETE": "bash_complete"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return example("clean", tmp_path)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("doc",), ["doctor"]),
        (("doctor", "--no-eng"), ["--no-engine"]),
        (("doctor", "a"), ["app"]),
        (("check-image", "-f", "other.yml", "w"), ["worker"]),
        (("status", "zz"), []),
        (("doctor", "--ignore", "MIG80"), ["MIG801", "MIG802", "MIG803", "MIG804", "MIG805", "MIG806"]),
        (("explain", "stale-l"), ["stale-layer"]),
        (("graph", "--name", "MIG"), []),
    ],
)
def test_what_is_completed(project: Path, words: tuple[str, ...], offered: list[str]) -> None:
    (project / "other.yml").write_text("services: {worker: {image: x}}\n")
    found = completed(project, *words)
    assert found[: len(offered)] == offered
    assert bool(found) is bool(offered)


def test_a_compose_file_that_cannot_be_read_completes_nothing(project: Path) -> None:
    (project / "compose.yaml").write_text("services: [\n")
    assert completed(project, "doctor", "a") == []
