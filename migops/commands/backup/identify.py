"""Reads a database's identity from its server and container; backups are kept and restored by it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from migops.commands.backup.identity import Identity
from migops.commands.backup.source import Source
from migops.core.errors import Unavailable
from migops.database import DatabaseUrl
from migops.database.postgres.direct import direct
from migops.database.postgres.maintenance import maintenance
from migops.database.reading import refused
from migops.docker import Engine
from migops.docker.containers import inspect, running

if TYPE_CHECKING:
    from psycopg import Connection

_SYSTEM = "SELECT system_identifier FROM pg_catalog.pg_control_system()"
_FOLDER = "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory'"
"""Returns no row, without an error, if the user may not read it."""


def identify(engine: Engine, source: Source, timeout: float, *, exists: bool = True) -> Identity:
    """The identity of a source's database. If it does not exist, the server is queried through another one.

    Values that the server does not reveal are unknown, with the reason. ``Unavailable`` if the server or the engine
    does not answer.
    """
    url = source.reached.url
    if exists:
        with direct(url, timeout=timeout, name="migops") as connection:
            system, why, folder = _system(connection, url)
    else:
        with maintenance(url, "migops") as server:
            system, why, folder = _system(server.connection, url)
    named = source.reached.named
    volume, lost = _volume(engine, source, folder) if source.server else (None, None)
    return Identity(
        system=system, engine=engine.id(), project=source.project, server=source.server or None, volume=volume,
        host=None if source.server else named.host or "localhost", port=None if source.server else named.port,
        database=source.database, system_unknown=why, volume_unknown=lost,
    )  # fmt: skip


def _system(connection: Connection[Any], url: DatabaseUrl) -> tuple[str | None, str | None, str]:
    """The system identifier, or None and the reason; and the data folder, empty if the user may not read it."""
    import psycopg

    row = connection.execute(_FOLDER).fetchone()
    folder = str(row[0] or "") if row else ""
    try:
        system = connection.execute(_SYSTEM).fetchone()
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFunction) as error:
        return None, refused(url, error).message, folder
    if system is None or system[0] is None:
        return None, "the server has no system identifier", folder
    return str(system[0]), None, folder


def _volume(engine: Engine, source: Source, folder: str) -> tuple[str | None, str | None]:
    """The volume or host folder with the server's data (None: in the container), or the reason why it is unknown."""
    container = source.container or _only_container(engine, source)
    if container is None:
        return None, f"not exactly one container of the service {source.server} is running"
    inspected = inspect(engine, container)
    if inspected is None:
        raise Unavailable(f"the container of {source.server} was removed meanwhile")
    folder = folder or _pgdata(inspected)
    if not folder:
        return None, f"the server does not show its data folder to {source.reached.named.url.username or 'this user'}"
    return _mounted(inspected, folder), None


def _only_container(engine: Engine, source: Source) -> str | None:
    listed = running(engine, source.project, source.server)
    return str(listed[0]["Id"]) if len(listed) == 1 else None


def _pgdata(inspected: Mapping[str, Any]) -> str:
    """The data folder in the container's environment, as set by the official images."""
    variables = ((inspected.get("Config") or {}).get("Env")) or ()
    pairs = (str(each).partition("=") for each in variables)
    return next((value for name, _, value in pairs if name == "PGDATA"), "")


def _mounted(inspected: Mapping[str, Any], folder: str) -> str | None:
    """The volume's name or the host's path that is mounted at the folder or above it."""
    there = posixpath.normpath(folder)
    covering = [
        each for each in inspected.get("Mounts") or ()
        if there == (at := str(each.get("Destination")).rstrip("/")) or there.startswith(f"{at}/")
    ]  # fmt: skip
    mount = max(covering, key=lambda each: len(str(each.get("Destination"))), default=None)
    if mount is None:
        return None
    return str(mount.get("Name") or mount.get("Source") or mount.get("Type") or "") or None
