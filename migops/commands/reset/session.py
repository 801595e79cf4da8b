"""A reset from the command line's side: prepared under the locks, shown, carried out, and told of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from migops.collect.database_query import Ask
from migops.commands import backup, diagnosis, reset_record
from migops.commands.backup import interrupted, undo_commands
from migops.commands.deploy import interrupted_runs, preflight, ready, run
from migops.commands.deploy.deploy import Deploy, Reporter
from migops.commands.deploy.result import PlannedStep
from migops.commands.deploy.step import Plan
from migops.commands.deploy.stop import Stop
from migops.commands.reset import inputs as reset_inputs
from migops.commands.reset import outcome, plan, refusals
from migops.commands.reset.reset import Reset, ResetOptions, record, tags
from migops.commands.reset.result import ResetPlan, ResetResult
from migops.compose import ComposeOptions
from migops.compose.refusal import ask
from migops.core.errors import ExitCode, MigopsError
from migops.core.model import Finding, Report, Severity
from migops.database.postgres.swap_statements import identifier
from migops.docker import Engine
from migops.rules import RULES
from migops.runner import past_runs
from migops.runner.migration_lock import MigrationLock, sql_by
from migops.state import journal, state_folder
from migops.state.engine_lock import EngineLock, run_lock
from migops.state.journal import Journal
from migops.target import Target

_SETTLED = ("MIG701", "MIG702", "MIG703", "MIG704")
"""Rules about scripts that are not committed: the commit that is printed settles them."""


@dataclass(slots=True)
class Prepared:
    """A plan that is ready to be shown, and (but for a dry run) to be carried out while the locks are held."""

    reset: Reset
    plan: Plan
    engine: Engine
    say: Reporter
    where: Path
    past: tuple[str, ...] = ()
    log: Journal | None = None
    lock: EngineLock | None = None
    stack: ExitStack = field(default_factory=ExitStack)

    def shown(self) -> ResetPlan:
        """The plan as it is shown."""
        inputs = self.reset.inputs
        deployed, state = inputs.deploy, inputs.deploy.state
        return ResetPlan(
            deployed.project.name, inputs.target.service, inputs.database, inputs.source.server, inputs.usage.size,
            inputs.usage.tables, state.rows if state else None, str(inputs.folder),
            tuple(each.name for each in inputs.scripts), tuple(each.name for each in deployed.services),
            (*inputs.running, *(each.name for each in inputs.others)), inputs.old, str(self.where / backup.FOLDER),
            str(inputs.saved), tuple(tags(inputs)),
            tuple(PlannedStep(str(step.name), step.why) for step in self.plan.steps),
            reset_record.back(record(inputs), inputs.source), self.plan.notes, self.past,
        )  # fmt: skip

    def carry_out(self) -> ResetResult:
        """Do it. Whatever happens, the end says which state is left."""
        if self.log is None:
            raise LookupError("a dry run is not carried out")
        deployed, options, stop = self.reset.inputs.deploy, self.reset.options.deploy, Stop()
        self.stack.enter_context(stop.caught())  # until the end is told, too
        stop.tell = lambda name: self.say.line(f"{name}: stopping here and undoing what was done")
        with ExitStack() as sessions:
            lock = MigrationLock(
                self.where, self.lock, deployed.question, "migops reset", options.timeout, sessions, deployed.project,
                deployed.compose.words,
            )  # fmt: skip
            deploy = Deploy(deployed, options, self.engine, lock, self.log, self.say, stop)
            ended = run.run(self.plan, deploy, outcome.ends(self.reset))
        self.log.end(ended.word, ended.code, message=ended.sentence, commands=ended.commands)
        return self._result(deploy, ended)

    def _result(self, deploy: Deploy, ended: run.Outcome) -> ResetResult:
        is_done, inputs = ended.word == "done", self.reset.inputs
        findings, unchecked = self._doctor() if is_done else ((), "")
        code = ended.code
        if is_done and not code and any(each.severity is Severity.ERROR for each in findings):
            code = int(ExitCode.FINDINGS)
        steps = tuple((str(name), *deploy.record.seconds[name]) for name in deploy.record.begun
                      if name in deploy.record.seconds)  # fmt: skip
        return ResetResult(
            self.shown(), ended.word, code, ended.sentence, steps, str(deploy.record.backup or ""),
            str(self.reset.written or "") if is_done else "", self.reset.revision.revision if is_done else "",
            tuple(self._next()) if is_done else ended.commands, ended.hint, str(self.log.path) if self.log else "",
            findings, unchecked, undo_commands.removing(inputs) if is_done else (),
            tuple(self._colleagues()) if is_done else (),
        )  # fmt: skip

    def _next(self) -> Iterator[tuple[str, ...]]:
        """The commit that shares the clean start."""
        folder = str(self.reset.inputs.folder)
        yield ("git", "-C", folder, "add", "-A", ".")
        yield ("git", "-C", folder, "commit", "-m", "Start the migrations again from the models", "--", ".")

    def _colleagues(self) -> Iterator[tuple[str, ...]]:
        """What others type then: the old revisions are forgotten, and the first one is proved and stamped."""
        inputs, commands = self.reset.inputs, self.reset.inputs.target.commands
        table = inputs.source.reached.table
        name = ".".join(identifier(each) for each in (table.schema, table.name) if each)
        sql = sql_by(inputs.source.reached, inputs.deploy.project, inputs.deploy.compose.words)
        yield commands.build()
        yield tuple(sql(f"DELETE FROM {name}"))  # noqa: S608 - quoted, and shown only
        yield commands.adopt()

    def _doctor(self) -> tuple[tuple[Finding, ...], str]:
        """What doctor finds now, without what the commit settles; why it could not be asked."""
        target, timeout = self.reset.inputs.target, self.reset.options.deploy.timeout
        access = diagnosis.Access(lambda: self.engine, Ask(timeout=timeout))
        try:
            report: Report = diagnosis.doctor(target, access, RULES, Severity.ERROR)
        except MigopsError as error:
            return (), error.message
        return tuple(each for each in report.findings if each.rule not in _SETTLED), ""


@contextmanager
def prepare(
    target: Target, options: ComposeOptions, chosen: ResetOptions, engine: Engine, say: Reporter, cwd: Path, *,
    dry_run: bool = False,
) -> Iterator[Prepared]:  # fmt: skip
    """Read, refuse and plan. But for a dry run, which writes nothing, the locks are held as long as the ``with``.

    Raises what stands in the way: ``Locked`` (4), MigopsError (2), ``Unavailable`` (3), ``Aborted`` (5),
    ``ManualActionRequired`` (7) after a killed run.
    """
    if target.model is None:
        raise MigopsError("a reset needs a compose project", hint="run it where the compose file is, or name it: -f")
    ask(target.model, target.commands.options, cwd)
    program = preflight.compose_cli()
    preflight.same_project(target.model, options, cwd, program)
    where = state_folder.path(engine, target.project) if dry_run else state_folder.folder(engine, target.project)
    with ExitStack() as stack:
        lock, past = None, []
        if not dry_run:
            held = run_lock(engine, where, target.project, "migops reset", target.commands.unlock())
            lock = stack.enter_context(held)
            past = interrupted_runs.look(where, engine, target.project)
        inputs = reset_inputs.read(target, engine, chosen.deploy, program, where)
        reset_record.refuse(engine, where, inputs.source)
        interrupted.refuse(engine, inputs.source, where)
        refusals.refuse(inputs)
        preflight.covered(inputs.deploy.evidence)
        ready.refuse(inputs.deploy, engine)
        log = None
        if lock is not None:
            timeout, found = chosen.deploy.timeout, inputs.deploy
            past_runs.refuse_at_first(
                lock, where, inputs.source.reached, found.project, found.compose.words, timeout
            )  # fmt: skip
            log = stack.enter_context(journal.begin(where, reset_record.COMMAND, [target.service]))
        reset = Reset(inputs, chosen)
        yield Prepared(reset, plan.make(reset), engine, say, where, tuple(past), log, lock, stack)
