"""``migops version --all``: the versions of all that migops works with, each asked with a deadline of its own."""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from migops import __version__
from migops.core.errors import MigopsError
from migops.core.process import start
from migops.core.redaction import redact
from migops.state import state_folder

_GRACE = 1.0  # seconds that a thread gets beyond its deadline to say that it was over
_PACKAGES = ("alembic", "SQLAlchemy", "psycopg")
_QUIET = {"DOCKER_CLI_HINTS": "false", "GIT_TERMINAL_PROMPT": "0"}
_NUMBER = re.compile(r"v?(\d+(?:\.\d+)+\S*)")


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that migops works with: its version, or the ``reason`` why that is not known; ``note``: more on it."""

    version: str = ""
    reason: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class VersionResult:
    """The version of migops, and with ``--all`` of everything else by name, in order."""

    migops: str
    parts: Mapping[str, Part]


class _Silent(Exception):
    """A program did not end in time."""


def own() -> VersionResult:
    """The version of migops. Starts nothing."""
    return VersionResult(__version__, {})


def everything(seconds: float) -> VersionResult:
    """All versions. Each part is asked at the same time as the others, and given up after so many seconds."""
    asked: dict[str, Callable[[], Part]] = {
        "engine": lambda: _engine(seconds),
        "docker": lambda: _program(("docker", "--version"), seconds),
        "compose": lambda: _program(("docker", "compose", "version"), seconds),
        "buildx": lambda: _program(("docker", "buildx", "version"), seconds),
        "buildkit": lambda: _buildkit(seconds),
        "git": lambda: _program(("git", "--version"), seconds),
    }
    parts = _together(asked, seconds)
    parts["python"] = Part(platform.python_version(), note=sys.executable)
    parts |= {name.lower(): _package(name) for name in _PACKAGES}
    parts["platform"] = Part(platform.platform())
    folder = state_folder.root()
    parts["state folder"] = Part(str(folder), note="" if folder.is_dir() else "not created yet")
    return VersionResult(__version__, parts)


def _together(asked: Mapping[str, Callable[[], Part]], seconds: float) -> dict[str, Part]:
    """The answers; a thread that does not end is left behind, so that nothing waits for it."""
    answers: dict[str, Part] = {}

    def answer(name: str, ask: Callable[[], Part]) -> None:
        try:
            answers[name] = ask()
        except MigopsError as error:
            answers[name] = Part(reason=str(error))
        except _Silent:
            pass

    threads = [threading.Thread(target=answer, args=each, daemon=True) for each in asked.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + _GRACE)
    late = Part(reason=f"did not answer in {seconds:g} s")
    return {name: answers.get(name, late) for name in asked}


def _engine(seconds: float) -> Part:
    from migops.docker import connect

    with connect(seconds) as engine:
        what = "reading the engine's version"
        with engine.http.answer("GET", "/version", what) as answer:
            found = engine.http.json(answer, what, dict)
        return Part(
            str(found.get("Version")), note=f"API {found.get('ApiVersion')}, {found.get('Os')}/{found.get('Arch')}, "
            f"{engine.endpoint.host} ({engine.endpoint.origin})",
        )  # fmt: skip


def _program(words: tuple[str, ...], seconds: float) -> Part:
    """The version that a program prints in its first line."""
    path = shutil.which(words[0])
    if path is None:
        return Part(reason=f"not found: no {words[0]} on PATH")
    code, text = _output(words, seconds)
    first = text.splitlines()[0] if text else ""
    found = _NUMBER.search(first)
    if code or found is None:
        missing = len(words) > 2 and _is_missing(text)
        return Part(reason=f"not found: no plugin {words[1]}" if missing else f"`{' '.join(words)}` says: {first}")
    return Part(found[1].rstrip(","), note=path if len(words) < 3 else "")


def _buildkit(seconds: float) -> Part:
    """The version of the builder that builds would use."""
    if shutil.which("docker") is None:
        return Part(reason="not found: no docker on PATH")
    code, text = _output(("docker", "buildx", "inspect"), seconds)
    if said := re.search(r"^BuildKit(?: version)?:\s*v?(\S+)", text, re.MULTILINE):
        return Part(said[1])
    if _is_missing(text):
        return Part(reason="not found: no plugin buildx")
    if code:
        last = text.splitlines()[-1] if text else f"exit code {code}"
        return Part(reason=f"`docker buildx inspect` does not tell it: {last}")
    return Part(reason="not told by the builder")


def _is_missing(text: str) -> bool:
    """Whether docker says that it has no such plugin."""
    return "is not a docker command" in text or "unknown command" in text


def _output(words: tuple[str, ...], seconds: float) -> tuple[int, str]:
    """The exit code and what was written. ``_Silent`` if it does not end in time: it is killed then, with plugins."""
    process = start(words, env=_QUIET, join=True)
    try:
        written, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=_GRACE / 2)
        raise _Silent from None
    return process.returncode, redact(written.decode("utf-8", "replace")).strip()


def _package(name: str) -> Part:
    """A package in migops's own environment; the application has its own in its image."""
    from importlib import metadata

    try:
        return Part(metadata.version(name), note="of migops itself")
    except metadata.PackageNotFoundError:
        return Part(reason="not found: not in migops's own environment; the application's is in its image")
