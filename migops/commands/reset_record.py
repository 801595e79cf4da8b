"""What a reset notes before its first change, and what is left of one that was killed or could not be undone.

It stands apart from the reset itself, since a deploy and a restore look for a killed reset too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from migops.commands.backup.source import Source
from migops.commands.backup.undo_commands import psql
from migops.core.errors import ManualActionRequired
from migops.core.printed import here
from migops.core.terminal import shell_line
from migops.core.text import counted, listed
from migops.database.postgres import swap_statements
from migops.database.postgres.maintenance import Maintenance, maintenance
from migops.docker import Engine
from migops.docker.containers import inspect
from migops.state import journal
from migops.state.journal import Run

COMMAND = "reset"
_SETTLING = (journal.DEPLOY, "restore", "adopt", "alembic")
"""Commands that would have failed on what a killed reset leaves: once one has ended well, that is history."""
Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResetRecord:
    """The state before a reset, and the parts of the way back."""

    database: str
    kept: str
    """The name under which the old database is kept."""
    new: str
    undone: str
    """The name that the new database gets on the way back."""
    oid: int
    """The old database's OID."""
    is_open: bool
    """Whether the old database allowed connections."""
    folder: str
    """The versions folder on the host."""
    old: str
    """The folder with the old scripts."""
    later: str
    """The folder for the scripts that the way back takes away."""
    scripts: tuple[tuple[str, str], ...]
    """The old scripts: name and SHA-256."""
    containers: tuple[tuple[str, str], ...]
    """The containers that ran: ID and name."""
    stop: tuple[Words, ...] = ()
    """The commands that stop the application."""
    start: tuple[Words, ...] = ()
    """The commands that start it again from its old image."""
    finish: Words = ()
    """The command that brings the new state to its end."""
    deep: bool = False
    """Whether Alembic reads the subfolders of the versions folder too."""

    def facts(self) -> dict[str, Any]:
        """The record as a journal's line has it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Remaining:
    """What is left: ``swapped`` tells whether the database's name means the new one."""

    swapped: bool
    sentences: tuple[str, ...]
    commands: tuple[Words, ...]


def back(record: ResetRecord, source: Source) -> tuple[Words, ...]:
    """The commands that bring the old state back after a reset; the new database and scripts are kept.

    The first statement fails, before anything is closed, where the old database is not kept (yet, or any more).
    """
    sql = (swap_statements.reopen(record.kept), *swap_statements.back(record.database, record.kept, record.undone))
    return (*record.stop, psql(source, sql), *scripts_back(record), *record.start)


def scripts_back(record: ResetRecord) -> tuple[Words, ...]:
    """The commands that take the scripts of now to the state folder, and put the old ones back."""
    # Subfolders that Alembic does not read are not the reset's; -n: the first of two files of one name is not lost.
    depth = () if record.deep else ("-maxdepth", "1")
    away = ("find", record.folder, *depth, "-name", "*.py", "!", "-name", "__init__.py",
            "-exec", "mv", "-n", "{}", record.later, ";")  # fmt: skip
    return away, ("cp", "-a", f"{record.old}/.", record.folder)


def remaining(
    record: ResetRecord, engine: Engine, source: Source, begun: Collection[str], first: str = ""
) -> Remaining | None:  # fmt: skip
    """What is not as before, and the commands for it; None if all is. Raises ``Unavailable`` if it cannot be told.

    ``begun``: the steps that the reset began. ``first``: the name of the first revision's file; '' if it was not
    written yet.
    """
    with maintenance(source.reached.url, "migops") as server:
        now, kept = server.properties(record.database), server.properties(record.kept)
        if kept is not None and kept.oid == record.oid and (now is None or now.oid != record.oid):
            sentence = f"{record.database} is the new database; the old one is kept as {record.kept}"
            return Remaining(True, (sentence, f"the old scripts are in {record.old}"), back(record, source))
        sentences, sql = _database(record, server)
    scripts = list(_scripts(record, first)) if "scripts" in begun else []
    down = [name for id_, name in record.containers if "stop" in begun and _is_down(engine, id_, "swap" in begun)]
    sentences += [*scripts, *([f"{listed(down)} not running as before"] if down else [])]
    commands = (
        *((psql(source, sql),) if sql else ()), *(scripts_back(record) if scripts else ()),
        *(record.start if down or "build" in begun else ()),  # a build may have given the image's name away
    )  # fmt: skip
    return Remaining(False, tuple(sentences), commands) if sentences else None


def _database(record: ResetRecord, server: Maintenance) -> tuple[list[str], list[str]]:
    """What is left on the server while the database is the old one, and the SQL for it."""
    now, made = server.properties(record.database), server.properties(record.new)
    sentences, sql = [], []
    if now is not None and record.is_open and not now.open:
        sentences.append(f"connections to {record.database} are disabled")
        sql.append(swap_statements.reopen(record.database))
    if made is not None:
        sentences.append(f"{record.new}, new and unused, is left over")
        sql += [swap_statements.close(record.new), swap_statements.end_sessions(record.new),
                swap_statements.drop(record.new)]  # fmt: skip
    return sentences, sql


def _scripts(record: ResetRecord, first: str) -> Iterator[str]:
    """What of the reset's scripts is left in the folder. An old script with another text is somebody's later work."""
    folder, old = Path(record.folder), dict(record.scripts)
    if lost := [name for name in old if not (folder / name).is_file()]:
        yield f"{counted(len(lost), 'old script')} not in {record.folder}"
    if first and first not in old and (folder / first).is_file():
        yield f"{first} in {record.folder} was written by the reset"


def _is_down(engine: Engine, container: str, was_replaced: bool) -> bool:
    """True if the container does not run; one that has gone counts only if the reset had begun to replace it."""
    found = inspect(engine, container)
    return was_replaced if found is None else not (found.get("State") or {}).get("Running")


def refuse(engine: Engine, folder: Path, source: Source | None, *, finishes: bool = False) -> str:
    """Raise ``ManualActionRequired`` if a killed reset has left something, with the commands that undo or finish it.

    ``source`` is None where the database is not known. ``finishes``: the command is the one that brings the new state
    to its end, so it may go on where the new database is there; a sentence about that is returned ('' otherwise).
    """
    run, record = killed(folder)
    if run is None or record is None:
        return ""
    begun = _begun(run)
    was = f"the reset of run {run.number} ({run.began}) was killed during the step {begun[-1] if begun else 'backup'}"
    if source is None:
        raise ManualActionRequired(
            f"{was}, and the state that it left cannot be told: the database {record.database} was not reached",
            commands=[here().log(run.number)], hint="start the database, then run this again",
        )  # fmt: skip
    left = remaining(record, engine, source, begun, str(run.facts("first").get("file") or ""))
    if left is None:
        return ""
    if left.swapped and finishes:
        return f"{was}: {'; '.join(left.sentences)}; this run brings it to its end"
    ways = f"; or finish it: {shell_line(record.finish)}" if left.swapped else ""
    raise ManualActionRequired(
        f"{was}: {'; '.join(left.sentences)}", commands=left.commands, hint=f"these commands undo it{ways}"
    )


def _begun(run: Run) -> list[str]:
    """The steps that were begun, in order; the lines of their parts have no commands."""
    return [str(step.get("step")) for step in run.steps if step.get("status") == "started" and "commands" in step]


def killed(folder: Path) -> tuple[Run | None, ResetRecord | None]:
    """The last reset, if it was killed and no later run has settled it, with what it noted before its first change."""
    runs = journal.runs(folder)
    at = next((number for number in range(len(runs) - 1, -1, -1) if runs[number].command == COMMAND), None)
    if at is None or not runs[at].is_interrupted:
        return None, None
    if any(later.outcome == "done" and later.command.split(" ")[0] in _SETTLING for later in runs[at + 1 :]):
        return None, None
    noted = next((step for step in runs[at].steps if step.get("status") == "confirmed"), None)
    return runs[at], _read(noted) if noted is not None else None


def _read(noted: Mapping[str, Any]) -> ResetRecord:
    names = {*ResetRecord.__dataclass_fields__}
    values = {key: value for key, value in noted.items() if key in names}
    for key in ("scripts", "containers", "stop", "start"):
        values[key] = tuple(_words(values.get(key) or ()))
    return ResetRecord(**{**values, "finish": tuple(values.get("finish") or ())})


def _words(lists: Sequence[Sequence[str]]) -> Iterator[Words]:
    for each in lists:
        yield tuple(each)
