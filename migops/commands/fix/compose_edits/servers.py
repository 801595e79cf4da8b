"""The health check of a database server, where it is known to be right."""

from __future__ import annotations

import posixpath
import re

from migops.commands.fix.compose_edits.nodes import NotEditable
from migops.compose import Service
from migops.sources.mounts import at_or_below

_POSTGRES = frozenset({"postgres", "postgresql", "postgis", "timescaledb", "timescaledb-ha", "pgvector"})
"""Names of images that have the pg_isready of PostgreSQL."""
_USERS = ("POSTGRES_USER", "POSTGRESQL_USERNAME")
_DATABASES = ("POSTGRES_DB", "POSTGRESQL_DATABASE")
_DATA = ("/var/lib/postgresql", "/bitnami")
_SETTINGS = ("config_file", "listen_addresses", "port")
TIMES = {"interval": "5s", "timeout": "5s", "retries": 20, "start_period": "30s"}
"""A server may run scripts at its first start; a check takes a tenth of a second."""


def probe(server: Service) -> str:
    """The shell command that tells whether the server is ready. Raises ``NotEditable`` if none is known to be right.

    It uses the variables that the container has, so it is right whatever they are set to, and no value is copied.
    """
    repository = posixpath.basename((server.image or "").partition("@")[0]).partition(":")[0]
    if repository not in _POSTGRES:
        image = server.image or "its build"
        raise NotEditable(f"migops has no health check that is known to be right for {image} ({server.name})")
    _refuse_settings(server)
    user = _expression(server, _USERS, "postgres")
    return f'pg_isready -h 127.0.0.1 -U "{user}" -d "{_expression(server, _DATABASES, user)}"'


def _expression(server: Service, names: tuple[str, ...], default: str) -> str:
    """The shell's expression for a setting of the server, as its image determines it."""
    for name in names:
        if server.environment.get(name):
            return f"${name}"
        if f"{name}_FILE" in server.environment:
            return f'$(cat "${name}_FILE")'
    unsure = next((name for name in names if server.unread.might_set(name)), "")
    return f"${{{unsure}:-{default}}}" if unsure else default


def refuse_loss(server: Service) -> None:
    """Raise ``NotEditable`` if recreating the container, which a new health check causes, would lose its data."""
    data = server.environment.get("PGDATA") or ""
    if not data or any(at_or_below(data, each) for each in _DATA):
        return
    if not any(at_or_below(data, mount.target) for mount in server.volumes):
        raise NotEditable(
            f"a new health check makes compose recreate {server.name}, and its data ({data}) is in no volume: "
            "it would be lost; mount a volume first"
        )


def _refuse_settings(server: Service) -> None:
    words = " ".join((*(server.entrypoint or ()), *(server.command or ())))
    for setting in _SETTINGS:
        if re.search(rf"(?<![\w.]){setting}\s*=", words):
            raise NotEditable(f"{server.name} is started with `{setting}`, so its address is not known to migops")
    if re.search(r"(?:^|\s)(-p|-h|-k|-i)(?=\s|=|\d)", words):
        raise NotEditable(f"{server.name} is started with options for its address, which migops does not read")
