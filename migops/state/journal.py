"""The journal: what a run did, when, by whom, with which IDs. JSON lines, one file a run, on disk before it goes on."""

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
"""The command of a deploy, as its journal names it."""
_SAID = ("message", "traceback")  # of a line: words that may be a driver's, and hold secrets


@dataclass(slots=True)
class Journal:
    """A run's own journal, while it goes on. ``run`` is its number in the project."""

    path: Path
    run: int
    descriptor: int
    outcome: str = ""
    is_torn: bool = False
    writing: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def note_session(self, application: str, **facts: Any) -> None:
        """Write what was seen of the migration of that ``application`` on the server. May be called from any thread.

        ``facts``: ``addresses`` of the container that migrates, or ``session``, the record of a session of it.
        Raises ``Aborted`` where that cannot be done.
        """
        self._write({"of": application, **facts})

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
            return f"{error}; the journal lacks: {step} {status}"
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
        text = json.dumps({"at": _now(), **_redacted(line)}, default=str) + "\n"
        with self.writing:
            rest = ("\n" * self.is_torn + text).encode()
            try:
                while rest:  # of a disk that fills up, a part of a line may be written
                    written = os.write(self.descriptor, rest)
                    self.is_torn, rest = True, rest[written:]
                self.is_torn = False
                os.fsync(self.descriptor)
            except OSError as error:
                raise Aborted(f"cannot write the journal: {error.strerror}", at=Location(str(self.path))) from None


@dataclass(frozen=True, slots=True)
class Run:
    """A past run, or one that goes on: its first line, its steps in order, and how it ended.

    ``sessions`` are the lines of ``Journal.note_session``.
    """

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
    sessions: tuple[Mapping[str, Any], ...] = ()

    @property
    def is_interrupted(self) -> bool:
        """Whether it never came to its end, and goes on no more.

        What goes on has the lock of its state folder, by which the kernel tells more than a process's number does.
        """
        if self.outcome or self.who.life is not Life.UNKNOWN:
            return not self.outcome and self.who.life is Life.GONE
        has_it = lock.holder(self.path.parent.parent)
        return has_it is None or has_it.who != self.who

    def has(self, step: str, status: str = "started") -> bool:
        """Whether it noted that of the step."""
        return any((each.get("step"), each.get("status")) == (step, status) for each in self.steps)

    def facts(self, step: str) -> Mapping[str, Any]:
        """What was noted when the step was done; empty where it was not."""
        done = (each for each in self.steps if each.get("step") == step and each.get("status") == "done")
        return next(done, {})

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
        journal.end(*_outcome(error), message=str(error) or type(error).__name__)
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
    """The runs that were killed, and that nothing since has settled. A deploy is settled by a later one of the same
    services that ended well, and by nothing else; another run also by a later one of its own kind.
    """
    found = runs(folder)
    return [
        run for index, run in enumerate(found)
        if run.is_interrupted and not any(_settles(later, run) for later in found[index + 1 :])
    ]  # fmt: skip


def _settles(later: Run, run: Run) -> bool:
    if later.outcome != "done":
        return False
    if later.command == DEPLOY:
        return not run.has("swap") or _services(run) <= _services(later)
    return run.command != DEPLOY and later.command.split(" ")[0] == run.command.split(" ")[0]


def _services(run: Run) -> set[str]:
    """The services whose images a deploy has kept, before it replaced their containers."""
    return set(run.facts("keep").get("images") or {})


def _open(folder: Path) -> Journal:
    try:
        make_private_folder(folder)
        number = max((_number(path) for path in folder.glob("*.jsonl")), default=0) + 1
        while True:  # numbers, not dates: a clock may jump, and two runs may begin at once
            path = folder / f"{number:06}.jsonl"
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
                return Journal(path, number, open_private(path, flags))
            except FileExistsError:
                number += 1
    except OSError as error:
        raise Aborted(f"cannot start the journal: {error.strerror}", at=Location(str(folder))) from None


def _read(path: Path) -> Run | None:
    """A journal as it stands. A line that was cut off, by a crash or a full disk, counts as not written."""
    lines: list[Mapping[str, Any]] = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        with suppress(ValueError):
            lines.append(_redacted(json.loads(text)))  # an older version has kept more
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
    """The line without secrets in what it says in words."""
    return {**line, **{key: redact(str(line[key])) for key in _SAID if line.get(key)}}


def _number(path: Path) -> int:
    return int(path.stem) if path.stem.isdecimal() else 0


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
