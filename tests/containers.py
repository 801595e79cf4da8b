"""What tests of the container place share: stacks put into a broken state, and a stack's whole state to compare."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tests.engine.inventory import Inventory
from tests.engine.sandbox import Sandbox
from tests.kit import Result, example, migops

SCRIPTS = {
    "named-volume": "deploy-twice.sh",
    "anonymous-volume": "deploy-twice.sh",
    "old-container": "build-and-forget.sh",
    "trapped-revision": "write-in-container.sh",
}


def broken(box: Sandbox, name: str) -> Path:
    """A copy of the example, put into its state by its own script."""
    project = example(name, box.path)
    subprocess.run((f"./{SCRIPTS[name]}",), cwd=project, env=box.env, check=True, capture_output=True)
    return project


def check(box: Sandbox, project: Path, *arguments: str) -> Result:
    return migops("check-image", *arguments, "--format", "json", cwd=project, env=box.env)


def steps(finding: dict[str, Any]) -> list[list[str]]:
    """The commands of the fix, in order; the alternatives to it are left out."""
    return [step["command"] for step in finding["remedy"] if step["command"] and not step["alternative"]]


def mend(box: Sandbox, project: Path, found: Result) -> list[list[str]]:
    """Run the fix of the first finding as printed."""
    commands = steps(found.json["findings"][0])
    for command in commands:
        if command[0] == "migops":
            assert migops(*command[1:], cwd=project, env=box.env).code == 0
        else:
            subprocess.run(command, cwd=project, env=box.env, check=True, capture_output=True)
    return commands


def state(box: Sandbox) -> dict[str, Any]:
    """All that a reading command could have changed: containers, images, networks, volumes and every file's time."""
    now = Inventory.of(box.engine).belonging_to(box.name)
    for container in now.container.values():
        container["Mounts"].sort(key=lambda mount: mount["Destination"])  # the engine lists them in no order
    volumes = {name: (volume, tree(Path(volume["Mountpoint"]))) for name, volume in now.volume.items()}
    images = json.loads(box.docker("image", "inspect", *now.image)) if now.image else []
    return {
        "container": now.container,
        "image": {each["Id"]: each for each in images},
        "network": now.network,
        "volume": volumes,
    }


def changed(before: Any, after: Any, at: str = "") -> list[str]:
    """The keys under which two states differ."""
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return [] if before == after else [f"{at}: {before} → {after}"]
    keys = sorted(before.keys() | after.keys())
    return [line for key in keys for line in changed(before.get(key), after.get(key), f"{at}/{key}")]


def tree(folder: Path) -> dict[str, tuple[Any, ...]]:
    """Every path below the folder, with owner, mode, time and content."""
    found = {}
    for here, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            path = Path(here, name)
            info = path.lstat()
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            found[str(path)] = (info.st_ino, info.st_uid, info.st_gid, info.st_mode, info.st_mtime_ns, content)
    return found
