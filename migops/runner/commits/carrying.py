"""Brings the tracer into the container in which Alembic migrates, and its record back; afterwards nothing is left.

A container that is made for it gets a volume of its own: it can be filled before the start, is written by any user also
where the rest is read-only, and keeps the record of a container that was killed. In a container that runs anyway the
files lie in its memory (``/dev/shm``), for as long as the run takes.
"""

from __future__ import annotations

import io
import secrets
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from migops.core.errors import Unavailable
from migops.docker import Engine, execs, making
from migops.docker.containers import file_of, inspect
from migops.runner.commits import importing, marks

LABEL = "migops.trace"
_HERE = Path(__file__).parent
_SCRIPTS = {
    "sitecustomize.py": "hooks.py", "migops_inside.py": "inside.py", "migops_reading.py": "reading.py",
    f"{importing.NAME}.py": "importing.py",
}  # fmt: skip
_VARIABLES = {name: f"MIGOPS_{ours.removesuffix('.py').upper()}" for name, ours in _SCRIPTS.items()}
"""The variables in which a process gets the scripts that it writes."""
_SHELL = " && ".join(
    (
        'umask 077 && mkdir "$0"',
        *(f'printf %s "${variable}" > "$0/{name}"' for name, variable in _VARIABLES.items()),
        ': > "$0/record"',
    )
)
_PYTHON = (
    "import os, sys\nos.umask(0o77)\nfolder = sys.argv[1]\nos.mkdir(folder)\n"
    f"for name, variable in {[*_VARIABLES.items()]}:\n"
    "    open(os.path.join(folder, name), 'w').write(os.environ[variable])\n"
    "open(os.path.join(folder, 'record'), 'w').close()\n"
)
_CAT = "import sys; sys.stdout.write(open(sys.argv[1]).read())"
_REMOVE = "import shutil, sys; shutil.rmtree(sys.argv[1], ignore_errors=True)"


@dataclass(frozen=True, slots=True)
class Carried:
    """Where the tracer is: in a ``volume`` of that name, or in the memory of a ``container`` that runs anyway.

    With both, the container is one that a killed run has left, and it still has the volume.
    """

    folder: str
    volume: str = ""
    container: str = ""

    def environment(self, python_path: str) -> dict[str, str]:
        """What Alembic's process is told, over the PYTHONPATH that it has there anyway."""
        return {"PYTHONPATH": f"{self.folder}:{python_path}".rstrip(":")}

    def mount(self) -> tuple[str, ...]:
        """The words for ``docker compose run``."""
        return ("--volume", f"{self.volume}:{self.folder}") if self.volume else ()

    def noted(self) -> dict[str, str]:
        """As the journal has it."""
        return {"folder": self.folder, "volume": self.volume, "container": self.container}


def in_a_volume(engine: Engine, project: str, image: str) -> Carried:
    """Fill a new volume with the tracer, by a container of ``image`` that is never started.

    Raises ``Unavailable`` where the engine does not let us.
    """
    for each in making.containers(engine, LABEL):  # of a run that was killed just here: we hold the project's lock
        if (each.get("Labels") or {}).get(LABEL) == project:
            execs.remove(engine, str(each["Id"]))
    token = secrets.token_hex(6)
    carried = Carried(f"/migops-trace-{token}", f"migops-{project}-trace-{token}")
    name = f"migops-{project}-carry-{token}"
    try:
        marks.make_volume(engine, carried.volume, {LABEL: project})
        making.create_container(engine, name, _never_started(project, image, carried))
        _fill(engine, name, carried.folder)
    except Unavailable:
        execs.remove(engine, name)
        drop(engine, carried)
        raise
    execs.remove(engine, name)
    return carried


def _never_started(project: str, image: str, carried: Carried) -> dict[str, Any]:
    mount = {"Type": "volume", "Source": carried.volume, "Target": carried.folder}
    return {
        "Image": image, "Cmd": ["migops"], "Entrypoint": [], "Labels": {LABEL: project},
        "HostConfig": {"Mounts": [mount], "NetworkMode": "none"},
    }  # fmt: skip


def _fill(engine: Engine, container: str, folder: str) -> None:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        root = tarfile.TarInfo(folder.lstrip("/"))
        root.type, root.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(root)
        for name, content in {**_texts(), "record": b""}.items():
            member = tarfile.TarInfo(f"{folder.lstrip('/')}/{name}")
            member.size, member.mode = len(content), 0o666 if name == "record" else 0o644
            tar.addfile(member, io.BytesIO(content))
    what = f"writing the tracer into the container {container}"
    engine.http.call("PUT", f"/containers/{quote(container)}/archive?path=/", what, body=data.getvalue())


def _texts() -> Mapping[str, bytes]:
    return {name: (_HERE / ours).read_bytes() for name, ours in _SCRIPTS.items()}


def in_memory(engine: Engine, container: str) -> Carried:
    """Put the tracer into the memory of a running container. Raises ``Unavailable`` where that does not go."""
    folder = f"/dev/shm/migops-trace-{secrets.token_hex(6)}"  # noqa: S108 - of the container
    env = {_VARIABLES[name]: text.decode() for name, text in _texts().items()}
    ways = (("sh", "-c", _SHELL, folder), ("python3", "-c", _PYTHON, folder), ("python", "-c", _PYTHON, folder))
    if _first(engine, container, ways, env) is None:
        raise Unavailable("the tracer could not be written into the running container")
    return Carried(folder, container=container)


def record_of(engine: Engine, container: str, carried: Carried) -> bytes:
    """The record so far. Raises ``Unavailable`` where it cannot be read."""
    path = f"{carried.folder}/record"
    if carried.volume:
        return _copied(engine, container, path)
    ways = (("cat", path), ("python3", "-c", _CAT, path), ("python", "-c", _CAT, path))
    found = _first(engine, container, ways, {})
    if found is None:
        raise Unavailable(f"the record of the migration in {container[:12]} cannot be read")
    return found


def left_behind(engine: Engine, project: str, image: str, carried: Carried) -> bytes:
    """The record in a volume whose container has ended, or has gone. Raises ``Unavailable`` where there is none."""
    what = f"looking for the volume {carried.volume}"
    engine.http.call("GET", f"/volumes/{quote(carried.volume)}", what)  # else a container would make a new one
    name = f"migops-{project}-carry-{secrets.token_hex(6)}"
    try:
        making.create_container(engine, name, _never_started(project, image, carried))
        return _copied(engine, name, f"{carried.folder}/record")
    finally:
        execs.remove(engine, name)


def _copied(engine: Engine, container: str, path: str) -> bytes:
    data = io.BytesIO()
    with file_of(engine, container, path) as stream:
        if stream is None:
            raise Unavailable(f"the container {container[:40]} has no record of its migration")
        while part := stream.read(1 << 16):
            data.write(part)
    data.seek(0)
    with tarfile.open(fileobj=data) as tar:
        content = tar.extractfile(tar.next() or path)
        return content.read() if content else b""


def drop(engine: Engine, carried: Carried) -> None:
    """Take it away. What cannot be taken away is small, and bears our name."""
    with suppress(Unavailable):
        if carried.volume:
            left = inspect(engine, carried.container) if carried.container else None
            if left is not None and not (left.get("State") or {}).get("Running"):
                execs.remove(engine, carried.container)
            marks.remove_volume(engine, carried.volume)
        else:
            ways = (
                ("rm", "-rf", carried.folder),
                ("python3", "-c", _REMOVE, carried.folder),
                ("python", "-c", _REMOVE, carried.folder),
            )
            _first(engine, carried.container, ways, {})


def _first(
    engine: Engine, container: str, ways: tuple[tuple[str, ...], ...], env: Mapping[str, str]
) -> bytes | None:  # fmt: skip
    """What the first of the commands that the container has writes; None where none of them succeeds."""
    for words in ways:
        exec_id = execs.create_exec(engine, container, words, env)
        written = b""
        with execs.output(engine, exec_id) as pieces:
            for stream, data in pieces:
                written += data if stream == execs.STDOUT else b""
        if execs.exec_state(engine, exec_id).code == 0:
            return written
    return None
