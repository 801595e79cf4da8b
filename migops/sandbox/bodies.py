"""What the engine is asked to make, as the documents that its API takes. Pure functions: they make nothing."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from migops.database import DatabaseUrl
from migops.sandbox.app import App
from migops.sandbox.live import Live

_SAID_IN_FILES = ("POSTGRES_USER_FILE", "POSTGRES_PASSWORD_FILE", "POSTGRES_DB_FILE")
_OFFICIAL = ("POSTGRES_PASSWORD", "POSTGRES_PASSWORD_FILE", "POSTGRES_USER", "POSTGRES_HOST_AUTH_METHOD")
_QUIET = {"Test": ["NONE"]}


def server_environment(live: Live) -> tuple[dict[str, str], DatabaseUrl | None]:
    """The server's environment, and (where the URL's user is not the one that its first start makes) the admin's URL.

    The first start of the official image makes the URL's database; where its user is the URL's, with the URL's
    password: the live one may have changed since its own first start.
    """
    url, found = live.url, dict(live.environment)
    if not any(name in found for name in _OFFICIAL):
        return found, None  # another image's variables say the same in their own way
    user = url.url.username or ""
    admin = found.get("POSTGRES_USER") or (user if "POSTGRES_USER_FILE" in found else "postgres")
    for name in _SAID_IN_FILES:
        found.pop(name, None)
    found["POSTGRES_USER"] = admin
    found["POSTGRES_DB"] = url.url.database or admin
    password = str(url.url.password or "") if user == admin else ""
    found["POSTGRES_PASSWORD"] = password or found.get("POSTGRES_PASSWORD") or secrets.token_hex(16)
    if user == admin:
        return found, None
    given = found["POSTGRES_PASSWORD"]
    return found, DatabaseUrl(url.url.set(username=admin, password=given), url.secrets | {given})


def server_body(
    live: Live, environment: Mapping[str, str], network: str, labels: Mapping[str, str], *, on_disk: bool = False
) -> dict[str, Any]:
    """The server's container: the live one's image, command and configuration, its data in memory (or on disk)."""
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
    """The options of a file system in memory that the server may write to; None where they cannot be told."""
    if user in ("", "root", "0"):
        return "rw"  # it starts as root, and hands its folder over by itself
    number, _, group = user.partition(":")
    return f"rw,mode=0700,uid={number}" + (f",gid={group}" if group.isdecimal() else "") if number.isdecimal() else None


def app_body(
    app: App, words: Sequence[str], network: str, labels: Mapping[str, str], *,
    environment: Mapping[str, str], memory: Sequence[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """A one-off container that runs ``words``; ``memory`` are folders that are empty and in memory."""
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
