"""A deploy from the command line's side: prepared under the host's lock, shown, carried out, and told of."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from migops.commands import backup, reset_record
from migops.commands.deploy import (
    ddl,
    image_only,
    inputs,
    interrupted_runs,
    losses,
    old_starts,
    plan,
    preflight,
    ready,
    repeat,
    rollback,
    run,
)
from migops.commands.deploy.deploy import Deploy, Reporter
from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.options import Options
from migops.commands.deploy.result import DeployResult, PlannedStep, PlanResult
from migops.commands.deploy.step import Plan
from migops.commands.deploy.stop import Stop
from migops.compose import ComposeOptions
from migops.core import progress
from migops.core.errors import MigopsError, Unavailable
from migops.docker import Engine
from migops.runner import past_runs
from migops.runner.migration_lock import MigrationLock
from migops.sources.database import Reached, reach
from migops.state import journal, state_folder
from migops.state.engine_lock import EngineLock, run_lock
from migops.state.journal import Journal

COMMAND = journal.DEPLOY


@dataclass(slots=True)
class Prepared:
    """A plan that is ready to be shown, and (but for a dry run) to be carried out while the locks are held.

    ``stack`` is closed when the command has told how it ended.
    """

    inputs: DeployInputs
    plan: Plan
    options: Options
    engine: Engine
    say: Reporter
    past: tuple[str, ...]
    folder: Path | None = None
    log: Journal | None = None
    lock: EngineLock | None = None
    stack: ExitStack = field(default_factory=ExitStack)

    def shown(self) -> PlanResult:
        """The plan as it is shown."""
        planned = self.inputs
        by_id, ids = planned.history.by_id, self.plan.pending
        pending = None if ids is None else tuple((each, by_id[each].message) for each in ids)
        return PlanResult(
            planned.project.name, ", ".join(each.name for each in planned.services),
            tuple(PlannedStep(step.name, step.why, step.commands) for step in self.plan.steps), pending,
            planned.state.rows if planned.state else None, self.plan.notes, self.past,
            ddl.of(planned, self.engine) if self.options.sql else "", losses.of(planned, ids),
        )  # fmt: skip

    def carry_out(self) -> DeployResult:
        """Do it. Whatever happens, the end says which state is left."""
        if self.folder is None or self.log is None:
            raise LookupError("a dry run is not carried out")
        stop = Stop()
        self.stack.enter_context(stop.caught())  # until the end is told, too: a signal must not make a lie of it
        with ExitStack() as stack:
            inputs = self.inputs
            lock = MigrationLock(
                self.folder, self.lock, inputs.question, "migops deploy", self.options.timeout, stack, inputs.project,
                inputs.compose.words,
            )  # fmt: skip
            deploy = Deploy(inputs, self.options, self.engine, lock, self.log, self.say, stop)
            stop.tell = lambda name: self.say.line(f"{name}: {_what_now(run.committed(deploy, self.plan))}")
            outcome = run.run(self.plan, deploy)
        service = self.inputs.target.service
        current = self.inputs.rollbacks[service].current if service in self.inputs.rollbacks else ""
        record = deploy.record
        images = (current, record.built.get(service, "") if outcome.word == "done" else "")
        self.log.end(outcome.word, outcome.code, message=outcome.sentence, commands=outcome.commands)
        return DeployResult(
            outcome.word, outcome.code, outcome.sentence,
            tuple((name, *record.seconds[name]) for name in record.begun if name in record.seconds), images,
            (record.before, record.after), str(record.backup or ""), outcome.commands, outcome.hint,
            str(self.log.path), inputs.target.commands.migops("doctor") if outcome.word == "done" else (),
        )  # fmt: skip


def _killed_reset(engine: Engine, folder: Path, observed: DeployInputs) -> str:
    """A sentence on a killed reset that this deploy brings to its end. Raises where it must be undone first."""
    if reset_record.killed(folder)[1] is None:
        return ""
    try:
        source = backup.find(observed.question, engine)
    except Unavailable:
        source = None
    return reset_record.refuse(engine, folder, source, finishes=True)


def _what_now(committed: bool) -> str:
    if committed:
        return "the database may already be changed, so the deploy is completed first"
    return "stopping here and undoing what was done"


@contextmanager
def prepare(
    services: Sequence[str], options: ComposeOptions, chosen: Options, engine: Engine, say: Reporter, *,
    environment: Mapping[str, str], cwd: Path, url: str = "", dry_run: bool = False,
) -> Iterator[Prepared]:  # fmt: skip
    """Read, judge and plan. But for a dry run, which writes nothing, the host's and the engine's lock are held as long
    as the ``with``.

    Raises what stands in the way: ``Locked`` (4), MigopsError (2), ``Unavailable`` (3), ``Aborted`` (5).
    """
    words = (COMMAND, *services)
    with ExitStack() as stack:
        reading = stack.enter_context(ExitStack())
        reading.enter_context(progress.step("read what there is, before the plan"))
        target, is_image_only = image_only.resolve(services, options, environment, cwd, engine, stack, url or "")
        if target.model is None:
            raise MigopsError(
                "a deploy needs a compose project", hint="run it where the compose file is, or name it: -f"
            )
        for name in services:
            target.model.service(name)
        program = preflight.compose_cli()
        preflight.same_project(target.model, options, cwd, program)
        chosen = replace(chosen, fetch=chosen.fetch and not is_image_only)
        folder, log, held, past = None, None, None, []
        if not dry_run:
            folder = state_folder.folder(engine, target.project)
            held = stack.enter_context(
                run_lock(engine, folder, target.project, shlex.join(words), target.commands.unlock())
            )
            past = interrupted_runs.look(folder, engine, target.project)
        observed = replace(inputs.observe(target, engine, chosen, program, url, services), is_image_only=is_image_only)
        if folder is not None and held is not None and isinstance(reached := reach(observed.question), Reached):
            past_runs.refuse_at_first(held, folder, reached, observed.project, observed.compose.words, chosen.timeout)
            repeat.known(observed, chosen.repeat)
            pending = observed.position.pending if observed.position else None
            repeat.refuse(observed, repeat.earlier(observed, folder, engine, reached, chosen, held), pending, chosen)
        where = folder or state_folder.path(engine, target.project)
        if sentence := _killed_reset(engine, where, observed):
            past.append(sentence)
        rollbacks = rollback.find(engine, where, observed.services, chosen.unchecked_watch)
        observed = replace(observed, rollbacks=rollbacks)
        observed = replace(observed, old_starts=old_starts.read(observed, engine))
        preflight.refuse(observed, chosen)
        ready.refuse(observed, engine)
        if folder is not None:
            log = stack.enter_context(journal.begin(folder, COMMAND, list(services)))
        reading.close()
        yield Prepared(
            observed, plan.make(observed, chosen), chosen, engine, say, tuple(past), folder, log, held, stack
        )
