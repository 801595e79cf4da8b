"""The step that moves the old scripts to the state folder and writes the first revision, and its undo."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from migops.commands import rescue
from migops.commands.reset.first_revision import FirstRevision
from migops.commands.reset.inputs import ResetInputs, Script
from migops.core.errors import Aborted, Failed
from migops.core.model import Location, MigrationFile
from migops.state import state_folder

OLD, LATER = "scripts", "after-the-reset"
"""Folders in the reset's own: the old scripts, and those that the way back takes away."""
_AGAIN = "run this again when nobody edits the scripts"


def keep(inputs: ResetInputs) -> None:
    """Copy the old scripts to the state folder, and see that the copies are right. ``Aborted`` if that fails."""
    try:
        for folder in (inputs.saved.parent, inputs.saved, inputs.saved / OLD, inputs.saved / LATER):
            state_folder.make_private_folder(folder)
        for script in inputs.scripts:
            copy = inputs.saved / OLD / script.name
            copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _copied(script.path, copy)
            if rescue.sha256_of(copy) != script.sha256:
                raise Aborted(f"{script.path} was edited meanwhile", hint=_AGAIN)
        _like_the_originals(inputs)
    except OSError as error:
        raise Aborted(f"the old scripts cannot be kept: {error.strerror}", at=Location(str(inputs.saved))) from None


def _like_the_originals(inputs: ResetInputs) -> None:
    """Give the folders of the copies the mode and times of those of the scripts: `cp -a` of the way back copies these
    to the versions folder too. The folder above them is private anyway."""
    folders = {(inputs.saved / OLD / script.name).parent: script.path.parent for script in inputs.scripts}
    for copy, original in {**folders, inputs.saved / OLD: inputs.folder}.items():
        _alike(original, copy)


def replace(inputs: ResetInputs, first: FirstRevision) -> Path:
    """Take the old scripts out of the versions folder and write the first revision there; its path.

    Raises ``Failed`` where that does not go: ``put_back`` then finds out what is missing by itself. A script that was
    edited since it was copied stays: what it is now is nowhere else.
    """
    try:
        for script in inputs.scripts:
            _refuse_edited(script)  # all of them, before the first one goes
        for script in inputs.scripts:
            _refuse_edited(script)
            script.path.unlink()
    except OSError as error:
        raise Failed(f"the script cannot be moved: {error.strerror}", at=Location(str(script.path))) from None
    path, content = inputs.folder / first.name, first.content.encode()
    digest = hashlib.sha256(content).hexdigest()
    file = MigrationFile(first.name, str(path), digest, len(content), content=content)
    rescue.write(rescue.Copy(file, first.revision, "", path))
    return path


def put_back(inputs: ResetInputs, first: FirstRevision | None) -> list[str]:
    """Undo: the first revision goes to the state folder, the old scripts come back; the names of these.

    Raises ``Failed`` where a script could not be put back as it was. One that somebody has edited meanwhile is left
    as it is: that text is nowhere else.
    """
    written = inputs.folder / first.name if first is not None else None
    names = {script.path for script in inputs.scripts}
    try:
        if written is not None and written not in names and written.exists():
            _copied(written, inputs.saved / LATER / written.name)
            written.unlink()
        back = [script for script in inputs.scripts if not script.path.exists()]
        if written in names and first is not None and _is_first(inputs.folder / first.name, first):
            back += [script for script in inputs.scripts if script.path == written]
        for script in back:
            script.path.parent.mkdir(parents=True, exist_ok=True)
            _copied(inputs.saved / OLD / script.name, script.path)
    except OSError as error:
        raise Failed(f"the old scripts could not be put back: {error.strerror} ({error.filename})") from None
    if edited := [script.name for script in inputs.scripts if script.path.exists() and _changed(script)]:
        raise Failed(f"{', '.join(edited)} in {inputs.folder}: edited meanwhile, and left as it is")
    if wrong := missing(inputs.scripts):
        raise Failed(f"the old scripts could not be put back: {', '.join(wrong)}")
    return [script.name for script in back]


def missing(scripts: Sequence[Script]) -> list[str]:
    """The names of the old scripts that are not on the host as they were."""
    return [script.name for script in scripts if _changed(script)]


def _changed(script: Script) -> bool:
    return not script.path.is_file() or rescue.sha256_of(script.path) != script.sha256


def _refuse_edited(script: Script) -> None:
    if _changed(script):
        raise Failed(f"{script.path} was edited meanwhile", hint=_AGAIN)


def _is_first(path: Path, first: FirstRevision) -> bool:
    """True if the file is the first revision as the reset wrote it: its name may be that of an old script."""
    return path.is_file() and path.read_bytes() == first.content.encode()


def _copied(source: Path, copy: Path) -> None:
    """Copy a file with its times, permissions and, as far as allowed, its owner."""
    shutil.copyfile(source, copy)
    _alike(source, copy)


def _alike(source: Path, copy: Path) -> None:
    """Give a file or folder the times, the permissions and, as far as allowed, the owner of another one."""
    shutil.copystat(source, copy)
    info = source.stat()
    with suppress(PermissionError):
        os.chown(copy, info.st_uid, info.st_gid)
