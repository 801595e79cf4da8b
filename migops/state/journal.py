"""The journal of a run: its steps, their times and IDs. JSON lines, one file per run, flushed to disk at each line."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from migops.core.errors import Aborted, ExitCode, MigopsError
from migops.core.model import Location
from migops.core.redaction import redact
from migops.state import lock
from migops.state.process import Life, Who, known, ourselves
from migops.state.state_folder import make_private_folder, open_private

SCHEMA = 1
FOLDER = "journal"
DEPLOY = "rebuild-and-migrate"
"""The name of the deploy command in journals."""
_SAID = ("message", "traceback")  # keys of a line that may contain a driver's text, with secrets


@dataclass(slots=True)
class Journal:
    """The journal of the current run. ``run`` is its number in the project."""

    path: Path
    run: int
    descriptor: int
    outcome: str = ""
    is_torn: bool = False
    writing: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def note_session(self, application: str, **facts: Any) -> None:
        """Record sessions of the migration named ``application`` on the server. Thread-safe.

        ``facts``: ``addresses`` of the container that migrates, or ``session``, the record of one of its sessions.
        Raises ``Aborted`` if it cannot be written.
        """
        self._write({"of": application, **facts})

    def note(self, step: str, status: str, **facts: Any) -> None:
        """Write a line and flush it to disk. ``status``: started, done, failed, undone, skipped, or another word.

        Raises ``Aborted`` if it cannot be written, as the next run would not know of the following step.
        """
        self._write({"step": step, "status": status, **facts})

    def noted(self, step: str, status: str, **facts: Any) -> str:
        """Record a completed step. Returns a sentence if it cannot be written, else ''."""
        try:
            self.note(step, status, **facts)
        except Aborted as error:
            return f"{error}; the journal lacks: {step} {status}"
        return ""

    def end(self, outcome: str, code: int, **facts: Any) -> None:
        """Write the last line: ``done``, ``aborted``, ``failed``, ``operator`` or ``interrupted``, and the exit code.

        If it cannot be written, nothing is undone, and the run reads as an interrupted one.
        """
        if not self.outcome:
            self.outcome = outcome
            with suppress(Aborted):
                self._write({"outcome": outcome, "exit": code, **facts})

    def _write(self, line: Mapping[str, Any]) -> None:
        text = json.dumps({"at": _now(), **_redacted(line)}, default=str) + "\n"
        with self.writing:
            rest = ("\n" * self.is_torn + text).encode()
            try:
                while rest:  # a full disk may write a part of a line
                    written = os.write(self.descriptor, rest)
                    self.is_torn, rest = True, rest[written:]
                self.is_torn = False
                os.fsync(self.descriptor)
            except OSError as error:
                raise Aborted(f"cannot write the journal: {error.strerror}", at=Location(str(self.path))) from None


@dataclass(frozen=True, slots=True)
class Run:
    """A past or current run, read from its journal."""

    path: Path
    number: int
    command: str
    arguments: tuple[str, ...]
    who: Who
    began: str
    steps: tuple[Mapping[str, Any], ...]  # in order
    outcome: str = ""
    exit: int | None = None
    ended: str = ""
    message: str = ""
    sessions: tuple[Mapping[str, Any], ...] = ()  # the lines of ``Journal.note_session``

    @property
    def is_interrupted(self) -> bool:
        """True if the run stopped without an end line, and is no longer running.

        A running one holds the lock of its state folder, which is more reliable than a process's number.
        """
        if self.outcome or self.who.life is not Life.UNKNOWN:
            return not self.outcome and self.who.life is Life.GONE
        has_it = lock.holder(self.path.parent.parent)
        return has_it is None or has_it.who != self.who

    def has(self, step: str, status: str = "started") -> bool:
        """True if the journal has a line with this status for the step."""
        return any((each.get("step"), each.get("status")) == (step, status) for each in self.steps)

    def facts(self, step: str) -> Mapping[str, Any]:
        """The facts of the step's ``done`` line; empty without one."""
        done = (each for each in self.steps if each.get("step") == step and each.get("status") == "done")
        return next(done, {})

    @property
    def last(self) -> Mapping[str, Any]:
        """The last step's line; empty without steps."""
        return self.steps[-1] if self.steps else {}


@contextmanager
def begin(folder: Path, command: str, arguments: Sequence[str] = ()) -> Iterator[Journal]:
    """Open a new run's journal. ``arguments`` must be free of secrets. The ``with``'s exception sets the last line.

    Raises ``Aborted`` if it cannot be created.
    """
    journal = _open(folder / FOLDER)
    try:
        first = {"schema": SCHEMA, "run": journal.run, "command": command, "arguments": list(arguments)}
        journal._write({**first, "who": ourselves().record()})
        yield journal
        journal.end("done", 0)
    except BaseException as error:
        journal.end(*_outcome(error), message=str(error) or type(error).__name__)
        raise
    finally:
        os.close(journal.descriptor)


def _outcome(error: BaseException) -> tuple[str, int]:
    """The outcome and exit code for the exception that ended a run."""
    if isinstance(error, MigopsError):
        word = {ExitCode.FAILED: "failed", ExitCode.OPERATOR: "operator"}.get(error.exit_code, "aborted")
        return word, int(error.exit_code)
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", int(ExitCode.INTERRUPTED)
    number = getattr(error, "number", 0)  # of a signal, if the command line raised the exception for one
    return ("interrupted", 128 + number) if number else ("bug", int(ExitCode.BUG))


def runs(folder: Path) -> list[Run]:
    """Every run in the state folder, the oldest first."""
    return [run for path in sorted((folder / FOLDER).glob("*.jsonl")) if (run := _read(path)) is not None]


def interrupted(folder: Path) -> list[Run]:
    """Interrupted runs that no later run has settled.

    A deploy is settled only by a later successful one of the same services, another run also by a later one of its
    own kind.
    """
    past = runs(folder)
    return [
        run for index, run in enumerate(past)
        if run.is_interrupted and not any(_settles(later, run) for later in past[index + 1 :])
    ]  # fmt: skip


def _settles(later: Run, run: Run) -> bool:
    if later.outcome != "done":
        return False
    if later.command == DEPLOY:
        return not run.has("swap") or _services(run) <= _services(later)
    return run.command != DEPLOY and later.command.split(" ")[0] == run.command.split(" ")[0]


def _services(run: Run) -> set[str]:
    """The services whose images a deploy has kept before it replaced their containers."""
    return set(run.facts("keep").get("images") or {})


def _open(folder: Path) -> Journal:
    try:
        make_private_folder(folder)
        number = max((_number(path) for path in folder.glob("*.jsonl")), default=0) + 1
        while True:  # numbers, not dates: a clock may jump, and two runs may start at once
            path = folder / f"{number:06}.jsonl"
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
                return Journal(path, number, open_private(path, flags))
            except FileExistsError:
                number += 1
    except OSError as error:
        raise Aborted(f"cannot start the journal: {error.strerror}", at=Location(str(folder))) from None


def _read(path: Path) -> Run | None:
    """Read a journal. An incomplete line (after a crash, or on a full disk) is ignored."""
    lines: list[Mapping[str, Any]] = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(ValueError):
            lines.append(_redacted(json.loads(text)))  # an older version may have written secrets
    if not lines or "command" not in lines[0]:
        return None
    first, end = lines[0], next((line for line in lines if "outcome" in line), {})
    return Run(
        path=path, number=_number(path), command=str(first["command"]), arguments=tuple(first.get("arguments") or ()),
        who=known(first.get("who") or {}), began=str(first.get("at")),
        steps=tuple(line for line in lines if "step" in line),
        outcome=str(end.get("outcome", "")), exit=end.get("exit"), ended=str(end.get("at", "")),
        message=str(end.get("message", "")), sessions=tuple(line for line in lines if "of" in line),
    )  # fmt: skip


def _redacted(line: Mapping[str, Any]) -> dict[str, Any]:
    """The line without secrets in its texts."""
    return {**line, **{key: redact(str(line[key])) for key in _SAID if line.get(key)}}


def _number(path: Path) -> int:
    return int(path.stem) if path.stem.isdecimal() else 0


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
