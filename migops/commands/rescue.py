"""Copies revisions that exist only in a container to the host's versions folder, and overwrites nothing."""

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
from migops.core.text import listed
from migops.sources.git_commit import commit_of_new
from migops.sources.git_status import GitRecord, GitStatus
from migops.state import state_folder

BESIDE = ".rescued"  # added to a name that the host already has: Alembic does not load such a file
MODE = 0o644


@dataclass(frozen=True, slots=True)
class Copy:
    """A script of a container to copy: ``to`` does not exist yet. ``why``: what to check about it."""

    script: MigrationFile
    revision: str
    container: str
    to: Path
    why: str = ""


@dataclass(frozen=True, slots=True)
class Left:
    """A script that only a container has and that is not copied, and why."""

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
    unread: str = ""
    """The reason why no container was read; then only what lies on disk is known."""
    hint: str = ""
    """What to do about that."""
    archived: tuple[Path, ...] = ()
    """The scripts that earlier runs have put into the state folder and the host does not have, if ``unread``."""
    commit: tuple[tuple[str, ...], ...] = ()
    """The commands that commit the copies; () if nothing is to be committed."""
    next: tuple[str, ...] = ()
    """The command to type after that."""


def on_disk(evidence: Evidence, project: str, unread: Unavailable) -> RescueResult:
    """What is left to rescue from while no container can be read: scripts that earlier runs have put into the state
    folder. Those that the host has are left out. Raises ``unread`` if there are none."""
    host = evidence.chain.held(PlaceName.HOST)
    has = {file.sha256 for file in host.scripts.values()} if host else set()
    scripts = [path for folder in state_folder.paths(project) for path in sorted(folder.rglob("*.py"))]
    archived = tuple(path for path in scripts if _is_script(path) and sha256_of(path) not in has)
    if not archived:
        raise unread
    return RescueResult((), (), True, str(unread), unread.hint, archived)


def _is_script(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.name not in ("env.py", "__init__.py")


def sha256_of(path: Path) -> str:
    """The digest of a script's bytes, as ``MigrationFile`` has it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rescue(evidence: Evidence, *, everything: bool = False, dry_run: bool = False) -> RescueResult:
    """Plan, and unless ``dry_run`` write each copy. Raises as ``plan`` and ``write`` do."""
    copies, left = plan(evidence, everything=everything)
    if not dry_run:
        for copy in copies:
            write(copy)
    new = [copy.to for copy in copies if copy.to.suffix != BESIDE]
    message = f"Add {listed([path.name for path in new])}"
    commit = commit_of_new(new, message, Path.cwd()) if new and not dry_run else ()
    return RescueResult(
        tuple(copies), tuple(left), dry_run, commit=commit, next=evidence.commands.migops("doctor") if copies else ()
    )


def plan(evidence: Evidence, *, everything: bool = False) -> tuple[list[Copy], list[Left]]:
    """The scripts to copy, and those to leave: scripts that git has are left, unless ``everything``.

    Raises ``Unavailable`` if there is no container, or one that cannot be read: then migops cannot tell what is safe.
    """
    reading = evidence.chain.places.get(PlaceName.CONTAINER, NotAsked())
    if isinstance(reading, (Unknown, NotAsked)) or (isinstance(reading, Absent) and not evidence.containers):
        image = evidence.chain.places.get(PlaceName.IMAGE)
        cause = image if isinstance(image, Unknown) else reading  # without the image no container is looked for
        hint = cause.hint if isinstance(cause, Unknown) else ""
        raise Unavailable(f"no container to rescue from: {cause.reason}", hint=hint)
    host = evidence.chain.held(PlaceName.HOST)
    if host is None or evidence.chain.held(PlaceName.IMAGE) is None:
        raise Unavailable("cannot tell which scripts only a container has: the host or the image could not be read")
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
    """Write one copy completely or not at all, owned by the owner of its folder. Never replaces an existing file.

    Raises ``MigopsError`` if the host's folder is not writable.
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
        raise MigopsError(f"cannot write the file: {error.strerror}", at=Location(str(copy.to))) from None
    if sha256_of(copy.to) != copy.script.sha256:
        raise MigopsError("the file differs from what was just written to it", at=Location(str(copy.to)))


def _owned(folder: Path) -> tuple[int, int]:
    """The owner of the folder, which is created if needed, for the owner of its parent."""
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
        GitStatus.DELETED: f"deleted in git by {commit}",
        GitStatus.REMOVED_HERE: f"git's HEAD has it ({commit}): get it with `git restore`",
        GitStatus.UPSTREAM: f"{record.branch} has it ({commit}): get it with `git pull`",
    }.get(record.kind, "")


def place_of(host: MigrationSet, name: str) -> Path:
    """The path of a script of that name on the host, existing or not: in the versions folder that starts its name."""
    if name in host.scripts:
        return Path(host.scripts[name].path)
    folders = [Path(folder) for folder in host.location]
    first = Path(name).parts[0]
    fitting = next((folder for folder in folders if folder.name == first), None)
    return fitting.parent / name if fitting and ".." not in Path(name).parts else folders[0] / Path(name).name


def _free(
    to: Path, file: MigrationFile, host: MigrationSet, revision: str, copies: dict[str, Copy]
) -> tuple[Path | None, str]:
    """A free name on the host, and a remark about it; no name if this very copy is already there."""
    planned = {copy.to for copy in copies.values()}
    other = next((path for path, id_ in _by_id(host).items() if id_ == revision and path != str(to)), "")
    if not os.path.lexists(to) and to not in planned and not other:
        return to, ""
    beside = to.with_name(to.name + BESIDE)
    if beside.is_file() and sha256_of(beside) == file.sha256:
        return None, f"{beside} already has this copy"
    if os.path.lexists(beside) or beside in planned:
        return None, f"{to} and {beside} exist with different content: move one of them away"
    remark = f"{other} already has the revision" if other else f"{to.name} exists with different content"
    return beside, f"{remark}: compare the two, Alembic reads only that one"


def _by_id(host: MigrationSet) -> dict[str, str]:
    return {host.scripts[name].path: id_ for name, id_ in revision_ids(host).items()}
