"""Where migops keeps what outlives a run: ``$XDG_STATE_HOME/migops/<engine>/<project>/``, for its owner alone."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import stat
import time
from contextlib import suppress
from pathlib import Path

from migops.core.errors import Aborted
from migops.core.model import Location
from migops.docker import Engine

_ELSEWHERE = "XDG_STATE_HOME=DIR"
_PARTIAL = re.compile(r"\..+-[0-9a-f]{12}")  # a file that is written, until it has its name
_FORGOTTEN = 3600.0  # seconds after which nobody is writing it any more


def folder(engine: Engine, project: str) -> Path:
    """The folder of a compose project on an engine, made if need be, with mode 0700.

    ``$XDG_STATE_HOME`` and its ``migops`` may be reached through symlinks; nothing below them may be one. Raises
    ``Aborted`` where it cannot be written (without a journal nothing is done), or where others could write to it.
    """
    where = path(engine, project)
    try:
        where.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _close(where.parent.parent)
        for each in (where.parent, where):
            make_private_folder(each)
        for entry in where.iterdir():
            _refuse_link(entry, entry.lstat())
            if _PARTIAL.fullmatch(entry.name) and time.time() - entry.lstat().st_mtime > _FORGOTTEN:
                entry.unlink(missing_ok=True)  # a run was killed while it wrote
        write_private(
            where / f".writable-{os.getpid()}", b"migops\n" * 512
        ).unlink()  # a full disk still makes empty files
    except OSError as error:
        raise Aborted(
            f"cannot write to the state folder ({error.strerror}), and migops changes nothing without a journal",
            at=Location(str(where)),
            hint=f"free space or change its owner to this user; or set another folder: {_ELSEWHERE}",
        ) from None
    return where


def make_private_folder(where: Path) -> None:
    """See that a folder of the state is there, ours, and nobody else's to write to.

    Raises ``Aborted`` where it is a symlink, someone else's, or writable by others: what is in it may be theirs.
    ``OSError`` where it cannot be made.
    """
    with suppress(FileExistsError):
        where.mkdir(mode=0o700)
    found = where.lstat()
    _refuse_link(where, found)
    if found.st_uid != os.geteuid():
        raise Aborted(
            f"belongs to another user (number {found.st_uid}), who could change what migops keeps there",
            at=Location(str(where)), hint=f"run migops as that user, or set another state folder: {_ELSEWHERE}",
        )  # fmt: skip
    if found.st_mode & 0o022:
        raise Aborted(
            "can be written by other users, so its journal, locks and backups may not be from migops",
            at=Location(str(where)), hint=f"check its content, then: chmod 700 {shlex.quote(str(where))}",
        )  # fmt: skip
    if found.st_mode & 0o077:
        where.chmod(0o700)


def _close(where: Path) -> None:
    """The folder above all engines: whoever opened it, what is in it is looked at by itself."""
    found = where.stat()
    if found.st_uid != os.geteuid():
        make_private_folder(Path(os.path.realpath(where)))
    if found.st_mode & 0o022:
        where.chmod(0o700)


def open_private(where: Path, flags: int) -> int:
    """A descriptor of a file of the state, for its owner alone (0600) from the first byte.

    No symlink is followed: ``Aborted`` where there is one. ``OSError`` as ``os.open`` has it.
    """
    try:
        return os.open(where, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        with suppress(FileNotFoundError):
            _refuse_link(where, where.lstat())
        raise


def write_private(where: Path, content: bytes | str) -> Path:
    """Write a file of the state whole or not at all, for its owner alone (0600) from the first byte; its path.

    Raises ``Aborted`` where there is a symlink at its path, ``OSError`` where it cannot be written.
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


def _refuse_link(where: Path, found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise Aborted(
            f"is a symlink (to {os.readlink(where)}), and migops does not follow symlinks in its state folder",  # noqa: PTH115 - text
            at=Location(str(where)), hint=f"find out who created it, then: rm {shlex.quote(str(where))}",
        )  # fmt: skip


def path(engine: Engine, project: str) -> Path:
    """Where ``folder`` is or would be; nothing is made, for a command that only reads."""
    return root() / _name(engine.id()) / _name(project)


def root() -> Path:
    """The folder of all engines, which may not exist yet."""
    said = os.environ.get("XDG_STATE_HOME", "")
    base = Path(said) if os.path.isabs(said) else Path.home() / ".local" / "state"  # noqa: PTH117 - text, not a path yet
    return base / "migops"


def _name(text: str) -> str:
    """``text`` as one folder's name; the IDs of older engines have colons in them."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", text).lstrip(".") or "unnamed"
