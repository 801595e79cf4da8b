"""The compose CLI that the loader is held to, as a program of its own: it needs no engine to read a project."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.compose.support import PLACE, without_warnings
from tests.engine import debian, layout

SUITE = "sid"
"""Debian's suite whose compose is 2.40 or newer."""


def program() -> Path:
    """The newest compose CLI: the one that MIGOPS_TEST_COMPOSE names, or Debian's, unpacked into the tests' cache."""
    named = os.environ.get("MIGOPS_TEST_COMPOSE")
    if named:
        return Path(named)
    with layout.locked(f"compose-{SUITE}"):
        if not (layout.cache() / f"compose-{SUITE}").exists():
            debian.require()
        root = layout.made(layout.cache() / f"compose-{SUITE}", _unpack)
    return root / "usr/libexec/docker/cli-plugins/docker-compose"


def _unpack(root: Path) -> None:
    debian.unpack(SUITE, ["docker-compose"], root)


def config(cli: Path, folder: Path, arguments: tuple[str, ...], environment: dict[str, str]) -> tuple[Any, str]:
    """What ``docker compose ARGUMENTS config`` says in ``folder``: its document, or None and its refusal."""
    done = subprocess.run(
        [str(cli), *arguments, "config", "--format", "json"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": "/home/ci", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode:
        return None, without_warnings(done.stderr).replace(str(folder), PLACE)
    return json.loads(done.stdout.replace(str(folder), PLACE)), ""
