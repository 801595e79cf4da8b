"""The part of a definition that says what lies over the container's files: volumes, folders, files, memory."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from migops.docker import Engine
from migops.docker.containers import changes, file_of

_ANONYMOUS = re.compile(r"[0-9a-f]{64}")
_SECRETS = "/run/secrets/"
_LARGEST = 16 << 20  # bytes; a secret or config of an engine may have 500 kB
_MODE = 0o444  # compose's own, unless told otherwise
_KINDS = ("bind", "volume", "tmpfs")


@dataclass(frozen=True, slots=True)
class Injected:
    """A file that compose has copied into a container when it created it: a secret or config without a file."""

    target: str
    content: bytes = field(repr=False)
    uid: int
    gid: int
    mode: int

    @property
    def text(self) -> str | None:
        """As a compose file can hold it; None where it is no text."""
        try:
            return None if b"\0" in self.content else self.content.decode()
        except UnicodeDecodeError:
            return None


def mounts(inspected: Mapping[str, Any], volumes: dict[str, Any], *, alone: bool) -> dict[str, Any]:
    """The container's mounts. Volumes are named as they are in the engine, and added to ``volumes``.

    ``alone``: it is the service's only container, so an anonymous volume can be named as well; several containers
    cannot be told which of them gets which.
    """
    found = [each for mount in inspected.get("Mounts") or () if (each := _mount(inspected, mount, volumes, alone))]
    return {"volumes": found} if found else {}


def inexpressible(inspected: Mapping[str, Any]) -> tuple[str, ...]:
    """Mounts that no compose file can express."""
    found = inspected.get("Mounts") or ()
    return tuple(f"the mount at {each['Destination']} ({each['Type']})" for each in found if each["Type"] not in _KINDS)


def is_anonymous(mount: Mapping[str, Any]) -> bool:
    """Whether it is a volume that nobody named."""
    return mount["Type"] == "volume" and bool(_ANONYMOUS.fullmatch(str(mount.get("Name") or "")))


def _mount(
    inspected: Mapping[str, Any], mount: Mapping[str, Any], volumes: dict[str, Any], alone: bool
) -> dict[str, Any]:
    kind, target = mount["Type"], mount["Destination"]
    if kind not in _KINDS:
        return {}
    asked = _asked(inspected["HostConfig"], target)
    words = str(mount.get("Mode") or "").split(",")
    entry: dict[str, Any] = {"type": kind, "target": target}
    if not mount.get("RW", True):
        entry["read_only"] = True
    if kind == "tmpfs":
        options = asked.get("TmpfsOptions") or {}
        given = {"size": options.get("SizeBytes"), "mode": options.get("Mode")}
        return entry | ({"tmpfs": kept} if (kept := {key: value for key, value in given.items() if value}) else {})
    if kind == "bind":
        return entry | {"source": mount["Source"], "bind": _bind(mount, words)}
    if not alone and is_anonymous(mount):
        return entry
    name = str(mount["Name"])
    key = next((known for known, each in volumes.items() if each["name"] == name), f"volume-{len(volumes) + 1}")
    volumes[key] = {"name": name, "external": True}
    options = asked.get("VolumeOptions") or {}
    given = {"nocopy": bool(options.get("NoCopy")) or "nocopy" in words, "subpath": options.get("Subpath")}
    kept = {key: value for key, value in given.items() if value}
    return entry | {"source": key} | ({"volume": kept} if kept else {})


def _bind(mount: Mapping[str, Any], words: Sequence[str]) -> dict[str, Any]:
    """Never a folder of the engine's making: where the source is gone, an empty folder would be no way back."""
    found: dict[str, Any] = {"create_host_path": False}
    if (mount.get("Propagation") or "rprivate") != "rprivate":
        found["propagation"] = mount["Propagation"]
    labels = [word for word in words if word in ("z", "Z")]
    return found | ({"selinux": labels[0]} if labels else {})


def _asked(host: Mapping[str, Any], target: str) -> Mapping[str, Any]:
    """The mount at ``target`` as it was asked for, where it was asked for in the long form."""
    return next((each for each in host.get("Mounts") or () if each.get("Target") == target), {})


def injected(engine: Engine, inspected: Mapping[str, Any], declared: Sequence[str]) -> tuple[Injected, ...]:
    """The files that compose has copied into the container: those below /run/secrets that are not mounted, and those
    at the ``declared`` targets of secrets and configs that have no file."""
    mounted = {str(each["Destination"]) for each in inspected.get("Mounts") or ()}
    container = str(inspected["Id"])
    there = [path for path, deleted in changes(engine, container) if not deleted and path not in mounted]
    wanted = [path for path in there if path in declared or path.startswith(_SECRETS)]
    return tuple(found for path in wanted if (found := _read(engine, container, path)) is not None)


def _read(engine: Engine, container: str, path: str) -> Injected | None:
    with file_of(engine, container, path) as stream:
        if stream is None:
            return None
        data = stream.read(_LARGEST)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        member = tar.next()
        if member is None or not member.isfile():
            return None
        content = tar.extractfile(member)
        return Injected(path, content.read() if content else b"", member.uid, member.gid, member.mode & 0o7777)


def configs(service: str, files: Sequence[Injected], top: dict[str, Any]) -> dict[str, Any]:
    """The injected files as configs with their content; their declarations are added to ``top``."""
    found = list(_configs(service, files, top))
    return {"configs": found} if found else {}


def _configs(service: str, files: Sequence[Injected], top: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for number, file in enumerate(files, 1):
        if file.text is not None:
            key = f"{service}-{number}"
            top[key] = {"content": file.text}
            owner = {"uid": str(file.uid), "gid": str(file.gid)} if file.uid or file.gid else {}
            mode = {"mode": file.mode} if file.mode != _MODE else {}
            yield {"source": key, "target": file.target, **owner, **mode}
