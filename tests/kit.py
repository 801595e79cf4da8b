"""What tests of whole commands share: running migops, copies of the examples, images without an engine."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from migops.cli.main import run
from tests.images.build import Made, Member, hybrid_files, layer, write_tar

EXAMPLES = Path(__file__).parents[1] / "compose-examples"
NO_ENGINE = {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
GIT_IDENTITY = ("-c", "user.name=T", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false")


@dataclass(frozen=True)
class Result:
    """How a command ended and what it wrote."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.stdout)
        return document

    @property
    def rules(self) -> list[str]:
        """The rules of a JSON report's findings, in order."""
        return [finding["rule"] for finding in self.json["findings"]]


def migops(*arguments: str | Path, cwd: Path, env: Mapping[str, str] = NO_ENGINE) -> Result:
    """Run the command line in this process, in ``cwd``; unless told otherwise, with no engine to be reached."""
    out, err = io.StringIO(), io.StringIO()
    before = Path.cwd()
    os.chdir(cwd)
    try:
        with mock.patch.dict(os.environ, env), redirect_stdout(out), redirect_stderr(err):
            code = run([str(argument) for argument in arguments])
    finally:
        os.chdir(before)
    return Result(code, out.getvalue(), err.getvalue())


def with_migops(env: Mapping[str, str]) -> dict[str, str]:
    """The environment in which a printed ``migops …`` is the program under test."""
    return {**env, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', os.defpath)}"}


def example(name: str, folder: Path) -> Path:
    """A copy of an example that a test may change."""
    return Path(shutil.copytree(EXAMPLES / name, folder / name))


def write_image(
    archive: Path, folders: Mapping[str, Path], *extra: Member, config: Mapping[str, Any] | None = None
) -> Path:
    """An image whose paths hold these folders, as ``docker save`` writes it. Its working directory is /app."""
    members = [
        Member(f"{target.strip('/')}/{file.relative_to(source).as_posix()}", file.read_bytes())
        for target, source in folders.items()
        for file in sorted(source.rglob("*"))
        if file.is_file()
    ]
    return write_tar(archive, hybrid_files(Made([layer(*members, *extra)], config=dict(config or {}))))


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(("git", *GIT_IDENTITY, *arguments), cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def repository(folder: Path) -> Path:
    """Make ``folder`` a git repository with everything in it committed."""
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder
