"""One process of a deploy, killed at a moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from tests.deploy.stack import Stack

VICTIMS = ("migops", "compose", "container", "migops and container")


def begin(found: Stack, *words: str) -> subprocess.Popen[str]:
    """A deploy that goes on, its output kept for the report."""
    argv = (sys.executable, "-m", "migops", "rebuild-and-migrate", *found.flags, "--yes", "--cache", *words)
    return subprocess.Popen(
        argv, cwd=found.project, env=found.env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )  # fmt: skip


def kill(found: Stack, running: subprocess.Popen[str], victim: str) -> bool:
    """Kill one of them with SIGKILL; False where there was no such process at that moment."""
    if victim == "migops":
        running.kill()
        return True
    if victim == "compose":
        return _compose(running.pid)
    if victim == "migops and container":
        running.kill()
    return _container(found)


def _compose(parent: int) -> bool:
    """The compose CLI that this deploy has started; plugins of its own die with it, as their output goes nowhere."""
    for each in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            words = (each / "cmdline").read_bytes().split(b"\0")
            its_parent = int((each / "stat").read_text().rpartition(")")[2].split()[1])
            if its_parent == parent and b"compose" in b" ".join(words[:2]):
                os.kill(int(each.name), signal.SIGKILL)
                return True
    return False


def _container(found: Stack) -> bool:
    """The container that migrates, where there is one that runs."""
    name = f"migops-{found.box.name}-migrate"
    running = found.box.docker("ps", "-q", "--filter", f"name=^{name}$").split()
    if running:
        found.box.docker("kill", name, check=False)
    return bool(running)
