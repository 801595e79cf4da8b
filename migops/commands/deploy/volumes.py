"""The step that gives a named volume the image's migrations: it was filled once, and shows the same ever since."""

from __future__ import annotations

import posixpath
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.step import Action
from migops.core.errors import Failed, Unavailable
from migops.core.model import MigrationSet
from migops.docker import execs, making
from migops.sources.mounts import Mount, at_or_below

VOLUME, FILES = "/migops-volume", "/migops-files"
_SCRIPT = """
import os, shutil, sys
source, target = sys.argv[1:3]
for folder in sys.argv[3:]:
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        path = os.path.join(folder, name)
        kept = os.path.join(source, os.path.relpath(path, target))
        if name == "__pycache__":
            shutil.rmtree(path)
        elif name.endswith((".py", ".pyc")) and not os.path.exists(kept):
            os.remove(path)
for here, folders, files in os.walk(source):
    there = os.path.normpath(os.path.join(target, os.path.relpath(here, source)))
    os.makedirs(there, exist_ok=True)
    owner = os.stat(there)
    for name in files:
        path = os.path.join(there, name)
        shutil.copyfile(os.path.join(here, name), path)
        os.chown(path, owner.st_uid, owner.st_gid)
"""
"""Runs in a container of the image, which has Python as surely as it has Alembic: a volume's files are not to be
removed over the Engine API."""


@dataclass(frozen=True, slots=True)
class Content:
    """Scripts by their path below the volume's root, and the folders that shall hold no others."""

    files: Mapping[str, bytes]
    folders: tuple[str, ...]


def refresher(mount: Mount) -> Action:
    """What gives the volume the migrations of the host, which are those of the image."""

    def refresh(deploy: Deploy) -> dict[str, Any]:
        held, script_location = shown(deploy.inputs, mount)
        meant = content(mount, deploy.inputs.host, held.location, script_location)
        _fill(deploy, mount, meant)
        surplus = sorted(held.scripts.keys() - deploy.inputs.host.scripts.keys())
        return {"volume": mount.source, "files": sorted(meant.files), "removed": surplus}

    return refresh


def restorer(mount: Mount) -> Action:
    """What gives the volume back the migrations that it had."""

    def restore(deploy: Deploy) -> dict[str, Any]:
        held, script_location = shown(deploy.inputs, mount)
        before = content(mount, held, held.location, script_location)
        _fill(deploy, mount, before)
        return {"volume": mount.source, "files": sorted(before.files)}

    return restore


def shown(inputs: DeployInputs, mount: Mount) -> tuple[MigrationSet, str]:
    """What the containers saw through the volume when the plan was made, and their script location."""
    for member in inputs.services:
        for each in member.containers:
            held = each.migrations
            if held is not None and mount in (each.cover(folder) for folder in held.location):
                return held, held.script_location
    raise LookupError(f"no container has the volume {mount.source}; the plan took it from one")


def content(mount: Mount, held: MigrationSet, folders: tuple[str, ...], script_location: str) -> Content:
    """The scripts of ``held`` as they lie in the volume. Those that lie elsewhere than under the mount are left out."""
    files = {}
    for name, file in {**held.scripts, **held.environment}.items():
        path = posixpath.normpath(posixpath.join(script_location, name))
        if at_or_below(path, mount.target) and at_or_below(path, script_location):
            files[_inside(path, mount)] = file.content
    return Content(files, tuple(_inside(folder, mount) for folder in folders if at_or_below(folder, mount.target)))


def _inside(path: str, mount: Mount) -> str:
    return path[len(mount.target.rstrip("/")) :].lstrip("/")


def _fill(deploy: Deploy, mount: Mount, meant: Content) -> None:
    if any(not text for text in meant.files.values()):
        raise Failed(f"not every script that the volume {mount.source} should contain was read; it was left as it is")
    for python in ("python3", "python"):
        with _helper(deploy, mount, meant, python) as name:
            try:
                making.start(deploy.engine, name)
            except Unavailable as error:
                reason = error.message
                continue
            if making.wait(deploy.engine, name) == 0:
                return
            reason = making.said(deploy.engine, name)
            break
    raise Failed(f"the volume {mount.source} could not be given the image's migrations: {reason}")


@contextmanager
def _helper(deploy: Deploy, mount: Mount, meant: Content, python: str) -> Iterator[str]:
    """A container of the built image with the volume and the files in it, without a network."""
    name = f"migops-volume-{secrets.token_hex(6)}"
    folders = [posixpath.join(VOLUME, folder) for folder in meant.folders]
    body = {
        "Image": deploy.record.built[deploy.inputs.target.service],
        "Entrypoint": [python, "-c", _SCRIPT, FILES, VOLUME, *folders],
        "Cmd": [],
        "User": "0",
        "NetworkDisabled": True,
        "HostConfig": {
            "NetworkMode": "none",
            "Mounts": [{"Type": "volume", "Source": mount.source, "Target": VOLUME, "VolumeOptions": {"NoCopy": True}}],
        },
    }
    try:
        making.create_container(deploy.engine, name, body)
        files = {posixpath.join(FILES, path): text for path, text in meant.files.items()}
        making.put(deploy.engine, name, files, [FILES])
        yield name
    finally:
        execs.remove(deploy.engine, name)
