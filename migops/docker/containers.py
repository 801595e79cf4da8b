"""Read-only access to running containers: inspection, changes, files, mounts."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from migops.core.errors import Unavailable
from migops.core.redaction import learn_environment
from migops.docker import compose_labels
from migops.docker.client import PROBE_LABEL, Engine, PathStat, path_stat
from migops.docker.http import Stream

VIEW = "view"  # the label's value for probes that share a container's volumes
_VIEW_AGE = 600.0  # seconds after which such a probe is abandoned
_NO_SOURCE = "bind source path does not exist: "


def inspect(engine: Engine, container: str) -> dict[str, Any] | None:
    """The engine's inspection of a container; None if it is gone."""
    what = f"inspecting the container {container[:12]}"
    with engine.http.answer("GET", f"/containers/{container}/json", what) as answer:
        if answer.status == 404:
            return None
        inspected: dict[str, Any] = engine.http.json(answer, what, dict)
        learn_environment((inspected.get("Config") or {}).get("Env") or ())  # may contain secrets of older files
        return inspected


def name_of(container: Mapping[str, Any]) -> str:
    """The name of a container, given as a row of the engine's list or as its inspection; without one, a short ID."""
    name = container.get("Name") or next(iter(container.get("Names") or ()), "") or str(container.get("Id") or "?")[:12]
    return str(name).lstrip("/")


def running(engine: Engine, project: str, service: str) -> list[dict[str, Any]]:
    """The rows of a service's containers that run, without one-offs."""
    listed = engine.containers(compose_labels.filters(project, service))
    return [each for each in listed if each.get("State") == "running" and not compose_labels.is_one_off(each)]


def addresses(engine: Engine, container: str) -> list[str]:
    """The addresses of a container in its networks; none if it is gone."""
    networks = ((inspect(engine, container) or {}).get("NetworkSettings") or {}).get("Networks") or {}
    return [str(each["IPAddress"]) for each in networks.values() if each and each.get("IPAddress")]


def changes(engine: Engine, container: str) -> list[tuple[str, bool]]:
    """The paths that the container's writable layer adds, changes or (True) deletes, as the engine lists them.

    Includes mount points, but not the content of mounts.
    """
    what = f"listing the changes of the container {container[:12]}"
    with engine.http.answer("GET", f"/containers/{container}/changes", what) as answer:
        engine.http.check(answer, what)
        changed = engine.http.json(answer, what, object)
    return [(str(item["Path"]), item["Kind"] == 2) for item in changed or () if isinstance(item, dict)]


def stat_of(engine: Engine, container: str, path: str) -> PathStat | None:
    """The stat of a path in a possibly running container; None if nothing is there. Locks it only for a moment."""
    what = f"looking for {path!r} in the container {container[:12]}"
    with engine.http.answer("HEAD", _archive(container, path), what) as answer:
        if answer.status == 404:
            return None
        engine.http.check(answer, what)
        answer.read()
        return path_stat(answer.headers)


@contextmanager
def file_of(engine: Engine, container: str, path: str) -> Iterator[Stream | None]:
    """The tar of one file of a possibly running container; None if it has no such path.

    The engine locks the container until the stream ends: read it at once, and only small files.
    """
    what = f"reading {path!r} of the container {container[:12]}"
    with engine.http.answer("GET", _archive(container, path), what) as answer:
        if answer.status == 404:
            yield None
            return
        engine.http.check(answer, what)
        stream = Stream(answer, engine.http, what)
        yield stream


@contextmanager
def export(engine: Engine, container: str) -> Iterator[Stream]:
    """The tar of the container's whole file system, without its mounts. May be large. Does not lock the container."""
    what = f"reading the file system of the container {container[:12]}"
    with engine.http.answer("GET", f"/containers/{container}/export", what) as answer:
        engine.http.check(answer, what)
        stream = Stream(answer, engine.http, what)
        yield stream


def _archive(container: str, path: str) -> str:
    return f"/containers/{container}/archive?{urlencode({'path': path})}"


@contextmanager
def view(
    engine: Engine, container: str, image_id: str, binds: Mapping[str, str], hidden: Sequence[str] = ()
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Create a probe that never runs, with the image and the volumes of another container, for reading its mounts.

    ``binds`` are the bind mounts, target → source. Each is listed explicitly, because the engine would *create* the
    missing source of an inherited one. ``hidden`` are targets to omit. Yields the probe's name, and the targets with
    missing sources. The probe is removed without its volumes: they belong to the service, whose data would be lost if
    its container is removed meanwhile.
    """
    _sweep(engine)
    gone = list(hidden)
    name = f"migops-probe-{secrets.token_hex(8)}"
    try:
        for _ in range(len(binds) + 1):
            refused = _create(engine, name, container, image_id, binds, gone)
            if refused is None:
                break
            lost = [target for target, source in binds.items() if refused == source.rstrip(".") and target not in gone]
            if not lost:
                raise Unavailable(f"Docker cannot find {refused!r} to mount, although migops did not ask to mount it.")
            gone += lost
        yield name, tuple(gone)
    finally:
        _remove(engine, name)


def _create(
    engine: Engine, name: str, container: str, image_id: str, binds: Mapping[str, str], gone: Sequence[str]
) -> str | None:
    """Create the probe. Returns the missing source of a bind mount, or None on success."""
    mounts = [
        {"Type": "tmpfs", "Target": target}
        if target in gone
        else {"Type": "bind", "Source": source, "Target": target, "ReadOnly": True}
        for target, source in {**dict.fromkeys(gone, ""), **binds}.items()
    ]
    body = {
        "Image": image_id,
        "Entrypoint": ["/migops-never-started"],
        "Cmd": [],
        "Labels": {PROBE_LABEL: VIEW, **compose_labels.NONE},
        "NetworkDisabled": True,
        "HostConfig": {
            "NetworkMode": "none",
            "LogConfig": {"Type": "none"},
            "VolumesFrom": [f"{container}:ro"],
            "Mounts": mounts,
        },
    }
    what = f"creating a probe with the volumes of {container[:12]}"
    with engine.http.answer("POST", f"/containers/create?name={name}", what, body=body) as answer:
        if answer.status == 400:
            message = engine.http.message(answer)
            if _NO_SOURCE in message:
                return message.partition(_NO_SOURCE)[2]
            raise engine.http.refused(what, message)
        engine.http.check(answer, what)
        answer.read()
    return None


def _sweep(engine: Engine) -> None:
    """Remove probes of interrupted runs."""
    for probe in engine.containers({PROBE_LABEL: VIEW}):
        age = engine.http.clock.timestamp() - float(probe.get("Created") or 0)
        if probe.get("State") == "created" and age > _VIEW_AGE:
            _remove(engine, str(probe.get("Id")))


def _remove(engine: Engine, probe: str) -> None:
    """Remove a probe without its volumes. After a failure, a later run sweeps it."""
    with contextlib.suppress(Unavailable):
        engine.http.call("DELETE", f"/containers/{probe}?v=0&force=1", "removing a probe", silence=5.0)
