"""The journal: what a run did, when, by whom, with which IDs. JSON lines, one file a run, on disk before it goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from migops.database import redact
from migops.errors import Aborted, ExitCode, MigopsError
from migops.model import Location
from migops.safety import lock
from migops.safety.process import Life, Who, known, ourselves

SCHEMA = 1
FOLDER = "journal"


@dataclass(slots=True)
class Journal:
    """A run's own journal, while it goes on. ``run`` is its number in the project."""

    path: Path
    run: int
    descriptor: int
    outcome: str = ""
    is_torn: bool = False

    def note(self, step: str, status: str, **facts: Any) -> None:
        """Write a line and see it to the disk. ``status``: started, done, failed, undone, skipped, or a word more.

        Raises ``Aborted`` where that cannot be done: what happens next would not be known to the next run.
        """
        self._write({"step": step, "status": status, **facts})

    def noted(self, step: str, status: str, **facts: Any) -> str:
        """Note what was done already, which no full disk makes undone: a sentence where it cannot be noted, else ''."""
        try:
            self.note(step, status, **facts)
        except Aborted as error:
            return f"{error}; so the journal lacks: {step} {status}"
        return ""

    def end(self, outcome: str, code: int, **facts: Any) -> None:
        """The last line: ``done``, ``aborted``, ``failed``, ``operator`` or ``interrupted``, and the exit code.

        Where it cannot be written, what was done stands all the same, and the run reads as one that was cut off.
        """
        if not self.outcome:
            self.outcome = outcome
            with suppress(Aborted):
                self._write({"outcome": outcome, "exit": code, **facts})

    def _write(self, line: Mapping[str, Any]) -> None:
        text = json.dumps({"at": _now(), **line}, default=str) + "\n"
        rest = ("\n" * self.is_torn + text).encode()
        try:
            while rest:  # of a disk that fills up, a part of a line may be written
                written = os.write(self.descriptor, rest)
                self.is_torn, rest = True, rest[written:]
            self.is_torn = False
            os.fsync(self.descriptor)
        except OSError as error:
            raise Aborted(f"the journal cannot be written: {error.strerror}", at=Location(str(self.path))) from None


@dataclass(frozen=True, slots=True)
class Run:
    """A past run, or one that goes on: its first line, its steps in order, and how it ended."""

    path: Path
    number: int
    command: str
    arguments: tuple[str, ...]
    who: Who
    began: str
    steps: tuple[Mapping[str, Any], ...]
    outcome: str = ""
    exit: int | None = None
    ended: str = ""
    message: str = ""

    @property
    def is_interrupted(self) -> bool:
        """Whether it never came to its end, and goes on no more.

        What goes on has the lock of its state folder, by which the kernel tells more than a process's number does.
        """
        if self.outcome or self.who.life is not Life.UNKNOWN:
            return not self.outcome and self.who.life is Life.GONE
        has_it = lock.holder(self.path.parent.parent)
        return has_it is None or has_it.who != self.who

    @property
    def last(self) -> Mapping[str, Any]:
        """The last step that it wrote of; empty where there is none."""
        return self.steps[-1] if self.steps else {}


@contextmanager
def begin(folder: Path, command: str, arguments: Sequence[str] = ()) -> Iterator[Journal]:
    """A new run's journal. ``arguments`` must be free of secrets. What leaves the ``with`` decides the last line.

    Raises ``Aborted`` where it cannot be made.
    """
    journal = _open(folder / FOLDER)
    try:
        first = {"schema": SCHEMA, "run": journal.run, "command": command, "arguments": list(arguments)}
        journal._write({**first, "who": ourselves().record()})
        yield journal
        journal.end("done", 0)
    except BaseException as error:
        said = str(error) if isinstance(error, MigopsError) else redact(str(error))  # a driver's words may hold secrets
        journal.end(*_outcome(error), message=said or type(error).__name__)
        raise
    finally:
        os.close(journal.descriptor)


def _outcome(error: BaseException) -> tuple[str, int]:
    """The word and the exit code for what ended a run."""
    if isinstance(error, MigopsError):
        word = {ExitCode.FAILED: "failed", ExitCode.OPERATOR: "operator"}.get(error.exit_code, "aborted")
        return word, int(error.exit_code)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", int(ExitCode.INTERRUPTED)
    number = getattr(error, "number", 0)  # of a signal, where it is one that the command line raises
    return ("interrupted", 128 + number) if number else ("bug", int(ExitCode.BUG))


def runs(folder: Path) -> list[Run]:
    """Every run that the state folder knows of, the oldest first."""
    return [run for path in sorted((folder / FOLDER).glob("*.jsonl")) if (run := _read(path)) is not None]


def interrupted(folder: Path) -> list[Run]:
    """The runs that never ended, and whose process has gone, since the last one that did end."""
    found = runs(folder)
    last = max((index for index, run in enumerate(found) if run.outcome), default=-1)
    return [run for run in found[last + 1 :] if run.is_interrupted]


def _open(folder: Path) -> Journal:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        number = max((_number(path) for path in folder.glob("*.jsonl")), default=0) + 1
        while True:  # numbers, not dates: a clock may jump, and two runs may begin at once
            path = folder / f"{number:06}.jsonl"
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
                return Journal(path, number, os.open(path, flags, 0o600))
            except FileExistsError:
                number += 1
    except OSError as error:
        raise Aborted(f"the journal cannot be begun: {error.strerror}", at=Location(str(folder))) from None


def _read(path: Path) -> Run | None:
    """A journal as it stands. A line that was cut off, by a crash or a full disk, counts as not written."""
    lines: list[Mapping[str, Any]] = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(ValueError):
            lines.append(json.loads(text))
    if not lines or "command" not in lines[0]:
        return None
    first, end = lines[0], next((line for line in lines if "outcome" in line), {})
    return Run(
        path=path, number=_number(path), command=str(first["command"]), arguments=tuple(first.get("arguments") or ()),
        who=known(first.get("who") or {}), began=str(first.get("at")),
        steps=tuple(line for line in lines if "step" in line),
        outcome=str(end.get("outcome", "")), exit=end.get("exit"), ended=str(end.get("at", "")),
        message=str(end.get("message", "")),
    )  # fmt: skip


def _number(path: Path) -> int:
    return int(path.stem) if path.stem.isdecimal() else 0


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
