"""Copies revisions that exist only in a container out to the host, beside their siblings, and overwrites nothing."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from migops.analysis.chain import revision_ids
from migops.analysis.container_view import Script, View, views
from migops.analysis.evidence import Evidence
from migops.core.errors import MigopsError, Unavailable
from migops.core.model import Absent, Location, MigrationFile, MigrationSet, NotAsked, PlaceName, Unknown
from migops.sources.git_status import GitRecord, GitStatus

BESIDE = ".rescued"  # added to a name that the host has already: Alembic loads no such file
MODE = 0o644


@dataclass(frozen=True, slots=True)
class Copy:
    """A script of a container to be copied: ``to`` does not exist yet. ``why`` says what to mind about it."""

    script: MigrationFile
    revision: str
    container: str
    to: Path
    why: str = ""


@dataclass(frozen=True, slots=True)
class Left:
    """A script that only a container has and that is not copied, and why not."""

    name: str
    revision: str
    container: str
    why: str


@dataclass(frozen=True, slots=True)
class RescueResult:
    """The scripts that were copied, or would be (``dry_run``), and those that were left."""

    copies: tuple[Copy, ...]
    left: tuple[Left, ...]
    dry_run: bool


def rescue(evidence: Evidence, *, everything: bool = False, dry_run: bool = False) -> RescueResult:
    """Plan, and unless ``dry_run`` write each copy. Raises as ``plan`` and ``write`` do."""
    copies, left = plan(evidence, everything=everything)
    if not dry_run:
        for copy in copies:
            write(copy)
    return RescueResult(tuple(copies), tuple(left), dry_run)


def plan(evidence: Evidence, *, everything: bool = False) -> tuple[list[Copy], list[Left]]:
    """What to copy, and what to leave: what git has anyway is left, unless ``everything`` is asked for.

    Raises ``Unavailable`` where there is no container, or one that cannot be read: then nothing is known to be safe.
    """
    reading = evidence.chain.places.get(PlaceName.CONTAINER, NotAsked())
    if isinstance(reading, (Unknown, NotAsked)) or (isinstance(reading, Absent) and not evidence.containers):
        hint = reading.hint if isinstance(reading, Unknown) else ""
        raise Unavailable(f"there is nothing to rescue from: {reading.reason}", hint=hint)
    host = evidence.chain.held(PlaceName.HOST)
    if host is None or evidence.chain.held(PlaceName.IMAGE) is None:
        raise Unavailable("without the host and the image, what only a container has cannot be told")
    copies: dict[str, Copy] = {}
    left: list[Left] = []
    for view, script in _candidates(evidence):
        file = script.ours
        reason = "" if everything else _kept_elsewhere(evidence.git_records.get(script.name))
        if file is None or file.sha256 in copies:
            continue
        if reason:
            left.append(Left(script.name, script.revision, view.name, reason))
        else:
            to, why = _free(place_of(host, script.name), file, host, script.revision, copies)
            if to is not None:
                copies[file.sha256] = Copy(file, script.revision, view.name, to, why)
            else:
                left.append(Left(script.name, script.revision, view.name, why))
    return list(copies.values()), left


def write(copy: Copy) -> None:
    """Write one copy whole or not at all, for the owner of its folder. Nothing that exists is replaced.

    Raises ``MigopsError`` where the host's folder cannot be written.
    """
    folder = copy.to.parent
    try:
        owner = _owned(folder)
        descriptor, partial = tempfile.mkstemp(prefix=f".{copy.to.name}.", suffix=".partial", dir=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(copy.script.content)
                os.fchmod(file.fileno(), MODE)
                if owner != (os.geteuid(), os.getegid()) and os.geteuid() == 0:
                    os.fchown(file.fileno(), *owner)
                file.flush()
                os.fsync(file.fileno())
            os.link(partial, copy.to)  # unlike a rename this never replaces anything
        finally:
            Path(partial).unlink()
    except OSError as error:
        raise MigopsError(f"cannot be written: {error.strerror}", at=Location(str(copy.to))) from None
    if hashlib.sha256(copy.to.read_bytes()).hexdigest() != copy.script.sha256:
        raise MigopsError("is not what was written to it", at=Location(str(copy.to)))


def _owned(folder: Path) -> tuple[int, int]:
    """The owner of the folder, which is made if need be, for the owner of the one above it."""
    if not folder.exists():
        owner = _owned(folder.parent)
        folder.mkdir()
        if os.geteuid() == 0:
            os.chown(folder, *owner)
    info = folder.stat()
    return info.st_uid, info.st_gid


def _candidates(evidence: Evidence) -> Iterator[tuple[View, Script]]:
    """Scripts that neither the image nor the host has, and those that were edited in a container."""
    for view in views(evidence, one_off=True):
        written = view.written()
        for script in view.scripts:
            if script.is_script and script.ours and (script.is_ours_alone or script in written):
                yield view, script


def _kept_elsewhere(record: GitRecord | None) -> str:
    """Where git has the script, if it does: then it is not lost with the container."""
    if record is None:
        return ""
    commit = f"commit {record.commit} of {record.date[:10]} ({record.subject})"
    return {
        GitStatus.DELETED: f"git deleted it in {commit}",
        GitStatus.REMOVED_HERE: f"git's HEAD has it ({commit}): `git restore` brings it back",
        GitStatus.UPSTREAM: f"{record.branch} has it ({commit}): `git pull` brings it",
    }.get(record.kind, "")


def place_of(host: MigrationSet, name: str) -> Path:
    """Where on the host a script of that name lies, or would lie: in the versions folder that the name begins with."""
    if name in host.scripts:
        return Path(host.scripts[name].path)
    folders = [Path(folder) for folder in host.location]
    first = Path(name).parts[0]
    fitting = next((folder for folder in folders if folder.name == first), None)
    return fitting.parent / name if fitting and ".." not in Path(name).parts else folders[0] / Path(name).name


def _free(
    to: Path, file: MigrationFile, host: MigrationSet, revision: str, copies: dict[str, Copy]
) -> tuple[Path | None, str]:
    """A name that is free on the host, and what to say of it; no name where this very copy is there already."""
    taken = {copy.to for copy in copies.values()}
    other = next((path for path, id_ in _by_id(host).items() if id_ == revision and path != str(to)), "")
    if not os.path.lexists(to) and to not in taken and not other:
        return to, ""
    beside = to.with_name(to.name + BESIDE)
    if beside.is_file() and hashlib.sha256(beside.read_bytes()).hexdigest() == file.sha256:
        return None, f"{beside} has this copy already"
    if os.path.lexists(beside) or beside in taken:
        return None, f"{to} and {beside} exist and hold something else: move one away"
    what = f"{other} has the revision already" if other else f"{to.name} exists and holds something else"
    return beside, f"{what}: compare the two, Alembic reads only the other"


def _by_id(host: MigrationSet) -> dict[str, str]:
    return {host.scripts[name].path: id_ for name, id_ in revision_ids(host).items()}
