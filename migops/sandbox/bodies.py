"""Request bodies of the Engine API for the disposable server and its one-off containers. Pure functions."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from migops.database import DatabaseUrl
from migops.sandbox.app import App
from migops.sandbox.live import Live

_FILE_VARIABLES = ("POSTGRES_USER_FILE", "POSTGRES_PASSWORD_FILE", "POSTGRES_DB_FILE")
_OFFICIAL = ("POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE", "POSTGRES_USER", "POSTGRES_HOST_AUTH_METHOD")
_QUIET = {"Test": ["NONE"]}


def server_environment(live: Live) -> tuple[dict[str, str], DatabaseUrl | None]:
    """The server's environment, and the superuser's URL if the first start does not create the URL's user.

    The first start of the official image creates the URL's database. It sets the URL's password for the URL's user,
    since the live server's password may have changed since its own first start.
    """
    url, environment = live.url, dict(live.environment)
    if not any(name in environment for name in _OFFICIAL):
        return environment, None  # another image, with variables of its own for the same settings
    user = url.url.username or ""
    admin = environment.get("POSTGRES_USER") or (user if "POSTGRES_USER_FILE" in environment else "postgres")
    for name in _FILE_VARIABLES:
        environment.pop(name, None)
    environment["POSTGRES_USER"] = admin
    environment["POSTGRES_DB"] = url.url.database or admin
    password = str(url.url.password or "") if user == admin else ""
    environment["POSTGRES_PASSWORD"] = password or environment.get("POSTGRES_PASSWORD") or secrets.token_hex(16)
    if user == admin:
        return environment, None
    given = environment["POSTGRES_PASSWORD"]
    return environment, DatabaseUrl(url.url.set(username=admin, password=given), url.secrets | {given})


def server_body(
    live: Live, environment: Mapping[str, str], network: str, labels: Mapping[str, str], *, on_disk: bool = False
) -> dict[str, Any]:
    """The server's container: image, command and configuration of the live one, data in memory or on disk."""
    mounts = [
        {"Type": "bind", "Source": source, "Target": target, "ReadOnly": True} for target, source in live.binds.items()
    ]
    host: dict[str, Any] = {"NetworkMode": network, "Mounts": mounts, "LogConfig": _log()}
    owner = _owner(live.user)
    if owner is not None and not on_disk:
        host["Tmpfs"] = {folder: owner for folder in live.data if folder not in live.binds}
    if live.shared_memory:
        host["ShmSize"] = live.shared_memory
    return {
        "Image": live.image,
        "Entrypoint": list(live.entrypoint) or None,
        "Cmd": list(live.command),
        "User": live.user,
        "Env": [f"{name}={value}" for name, value in environment.items()],
        "Labels": dict(labels),
        "Healthcheck": _QUIET,
        "HostConfig": host,
        "NetworkingConfig": {"EndpointsConfig": {network: {"Aliases": list(live.names)}}},
    }


def _log() -> dict[str, Any]:
    return {"Type": "json-file", "Config": {"max-size": "1m"}}


def _owner(user: str) -> str | None:
    """Mount options of a tmpfs that the server can write to; None if the user's number is not known."""
    if user in ("", "root", "0"):
        return "rw"  # it starts as root and changes the owner of its folder itself
    number, _, group = user.partition(":")
    return f"rw,mode=0700,uid={number}" + (f",gid={group}" if group.isdecimal() else "") if number.isdecimal() else None


def app_body(
    app: App, words: Sequence[str], network: str, labels: Mapping[str, str], *,
    environment: Mapping[str, str], memory: Sequence[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """A one-off container that runs ``words``, with an empty tmpfs at each folder of ``memory``."""
    keeps = app.keeps_entrypoint
    entrypoint = (list(app.entrypoint) if app.entrypoint is not None else None) if keeps else [words[0]]
    return {
        "Image": app.image,
        **({} if entrypoint is None else {"Entrypoint": entrypoint}),
        "Cmd": list(words if keeps else words[1:]),
        "User": app.user,
        "WorkingDir": app.working_dir,
        "Env": [f"{name}={value}" for name, value in {**app.environment, **environment}.items()],
        "Labels": dict(labels),
        "Healthcheck": _QUIET,
        "HostConfig": {
            "NetworkMode": network,
            "Mounts": [*app.mounts, *({"Type": "tmpfs", "Target": folder} for folder in memory)],
            "LogConfig": {"Type": "none"},
        },
        "NetworkingConfig": {"EndpointsConfig": {network: {}}},
    }
