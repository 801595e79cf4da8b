"""Adopts a database: finds its revision, asks, and stamps it under the locks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from migops.commands.adopt.find import Reporter, Wanted, find
from migops.commands.adopt.match import Verdict
from migops.commands.adopt.outcome import Outcome
from migops.commands.adopt.stamp import stamp
from migops.compose.refusal import ask
from migops.core.errors import ExitCode
from migops.docker import Engine
from migops.runner import past_runs
from migops.runner.migration_lock import MigrationLock
from migops.state import state_folder
from migops.state.engine_lock import engine_lock
from migops.state.lock import host_lock
from migops.target import Target


@dataclass(frozen=True, slots=True)
class Dialogue:
    """The user's side of the run."""

    say: Reporter
    """Reports progress, a line each."""
    prove: Callable[[Outcome], None]
    """Shows the proof before the question."""
    confirm: Callable[[str], None]
    """Asks whether to stamp these heads. Raises ``Aborted`` for a no."""


def run(target: Target, engine: Engine, wanted: Wanted, dialogue: Dialogue) -> tuple[Outcome, int]:
    """Find the revision and, unless ``wanted.dry_run``, stamp it. Return the outcome and the exit code.

    The code is CLEAN, FINDINGS if no revision or several match, or 128 + the number of a signal that arrived while
    Alembic stamped. Raises MigopsError as ``find`` and ``stamp`` do, ``Locked`` beside another run.
    """
    ask(target.model, target.commands.options, Path.cwd())
    with ExitStack() as locks:
        folder = None if wanted.dry_run else state_folder.folder(engine, target.project)
        if folder is not None:
            locks.enter_context(host_lock(folder, "migops adopt"))
        outcome, live = find(target, engine, wanted, dialogue.say)
        may_stamp = _is_equal(outcome)
        if live is None or folder is None or not may_stamp:
            return outcome, int(ExitCode.CLEAN if may_stamp or live is None else ExitCode.FINDINGS)
        dialogue.prove(outcome)
        dialogue.confirm(" ".join(outcome.match.chosen.heads) if outcome.match else "")
        with (
            engine_lock(engine, folder, target.project, "migops adopt", target.commands.unlock()) as lock,
            ExitStack() as sessions,
        ):
            inputs = outcome.inputs
            past_runs.refuse_of_others(lock, folder, target, inputs.reached, wanted.timeout)
            held = MigrationLock(
                folder, lock, inputs.question, "migops adopt", wanted.timeout, sessions, inputs.project,
                target.commands.compose, inputs.reached,
            )  # fmt: skip
            done = stamp(outcome, live, engine, held, dialogue.say)
    return replace(outcome, stamped=done.heads), 128 + done.signal if done.signal else int(ExitCode.CLEAN)


def _is_equal(outcome: Outcome) -> bool:
    """True if exactly one revision has the database's schema, and it is not the state before the first migration."""
    match = outcome.match
    return match is not None and match.verdict is Verdict.EQUAL and bool(match.chosen.heads)
