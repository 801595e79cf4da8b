"""Where migops keeps what outlives a run: ``$XDG_STATE_HOME/migops/<engine>/<project>/``, for its owner alone."""

from __future__ import annotations

import os
import re
from pathlib import Path

from migops.engine import Engine
from migops.errors import Aborted
from migops.model import Location


def folder(engine: Engine, project: str) -> Path:
    """The folder of a compose project on an engine, made if need be, with mode 0700.

    Raises ``Aborted`` where it cannot be written: without a journal nothing is done.
    """
    where = path(engine, project)
    try:
        for each in (where.parent.parent, where.parent, where):
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = where / f".writable-{os.getpid()}"
        probe.write_bytes(b"migops\n" * 512)  # a full disk still makes empty files
        probe.unlink()
    except OSError as error:
        raise Aborted(
            f"the state folder cannot be written ({error.strerror}), and nothing is done without a journal",
            at=Location(str(where)),
            hint="make room or give it to this user; or name another one: XDG_STATE_HOME=DIR",
        ) from None
    return where


def path(engine: Engine, project: str) -> Path:
    """Where ``folder`` is or would be; nothing is made, for a command that only reads."""
    return root() / _name(engine.id()) / _name(project)


def private_folder(where: Path) -> Path:
    """A folder for its owner alone, made if need be; a link in its place is not followed.

    Raises ``Aborted`` where it cannot be made, or is no folder of this user.
    """
    try:
        where.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(where, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fchmod(descriptor, 0o700)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise Aborted(f"cannot make a private folder ({error.strerror})", at=Location(str(where))) from None
    return where


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read, from its first byte on. What had the name before is replaced, and
    never written through: it may be a link. Raises OSError."""
    half = path.with_name(f".{path.name}.{os.getpid()}")
    half.unlink(missing_ok=True)
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except BaseException:
        half.unlink(missing_ok=True)
        raise


def root() -> Path:
    """The folder of all engines, which may not exist yet."""
    said = os.environ.get("XDG_STATE_HOME", "")
    base = Path(said) if os.path.isabs(said) else Path.home() / ".local" / "state"  # noqa: PTH117 - text, not a path yet
    return base / "migops"


def _name(text: str) -> str:
    """``text`` as one folder's name; the IDs of older engines have colons in them."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", text).lstrip(".") or "unnamed"
