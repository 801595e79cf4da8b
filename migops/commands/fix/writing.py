"""Writes an edit to disk: whole or not at all, and only over the bytes that it was made from."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import stat
from pathlib import Path

from migops.commands.fix.model import FileEdit
from migops.core.errors import Aborted
from migops.core.model import Location


def real(path: Path) -> Path:
    """The file itself, if the path is a symlink."""
    return Path(os.path.realpath(path))


def read(path: Path) -> bytes | None:
    """The bytes of a file; None if there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def refuse(edit: FileEdit, root: Path) -> None:
    """Raise ``Aborted`` if the edit cannot be written as planned: nothing has been changed by then.

    ``root``: the folder that a symlink must not lead out of.
    """
    path = real(edit.path)
    at = Location(str(edit.path))
    if path != Path(os.path.abspath(edit.path)) and not path.is_relative_to(real(root)):  # noqa: PTH100 - no links
        raise Aborted(f"is a symlink that leads out of {root} (to {path}), and migops edits nothing there", at=at)
    if edit.before is None:
        if os.path.lexists(edit.path):
            raise Aborted("exists by now, so migops does not create it", at=at, hint="run doctor --fix again")
    else:
        _refuse_file(path, at)
        _refuse_changed(edit, path, at)
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK | os.X_OK):
        raise Aborted(f"the folder {path.parent} cannot be written by this user", at=at)


def _refuse_file(path: Path, at: Location) -> None:
    try:
        status = path.lstat()
    except OSError as error:
        raise Aborted(f"cannot be read any more: {error.strerror}", at=at) from None
    quoted = shlex.quote(str(path))
    if not stat.S_ISREG(status.st_mode):
        raise Aborted("is not a regular file", at=at)
    if status.st_uid != os.geteuid() and os.geteuid() != 0:
        raise Aborted(
            f"belongs to another user (number {status.st_uid}), so migops does not edit it", at=at,
            hint="run migops as that user, or edit the file by hand",
        )  # fmt: skip
    if not status.st_mode & 0o222:
        raise Aborted("is read-only, so migops does not edit it", at=at, hint=f"to allow it: chmod u+w {quoted}")
    if status.st_nlink > 1:
        raise Aborted(
            f"has {status.st_nlink} hard links, and an edit would leave the others as they are", at=at,
            hint="edit it by hand",
        )  # fmt: skip


def _refuse_changed(edit: FileEdit, path: Path, at: Location) -> None:
    if read(path) != edit.before:
        raise Aborted("was changed since migops read it", at=at, hint="run doctor --fix again")


def write(edit: FileEdit) -> None:
    """Write the edit. Raises ``Aborted`` if the file is not what the edit was made from, OSError as the system does."""
    path = real(edit.path)
    _refuse_changed(edit, path, Location(str(edit.path)))
    if edit.after is None:
        path.unlink()
        _sync(path.parent)
        return
    replace(path, edit.after, edit.mode)


def replace(path: Path, content: bytes, mode: int | None = None) -> None:
    """Put the content in the file's place. It keeps owner, mode and attributes; a new file gets the umask's mode."""
    if path.exists() and read(path) == content:
        if mode is not None:
            path.chmod(mode)
        return
    partial = path.with_name(f".migops-{secrets.token_hex(8)}")
    try:
        # Nobody may read it meanwhile who may not read the file: a compose file often has passwords.
        first = 0o600 if path.exists() else 0o666
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, first)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if path.exists():
                _like(path, partial)
            if mode is not None:
                partial.chmod(mode)
            os.fsync(file.fileno())
        partial.replace(path)
        _sync(path.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _like(path: Path, partial: Path) -> None:
    """Give the new file the old one's owner, mode and attributes, but the present time: builders compare times."""
    old, new = path.stat(), partial.stat()
    if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        os.chown(partial, old.st_uid, old.st_gid)
    shutil.copystat(path, partial)
    os.utime(partial)


def _sync(folder: Path) -> None:
    """Make a rename or a deletion survive a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
