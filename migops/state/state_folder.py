"""The state folder: ``$XDG_STATE_HOME/migops/<engine>/<project>/``, accessible to its owner only."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import stat
import time
from contextlib import suppress
from pathlib import Path

from migops.core.errors import Aborted, MigopsError
from migops.core.model import Location
from migops.docker import Engine

_ELSEWHERE = "XDG_STATE_HOME=DIR"
NO_ENGINE = "no-engine"
"""The folder of commands that asked no engine."""
_PARTIAL = re.compile(r"\..+-[0-9a-f]{12}")  # the name of a file while it is written
_FORGOTTEN = 3600.0  # seconds after which a partial file is abandoned


def folder(engine: Engine, project: str) -> Path:
    """The folder of a compose project on an engine, created with mode 0700 if missing.

    ``$XDG_STATE_HOME`` and its ``migops`` may be symlinks; nothing below them may be one. Raises ``Aborted`` if it
    cannot be written (nothing is done without a journal), or if others could write to it.
    """
    return folder_at(path(engine, project))


def folder_at(where: Path) -> Path:
    """The same for a folder that ``path`` or ``path_without_engine`` has named."""
    try:
        where.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _close(where.parent.parent)
        for parent in (where.parent, where):
            make_private_folder(parent)
        for entry in where.iterdir():
            _refuse_link(entry, entry.lstat())
            if _PARTIAL.fullmatch(entry.name) and time.time() - entry.lstat().st_mtime > _FORGOTTEN:
                entry.unlink(missing_ok=True)  # a run was killed while writing it
        write_private(
            where / f".writable-{os.getpid()}", b"migops\n" * 512
        ).unlink()  # a full disk still creates empty files
    except OSError as error:
        raise Aborted(
            f"cannot write to the state folder ({error.strerror}), and migops changes nothing without a journal",
            at=Location(str(where)),
            hint=f"free space or change its owner to this user; or set another folder: {_ELSEWHERE}",
        ) from None
    return where


def make_private_folder(where: Path) -> None:
    """Ensure that a state folder exists, is ours, and is not writable by others.

    Raises ``Aborted`` if it is a symlink, owned by another user, or writable by others, who may have written its
    content; ``OSError`` if it cannot be created.
    """
    with suppress(FileExistsError):
        where.mkdir(mode=0o700)
    status = where.lstat()
    _refuse_link(where, status)
    if status.st_uid != os.geteuid():
        raise Aborted(
            f"belongs to another user (number {status.st_uid}), who could change what migops keeps there",
            at=Location(str(where)), hint=f"run migops as that user, or set another state folder: {_ELSEWHERE}",
        )  # fmt: skip
    if status.st_mode & 0o022:
        raise Aborted(
            "can be written by other users, so its journal, locks and backups may not be from migops",
            at=Location(str(where)), hint=f"check its content, then: chmod 700 {shlex.quote(str(where))}",
        )  # fmt: skip
    if status.st_mode & 0o077:
        where.chmod(0o700)


def _close(where: Path) -> None:
    """Restrict the folder above all engines to its owner. Its subfolders are checked separately."""
    status = where.stat()
    if status.st_uid != os.geteuid():
        make_private_folder(Path(os.path.realpath(where)))
    if status.st_mode & 0o022:
        where.chmod(0o700)


def open_private(where: Path, flags: int) -> int:
    """Open a state file, accessible to its owner only (0600) from the first byte. Returns the descriptor.

    Raises ``Aborted`` for a symlink, ``OSError`` like ``os.open``.
    """
    try:
        return os.open(where, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        with suppress(FileNotFoundError):
            _refuse_link(where, where.lstat())
        raise


def write_private(where: Path, content: bytes | str) -> Path:
    """Write a state file atomically, accessible to its owner only (0600) from the first byte. Returns its path.

    Raises ``Aborted`` for a symlink at its path, ``OSError`` if it cannot be written.
    """
    with suppress(FileNotFoundError):
        _refuse_link(where, where.lstat())
    partial = where.with_name(f".{where.name}-{secrets.token_hex(6)}")
    try:
        with os.fdopen(open_private(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(where)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return where


def _refuse_link(where: Path, status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise Aborted(
            f"is a symlink (to {os.readlink(where)}), and migops does not follow symlinks in its state folder",  # noqa: PTH115 - text
            at=Location(str(where)), hint=f"find out who created it, then: rm {shlex.quote(str(where))}",
        )  # fmt: skip


def path(engine: Engine, project: str) -> Path:
    """The path of ``folder``, without creating it, for a command that only reads."""
    return root() / _name(engine.id()) / _name(project)


def path_without_engine(project: str) -> Path:
    """The folder of a project for a command that asks no engine: the one that it has already, if it has one only."""
    known = paths(project)
    return known[0] if len(known) == 1 else no_engine(project)


def no_engine(project: str) -> Path:
    """The folder of a project's runs that asked no engine, if it has a folder of its own for them."""
    return root() / NO_ENGINE / _name(project)


def paths(project: str) -> tuple[Path, ...]:
    """The folders of a project on every engine that has one, for a command that reads while no engine answers."""
    try:
        engines = sorted(entry for entry in root().iterdir() if entry.is_dir() and not entry.is_symlink())
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise MigopsError(f"cannot read the state folder: {error.strerror}", at=Location(str(root()))) from None
    folders = (engine / _name(project) for engine in engines)
    return tuple(folder for folder in folders if folder.is_dir() and not folder.is_symlink())


def engine_of(folder: Path) -> str:
    """The engine whose project has this state folder, as the folder's name tells it."""
    return folder.parent.name


def root() -> Path:
    """The folder of all engines. It may not exist yet."""
    setting = os.environ.get("XDG_STATE_HOME", "")
    base = Path(setting) if os.path.isabs(setting) else Path.home() / ".local" / "state"  # noqa: PTH117 - text, not a path yet
    return base / "migops"


def _name(text: str) -> str:
    """``text`` as a folder's name; IDs of older engines contain colons."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", text).lstrip(".") or "unnamed"
