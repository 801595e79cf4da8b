"""Asks a server and its container which database this is: the identity that backups are kept and restored by."""

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
from migops.docker.containers import inspect
from migops.sources.database_address import LABEL, is_one_off

if TYPE_CHECKING:
    from psycopg import Connection

_SYSTEM = "SELECT system_identifier FROM pg_catalog.pg_control_system()"
_FOLDER = "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory'"
"""No row, and no error, for a user who may not read it."""


def identify(engine: Engine, source: Source, timeout: float, *, exists: bool = True) -> Identity:
    """The identity of a source's database, which may not exist (then the server is asked in another one).

    ``Unavailable`` where the server or the engine does not answer. What the server refuses to tell is unknown, with its
    reason.
    """
    url = source.reached.url
    if exists:
        with direct(url, timeout=timeout, name="migops") as connection:
            system, why, folder = _asked(connection, url)
    else:
        with maintenance(url, "migops") as server:
            system, why, folder = _asked(server.connection, url)
    named = source.reached.named
    volume, lost = _volume(engine, source, folder) if source.server else (None, None)
    return Identity(
        system=system, engine=engine.id(), project=source.project, server=source.server or None, volume=volume,
        host=None if source.server else named.host or "localhost", port=None if source.server else named.port,
        database=source.database, system_unknown=why, volume_unknown=lost,
    )  # fmt: skip


def _asked(connection: Connection[Any], url: DatabaseUrl) -> tuple[str | None, str | None, str]:
    """The system identifier, or None and the reason; and the data folder, '' where the user may not read it."""
    import psycopg

    row = connection.execute(_FOLDER).fetchone()
    folder = str(row[0] or "") if row else ""
    try:
        found = connection.execute(_SYSTEM).fetchone()
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFunction) as error:
        return None, refused(url, error).message, folder
    if found is None or found[0] is None:
        return None, "the server gives no system identifier", folder
    return str(found[0]), None, folder


def _volume(engine: Engine, source: Source, folder: str) -> tuple[str | None, str | None]:
    """The volume or the host's folder that holds the server's data, None for the container itself; or a reason."""
    container = source.container or _only_container(engine, source)
    if container is None:
        return None, f"not exactly one container of the service {source.server} runs"
    found = inspect(engine, container)
    if found is None:
        raise Unavailable(f"the container of {source.server} has gone")
    folder = folder or _pgdata(found)
    if not folder:
        return None, f"the server does not tell {source.reached.named.url.username or 'this user'} its data folder"
    return _mounted(found, folder), None


def _only_container(engine: Engine, source: Source) -> str | None:
    listed = engine.containers({f"{LABEL}project": source.project, f"{LABEL}service": source.server})
    running = [str(each["Id"]) for each in listed if each.get("State") == "running" and not is_one_off(each)]
    return running[0] if len(running) == 1 else None


def _pgdata(inspected: Mapping[str, Any]) -> str:
    """The data folder by the container's environment, which the official images set."""
    variables = ((inspected.get("Config") or {}).get("Env")) or ()
    pairs = (str(each).partition("=") for each in variables)
    return next((value for name, _, value in pairs if name == "PGDATA"), "")


def _mounted(inspected: Mapping[str, Any], folder: str) -> str | None:
    """The name of the volume, or the host's path, that is mounted at the folder or above it."""
    there = posixpath.normpath(folder)
    covering = [
        each for each in inspected.get("Mounts") or ()
        if there == (at := str(each.get("Destination")).rstrip("/")) or there.startswith(f"{at}/")
    ]  # fmt: skip
    mount = max(covering, key=lambda each: len(str(each.get("Destination"))), default=None)
    if mount is None:
        return None
    return str(mount.get("Name") or mount.get("Source") or mount.get("Type") or "") or None
