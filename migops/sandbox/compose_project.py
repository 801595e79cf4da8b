"""The life of a sandbox project: built and started by compose, watched, and removed whatever happens."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from migops.core.errors import Unavailable
from migops.core.process import start
from migops.core.redaction import redact
from migops.docker import Engine, compose_labels, execs, making
from migops.docker.containers import inspect
from migops.sandbox import owned
from migops.sandbox.one_off import SETTLE

_LOOK = 0.3  # seconds between two looks
_LOG = 15  # lines of a log that are shown
_NOTHING_ELSE = {"COMPOSE_DISABLE_ENV_FILE": "1", "COMPOSE_ENV_FILES": "", "COMPOSE_PROFILES": ""}


@dataclass(frozen=True, slots=True)
class Started:
    """How a start ended: ``problem`` is '' if all services are up; ``log``: the last lines of the one that is not."""

    problem: str = ""
    log: tuple[str, ...] = ()
    service: str = ""
    """The service that is not up; '' if that is not known."""
    checked: bool = False
    """True if each service that was asked for has a health check, and it passed."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A project of its own name on the engine. Only ``sandbox`` creates one."""

    engine: Engine
    name: str
    environment: Mapping[str, str]
    """Variables that secrets and configs of the definition are taken from."""

    def build(self, definition: str, timeout: float) -> str:
        """Build the definition's images with the cache. Returns the problem, '' if there is none."""
        done = self._compose(definition, ("build", "-q"), timeout)
        return done.strip().splitlines()[-1] if done.strip() else ""

    def start(self, definition: str, stays: Sequence[str], until: float, running: float) -> Started:
        """Start the definition and watch it: healthy, or running for ``running`` seconds, or ended with code 0.

        ``stays``: the services that may not end. ``until``: the moment (``time.monotonic``) at which what is not up has
        failed.
        """
        problem = self._compose(definition, ("up", "-d", "--no-build", "--quiet-pull"), until - time.monotonic())
        while True:
            states = self._states()
            failed = next((each for each in states if _failure(each, stays)), None)
            if failed is not None:
                return Started(f"{_service(failed)} {_failure(failed, stays)}", self._log(failed), _service(failed))
            if problem:
                return Started(problem.strip().splitlines()[-1])
            waiting = [each for each in states if not _is_up(each, running)]
            if states and not waiting:
                asked = [each for each in states if _service(each) in stays]
                return Started(checked=all("Health" in each["State"] for each in asked))
            if time.monotonic() > until:
                late = waiting[0] if waiting else None
                name = _service(late) if late else "the project"
                return Started(f"{name} was not up in time", self._log(late) if late else (), name)
            time.sleep(_LOOK)

    def _compose(self, definition: str, words: Sequence[str], timeout: float) -> str:
        """Run compose on the definition, a file without a name. Returns what it says of a failure."""
        argv = ("docker", "compose", "-f", "-", "-p", self.name, *words)
        with tempfile.TemporaryFile() as file:
            file.write(definition.encode("utf-8", "replace"))
            file.seek(0)
            process = start(argv, env={**_NOTHING_ELSE, **self.environment}, join=True, stdin=file.fileno())
            try:
                written, _ = process.communicate(timeout=max(timeout, 1.0))
            except subprocess.TimeoutExpired:
                return f"{words[0]} did not end in time"
            finally:
                _end(process)
        text = redact(written.decode("utf-8", "replace")).replace(f"{self.name}-", "")
        return "" if process.returncode == 0 else text or f"{words[0]} ended with code {process.returncode}"

    def _states(self) -> list[dict[str, Any]]:
        rows = self.engine.containers(compose_labels.filters(self.name), hooks=True)
        return [each for row in rows if (each := inspect(self.engine, str(row["Id"])))]

    def _log(self, state: Mapping[str, Any]) -> tuple[str, ...]:
        text = making.said(self.engine, str(state["Id"]), _LOG)
        return tuple(redact(line.rstrip()) for line in text.splitlines() if line.strip())

    def remove(self) -> None:
        """Remove all that has the project's label, and the images that it built; twice, if the engine is slow."""
        for attempt in range(2):
            rows = self.engine.containers(compose_labels.filters(self.name), hooks=True)
            for row in rows:
                execs.remove(self.engine, str(row["Id"]))
            self._remove_rest()
            if attempt == 0:
                time.sleep(SETTLE)

    def _remove_rest(self) -> None:
        for each in making.networks(self.engine, f"{compose_labels.PROJECT}={self.name}"):
            making.remove_network(self.engine, str(each["Id"]))
        for each in making.volumes(self.engine, f"{compose_labels.PROJECT}={self.name}"):
            making.remove_volume(self.engine, str(each["Name"]))
        for image in self.engine.images():
            for tag in image.get("RepoTags") or ():
                if str(tag).startswith(f"{self.name}-"):
                    making.remove_image(self.engine, str(tag))


@contextmanager
def sandbox(engine: Engine, environment: Mapping[str, str] | None = None) -> Iterator[Sandbox]:
    """A sandbox project of a name that is nobody's. All of it is removed at the end of the ``with``, also on a signal.

    The next sandbox removes what a killed run has left.
    """
    owned.sweep(engine)
    made = Sandbox(engine, f"{owned.NAMES}{secrets.token_hex(6)}", environment or {})
    try:
        yield made
    finally:
        with owned.unhurried(), suppress(Unavailable):
            made.remove()


def with_build(definition: str, builds: Mapping[str, Mapping[str, Any]], labels: Mapping[str, str]) -> str:
    """The definition of trial builds: each under the tag that the sandbox's service has as its image."""
    made: dict[str, Any] = json.loads(definition)
    services = {}
    for name, build in builds.items():
        kept = {key: value for key, value in build.items() if key not in ("tags", "labels", "pull", "cache_to")}
        doubled = json.loads(json.dumps({**kept, "labels": dict(labels)}).replace("$", "$$"))
        services[name] = {"image": made["services"][name]["image"], "build": doubled}
    return json.dumps({"services": services, "secrets": made.get("secrets", {})})


def _end(process: subprocess.Popen[bytes]) -> None:
    """End compose with the plugin that it runs as: alone, that would go on making containers."""
    with owned.unhurried():
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # it has a session of its own
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _service(state: Mapping[str, Any]) -> str:
    return compose_labels.service_of(state)


def _failure(state: Mapping[str, Any], stays: Sequence[str]) -> str:
    """Why the container will not come up; '' if it still may."""
    now = state["State"]
    code = int(now.get("ExitCode") or 0)
    if now.get("Status") in ("exited", "dead") and (code or _service(state) in stays):
        return f"ended with code {code}"
    if now.get("Status") == "created" and now.get("Error"):
        return f"was not started: {redact(str(now['Error']))}"
    if str((now.get("Health") or {}).get("Status")) == "unhealthy":
        output = str((((now.get("Health") or {}).get("Log") or [{}])[-1]).get("Output") or "")
        return f"is unhealthy: {' '.join(redact(output).split())[:200] or 'its check printed nothing'}"
    return ""


def _is_up(state: Mapping[str, Any], running: float) -> bool:
    now = state["State"]
    if now.get("Status") == "exited":
        return not int(now.get("ExitCode") or 0)
    if now.get("Status") != "running":
        return False
    if "Health" in now and now["Health"].get("Status") not in ("none", ""):
        return bool(now["Health"].get("Status") == "healthy")
    began = datetime.fromisoformat(f"{str(now['StartedAt'])[:19]}+00:00")
    return (datetime.now(timezone.utc) - began).total_seconds() >= running
