"""Containers of a project that do not stay up: their exit code, and the last error in their log. Nothing is changed."""

from __future__ import annotations

import io
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from migops.core.errors import MigopsError
from migops.core.redaction import redact
from migops.core.text import first_few
from migops.docker import Engine
from migops.docker.compose_labels import ONE_OFF, filters, is_one_off, read, service_of
from migops.docker.container_log import last_lines
from migops.docker.containers import file_of, inspect, name_of
from migops.images.tar import TarReader

RESTARTS = 3  # of one container; fewer may be a start that waited for its database
RECENT = 60.0  # seconds since its last start, in which such a container counts as restarting
_LONGEST = 240  # characters of a line of a log
_DATA = "/var/lib/postgresql/data"
_SERVERS = ("PG_MAJOR", "PGDATA", "MYSQL_VERSION", "MYSQL_MAJOR", "MARIADB_VERSION")
"""Variables that only an image of a database server sets."""
_SERVER_IMAGES = re.compile(r"postgres|postgis|timescaledb|pgvector|mysql|mariadb|percona")
_OF_CLIENTS = re.compile(
    r"terminating|starting up|shutting down|authentication failed|pg_hba\.conf|too many clients|connection slots|"
    r"canceling|(role|database) .* does not exist|recovery mode"
)
"""Fatal errors of one connection, which end no server."""
_FATAL = re.compile(r"\b(FATAL|PANIC)\b:?")
_OF_SERVER = re.compile(r"\[ERROR\]|^Error:|^initdb: error|^[\w./-]+: (?:.*: )?(?:error|No space|Permission denied)")
_RAISED = re.compile(r"^[A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt)\b|^FAILED:|\bFATAL\b")
_ANY_ERROR = re.compile(r"\berror\b|not found|No such file|[Pp]ermission denied|CRITICAL", re.IGNORECASE)
_REFUSED = re.compile(r"validation errors? for \w")
_REQUIRED = re.compile(r"^(?P<name>\w[\w.]{0,80})\n +(?:[Ff]ield required|none is not an allowed value)", re.MULTILINE)
"""A setting without a value, as pydantic 1 and 2 name it."""
_INITIALIZED_BY = re.compile(r"initialized by PostgreSQL version (\d+)[\d.]*, which is not compatible")


@dataclass(frozen=True, slots=True)
class Stopped:
    """A container that has exited, could not start, or restarts; or a server whose data folder has a known version."""

    name: str
    service: str
    state: str  # the engine's: restarting, running, exited, dead, created
    is_server: bool = False  # of a database, by its image
    is_down: bool = True  # it has exited, could not start, or restarts again and again
    code: int | None = None  # its last exit code; None if it has never exited, or runs again
    restarts: int = 0
    out_of_memory: bool = False
    error: str = ""  # the last error in its log, or the engine's own; '' if none was found
    unread: str = ""  # the reason why its log could not be read
    data_version: str = ""  # PostgreSQL's major version in its data folder; '' if unknown or another server
    image_version: str = ""  # the major version of the container's own image

    @property
    def was_stopped(self) -> bool:
        """True for an exit that `docker compose stop` or `kill` causes as well."""
        return self.code in (0, 130, 137, 143) and not self.out_of_memory


def stopped(engine: Engine, project: str, services: Iterable[str]) -> tuple[Stopped, ...]:
    """The containers of these services, and the project's database servers. One-offs and hooks do not count.

    Raises ``Unavailable`` if the engine does not answer.
    """
    ours = frozenset(services)
    listed = [each for each in engine.containers(filters(project)) if read(each, ONE_OFF)]
    lasting = [each for each in listed if not is_one_off(each)]
    results = (_of(engine, str(each["Id"]), ours) for each in lasting)
    return tuple(sorted((each for each in results if each), key=lambda each: (each.service, each.name)))


def _of(engine: Engine, container: str, ours: frozenset[str]) -> Stopped | None:
    """None for a container that is up and is no server, that is not ours, or that has vanished."""
    inspected = inspect(engine, container)
    if inspected is None:
        return None
    environment = _environment(inspected)
    image = posixpath.basename(str((inspected.get("Config") or {}).get("Image") or "").partition("@")[0])
    is_server = any(name in environment for name in _SERVERS) or bool(_SERVER_IMAGES.search(image.partition(":")[0]))
    state, down = inspected["State"], _is_down(inspected, engine.http.clock)
    is_ours = service_of(inspected) in ours
    if not (is_server or is_ours) or not (down or is_server):
        return None
    is_server = is_server and not is_ours  # an application's image may have the server's programs as well
    lines, unread = _log(engine, container, inspected) if down else ([], "")
    error = str(state.get("Error") or "").strip() or last_error(lines, is_server)
    version = next((match[1] for line in reversed(lines) if (match := _INITIALIZED_BY.search(line))), "")
    is_running = state.get("Status") == "running"  # the engine gives 0 then, whatever the last run ended with
    has_ended = not is_running and not str(state.get("FinishedAt") or "0001").startswith("0001")
    return Stopped(
        name=name_of(inspected),
        service=service_of(inspected),
        state=str(state.get("Status") or ""),
        is_server=is_server,
        is_down=down,
        code=int(state.get("ExitCode") or 0) if has_ended or state.get("Error") else None,
        restarts=int(inspected.get("RestartCount") or 0),
        out_of_memory=bool(state.get("OOMKilled")),
        error=redact(" ".join(error.split()))[:_LONGEST],
        unread=unread,
        data_version=version or _data_version(engine, container, environment),
        image_version=environment.get("PG_MAJOR", ""),
    )


def _environment(inspected: Mapping[str, Any]) -> dict[str, str]:
    pairs = (str(each).partition("=") for each in (inspected.get("Config") or {}).get("Env") or ())
    return {name: value for name, _, value in pairs}


def _is_down(inspected: Mapping[str, Any], now: datetime) -> bool:
    """True for a container that has exited, could not start, or was started again a moment ago and not the first time.

    A container that runs keeps the number of its restarts for as long as it exists, so an old number means nothing.
    """
    state = inspected["State"]
    status = str(state.get("Status") or "")
    if status in ("exited", "dead", "restarting"):
        return True
    if status == "created":
        return bool(state.get("Error"))
    many = int(inspected.get("RestartCount") or 0) >= RESTARTS
    return status == "running" and many and _age(str(state.get("StartedAt") or ""), now) < RECENT


def _age(moment: str, now: datetime) -> float:
    """Seconds since a moment in the engine's writing; infinite if it cannot be read."""
    try:
        return (now - datetime.fromisoformat(f"{moment[:19]}+00:00")).total_seconds()
    except ValueError:
        return float("inf")


def _log(engine: Engine, container: str, inspected: Mapping[str, Any]) -> tuple[list[str], str]:
    terminal = bool((inspected.get("Config") or {}).get("Tty"))
    try:
        return last_lines(engine, container, terminal=terminal), ""
    except MigopsError as error:
        return [], str(error)


def last_error(lines: Sequence[str], is_server: bool) -> str:
    """The last line that says why a program ended; of a program that is no server, the last line if none does."""
    if is_server:
        fatal = [line for line in lines if _FATAL.search(line) and not _OF_CLIENTS.search(line)]
        return next(reversed(fatal or [line for line in lines if _OF_SERVER.search(line)]), "")
    for pattern in (_RAISED, _ANY_ERROR):
        if hits := [line for line in lines if pattern.search(line) and not line.startswith((" ", "\t"))]:
            return _with_settings(lines, hits[-1])
    return next((line for line in reversed(lines) if line.strip()), "")


def _with_settings(lines: Sequence[str], error: str) -> str:
    """The error with the settings that pydantic requires, which it names in the lines below; never a value."""
    if not _REFUSED.search(error):
        return error
    start = len(lines) - 1 - list(reversed(lines)).index(error)
    text = "\n".join(lines[start + 1 :])
    names = list(dict.fromkeys(each["name"] for each in _REQUIRED.finditer(text)))
    return f"{error}: no value for {first_few(names)}" if names else error


def _data_version(engine: Engine, container: str, environment: Mapping[str, str]) -> str:
    """The major version that a PostgreSQL server's data folder was initialized by; '' if it cannot be read."""
    if "PG_MAJOR" not in environment and "PGDATA" not in environment:
        return ""
    path = posixpath.join(environment.get("PGDATA") or _DATA, "PG_VERSION")
    try:
        with file_of(engine, container, path) as stream:
            if stream is None:
                return ""
            data = io.BytesIO()
            while part := stream.read(1 << 16):
                data.write(part)
        data.seek(0)
        tar = TarReader(data, f"The engine's answer for {path!r}")
        for member in tar:
            text = tar.read(16) if member.size else b""
            return text.decode("ascii", "replace").strip()
    except MigopsError:
        return ""  # told by the server itself if it matters
    return ""
