"""Builds sdist and wheel, and tries the wheel as a user would install it. Nothing is uploaded anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
from dataclasses import dataclass
from pathlib import Path

from tests.kit import git


@dataclass(frozen=True)
class Built:
    """The two files of a release, and the wheel that was built from the source archive."""

    sdist: Path
    wheel: Path
    again: Path


def build(root: Path, folder: Path, *, isolated: bool = True) -> Built:
    """Build ``root`` into ``folder``. Without ``isolated``, the build backend of this environment is used.

    Times in the archives are the commit's, so that the same commit gives the same files.
    """
    epoch = git(root, "log", "-1", "--format=%ct")
    tree, again = folder / "tree", folder / "again"
    words = () if isolated else ("--no-isolation",)
    _build(root, tree, epoch, "--sdist", "--wheel", *words)
    (source,) = tree.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(folder, filter="data")
    _build(folder / source.name.removesuffix(".tar.gz"), again, epoch, "--wheel", *words)
    return Built(source, *tree.glob("*.whl"), *again.glob("*.whl"))


def _build(source: Path, target: Path, epoch: str, *words: str) -> None:
    command = (sys.executable, "-m", "build", "--outdir", str(target), *words, str(source))
    done = subprocess.run(command, env={**os.environ, "SOURCE_DATE_EPOCH": epoch}, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"the build ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def described(*files: Path) -> list[str]:
    """Problems that twine finds in the metadata and in the description that an index would show."""
    command = (sys.executable, "-m", "twine", "check", "--strict", *map(str, files))
    done = subprocess.run(command, capture_output=True, text=True)
    return [f"twine check: {done.stdout}{done.stderr}"] if done.returncode else []


def installed(wheel: Path, version: str, folder: Path) -> list[str]:
    """Problems of the wheel in a fresh virtual environment, away from the checkout."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    venv.create(folder / "venv", with_pip=True)
    bin_ = folder / "venv" / "bin"

    def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True)

    done = run(bin_ / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    if done.returncode:
        return [f"{wheel.name} cannot be installed: {done.stderr.strip()}"]
    expected = {
        (bin_ / "migops", "--version"): f"migops, version {version}",
        (bin_ / "migops", "explain", "MIG101"): "MIG101 stale-layer",
        (bin_ / "python", "-c", "import migops; print(migops.__file__)"): str(folder / "venv"),
    }
    found = []
    for command, text in expected.items():
        done = run(*command)
        if done.returncode or text not in done.stdout:
            words = " ".join((Path(command[0]).name, *command[1:]))
            said = f"{done.stdout[:200]}{done.stderr[-500:]}"
            found.append(f"`{words}` of the installed wheel ended with {done.returncode}: {said}")
    return found
