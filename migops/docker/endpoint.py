"""The Docker Engine's address: ``DOCKER_HOST``, a context, or the default socket, in the docker CLI's order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migops.core.errors import MigopsError
from migops.core.model import Location

DEFAULT_HOST = "unix:///var/run/docker.sock"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An engine's address and its certificates. ``origin`` is the setting that names it."""

    host: str
    origin: str
    tls: bool = False
    verify: bool = True
    certificates: Path | None = None


def resolve(environment: Mapping[str, str]) -> Endpoint:
    """The engine of the docker CLI: ``DOCKER_HOST``, else ``DOCKER_CONTEXT``, the current context, a default.

    Raises ``MigopsError`` for a context that is missing or cannot be read.
    """
    home = Path(environment.get("DOCKER_CONFIG") or Path(environment.get("HOME") or Path.home()) / ".docker")
    if host := environment.get("DOCKER_HOST"):
        return _with_tls(host, "DOCKER_HOST", environment, home)
    if name := environment.get("DOCKER_CONTEXT"):
        origin = "DOCKER_CONTEXT"
    else:
        name, origin = _current_context(home), f"the current context of {home / 'config.json'}"
    if name and name != "default":
        return _from_context(name, origin, home)
    return _with_tls(DEFAULT_HOST, "the default", environment, home)


def _with_tls(host: str, origin: str, environment: Mapping[str, str], home: Path) -> Endpoint:
    verify = bool(environment.get("DOCKER_TLS_VERIFY"))
    tls = not host.startswith("unix:") and (verify or bool(environment.get("DOCKER_TLS")))
    folder = Path(environment.get("DOCKER_CERT_PATH") or home)
    return Endpoint(host, origin, tls=tls, verify=verify or not tls, certificates=folder if tls else None)


def _current_context(home: Path) -> str:
    path = home / "config.json"
    if not path.exists():
        return ""
    name = _json(path).get("currentContext")
    return name if isinstance(name, str) else ""


def _from_context(name: str, origin: str, home: Path) -> Endpoint:
    key = hashlib.sha256(name.encode()).hexdigest()
    path = home / "contexts" / "meta" / key / "meta.json"
    if not path.exists():
        raise MigopsError(f"the docker context {name!r}, set by {origin}, does not exist", hint="docker context ls")
    endpoints = _json(path).get("Endpoints")
    docker = endpoints.get("docker") if isinstance(endpoints, dict) else None
    host = docker.get("Host") if isinstance(docker, dict) else None
    if not isinstance(docker, dict) or not isinstance(host, str) or not host:
        raise MigopsError(f"the docker context {name!r} has no engine address", at=Location(str(path)))
    folder = home / "contexts" / "tls" / key / "docker"
    tls = folder.is_dir()
    verify = not docker.get("SkipTLSVerify")
    return Endpoint(host, f"the docker context {name!r}", tls=tls, verify=verify, certificates=folder if tls else None)


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise MigopsError(f"cannot read Docker's configuration: {error}", at=Location(str(path))) from error
    return value if isinstance(value, dict) else {}
