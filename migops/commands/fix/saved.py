"""Copies of the files as they were, in the state folder, and how they are put back byte for byte."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migops.commands.fix import writing
from migops.commands.fix.model import FileEdit
from migops.core.errors import Aborted
from migops.core.model import Location
from migops.state.state_folder import make_private_folder, write_private

FOLDER = "fixes"


@dataclass(frozen=True, slots=True)
class Saved:
    """One file of a run: as it was, and as the run wrote it. Digests are SHA-256 in hexadecimal."""

    path: Path
    copy: Path | None
    """The copy of the file as it was; None if there was none."""
    mode: int
    """The permission bits as they were; 0 without a file."""
    before: str
    """The digest; '' without a file."""
    after: str
    """The digest; '' if the run deletes the file."""
    new_mode: int
    """The permission bits that the run writes; 0 if it deletes the file."""

    def record(self) -> dict[str, Any]:
        """As a line of the journal holds it."""
        return {
            "path": str(self.path), "copy": str(self.copy) if self.copy else "", "mode": self.mode,
            "before": self.before, "after": self.after, "new_mode": self.new_mode,
        }  # fmt: skip

    @property
    def has_copy(self) -> bool:
        """True if the copy has the file's old content: neither missing nor changed."""
        return self.copy is not None and _state(self.copy)[0] == self.before

    @property
    def has_content(self) -> bool:
        """True if the file has the content that it had before the run, whatever its mode."""
        return _state(self.path)[0] == self.before

    @property
    def is_put_back(self) -> bool:
        """True if the file is as it was before the run."""
        return _state(self.path) == (self.before, self.mode)

    @property
    def is_written(self) -> bool:
        """True if the file is as the run wrote it; its mode does not matter where the run did not change it."""
        digest, mode = _state(self.path)
        return digest == self.after and (self.mode == self.new_mode or mode == self.new_mode)


def of_record(record: Mapping[str, Any]) -> Saved:
    """The saved file of a journal's record."""
    copy = str(record.get("copy") or "")
    return Saved(
        Path(str(record["path"])), Path(copy) if copy else None, int(record.get("mode") or 0),
        str(record.get("before") or ""), str(record.get("after") or ""), int(record.get("new_mode") or 0),
    )  # fmt: skip


def save(folder: Path, run: int, edits: Sequence[FileEdit]) -> tuple[Path, tuple[Saved, ...]]:
    """Copy the files of the edits into a folder of the run, for its owner alone. ``Aborted`` if that is impossible."""
    where = folder / FOLDER / f"{run:06}"
    try:
        for each in (folder / FOLDER, where):
            make_private_folder(each)
        return where, tuple(_save(where, number, edit) for number, edit in enumerate(edits, 1))
    except OSError as error:
        raise Aborted(f"cannot save the files first: {error.strerror}", at=Location(str(where))) from None


def _save(where: Path, number: int, edit: FileEdit) -> Saved:
    path = writing.real(edit.path)
    if edit.before is None:
        return Saved(path, None, 0, "", _digest(edit.after), edit.mode or 0)
    mode = stat.S_IMODE(path.stat().st_mode)
    copy = write_private(where / f"{number:03}-{path.name}", edit.before)
    new_mode = 0 if edit.after is None else mode if edit.mode is None else edit.mode
    return Saved(path, copy, mode, _digest(edit.before), _digest(edit.after), new_mode)


def put_back(files: Sequence[Saved]) -> tuple[str, ...]:
    """Make every file what it was before the run. Returns a sentence for each that could not be put back.

    A file that somebody changed after the run wrote it is left alone: its new content is nowhere else.
    """
    return tuple(problem for file in reversed(files) if not file.is_put_back and (problem := _problem(file)))


def _problem(file: Saved) -> str:
    """Put one file back. A sentence if that is impossible, else ''."""
    if not file.is_written:
        return f"{file.path} was changed after migops wrote it, so it was left as it is"
    if file.copy is not None and not file.has_copy:
        return f"{file.path} was left as it is: its saved copy {file.copy} is missing or was changed"
    try:
        _put_back(file)
    except OSError as error:
        return f"{file.path} could not be put back: {error.strerror or error}"
    return ""


def _put_back(each: Saved) -> None:
    if each.copy is None:
        with suppress(FileNotFoundError):
            each.path.unlink()
        return
    writing.replace(each.path, each.copy.read_bytes(), each.mode)


def _digest(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()


def _state(path: Path) -> tuple[str, int]:
    """The digest and the permission bits of a file; ('', 0) if there is none."""
    content = writing.read(path)
    return (_digest(content), stat.S_IMODE(path.stat().st_mode)) if content is not None else ("", 0)
