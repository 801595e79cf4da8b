"""Looking at containers that run, without touching them: what they are, what they changed, what their mounts hold."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from migops.core.errors import Unavailable
from migops.core.redaction import learn_environment
from migops.docker.client import NOT_COMPOSES, PROBE_LABEL, Engine, PathStat, path_stat
from migops.docker.http import Stream

VIEW = "view"  # the label's value on probes that share a container's volumes
_VIEW_AGE = 600.0  # seconds after which such a probe is nobody's
_NO_SOURCE = "bind source path does not exist: "


def inspect(engine: Engine, container: str) -> dict[str, Any] | None:
    """The engine's inspection of a container, or None where it has gone."""
    what = f"inspecting the container {container[:12]}"
    with engine.http.answer("GET", f"/containers/{container}/json", what) as answer:
        if answer.status == 404:
            return None
        found: dict[str, Any] = engine.http.json(answer, what, dict)
        learn_environment((found.get("Config") or {}).get("Env") or ())  # also of what an older file has set
        return found


def addresses(engine: Engine, container: str) -> list[str]:
    """The addresses of a container in its networks; none where it has gone."""
    networks = ((inspect(engine, container) or {}).get("NetworkSettings") or {}).get("Networks") or {}
    return [str(each["IPAddress"]) for each in networks.values() if each and each.get("IPAddress")]


def changes(engine: Engine, container: str) -> list[tuple[str, bool]]:
    """The paths that the container's writable layer adds, changes or (true) deletes, as the engine lists them.

    Mount points are among them; what is inside of mounts is not.
    """
    what = f"listing the changes of the container {container[:12]}"
    with engine.http.answer("GET", f"/containers/{container}/changes", what) as answer:
        engine.http.check(answer, what)
        found = engine.http.json(answer, what, object)
    return [(str(item["Path"]), item["Kind"] == 2) for item in found or () if isinstance(item, dict)]


def stat_of(engine: Engine, container: str, path: str) -> PathStat | None:
    """What is at a path of a container that may run; None where nothing is. It is locked for a moment only."""
    what = f"looking for {path!r} in the container {container[:12]}"
    with engine.http.answer("HEAD", _archive(container, path), what) as answer:
        if answer.status == 404:
            return None
        engine.http.check(answer, what)
        answer.read()
        return path_stat(answer.headers)


@contextmanager
def file_of(engine: Engine, container: str, path: str) -> Iterator[Stream | None]:
    """The tar of one file of a container that may run; None where it has no such path.

    The engine keeps the container locked until the stream ends: read it at once, and nothing that may be large.
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
    """The tar of the container's whole file system, without its mounts. It may be large, and locks nothing."""
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
    """A container that never runs and has the image and the volumes of another one, read-only, to look at its mounts.

    ``binds`` are the bind mounts, target → source: each is named anew, because one that is only inherited would be
    *made* where its source has gone. Gives the probe's name, and the targets whose source has gone. ``hidden`` are
    targets to leave alone. The probe is removed without its volumes: they are the service's, and where the service's
    container goes away meanwhile, removing them would take its data along.
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
    """Create the probe; the source of a bind mount that does not exist, or None where all went well."""
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
        "Labels": {PROBE_LABEL: VIEW, **NOT_COMPOSES},
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
    """Remove what runs that were killed have left behind."""
    for found in engine.containers({PROBE_LABEL: VIEW}):
        age = engine.http.clock.timestamp() - float(found.get("Created") or 0)
        if found.get("State") == "created" and age > _VIEW_AGE:
            _remove(engine, str(found.get("Id")))


def _remove(engine: Engine, probe: str) -> None:
    """Remove a probe and leave its volumes. Where that fails, a later run sweeps it."""
    with contextlib.suppress(Unavailable):
        engine.http.call("DELETE", f"/containers/{probe}?v=0&force=1", "removing a probe", silence=5.0)
