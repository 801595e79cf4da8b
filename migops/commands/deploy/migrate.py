"""The step that migrates: Alembic in a detached container of the built image, watched, judged by the rows it leaves."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import partial
from random import uniform
from typing import Any

from migops.commands.deploy import at_work, connects, shell
from migops.commands.deploy.commands import Compose, lock_options, migrating, one_off, override, with_override
from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.follow import Followed, follow
from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.left_over import catalogue_of
from migops.commands.deploy.outcome import Attempt, failed_at, how_on, stays, verdict, ways_on
from migops.commands.deploy.repeat import stop_before_a_repeat
from migops.core.errors import Aborted, Failed, ManualActionRequired, Unavailable
from migops.core.text import listed
from migops.database.postgres.server_session import as_text
from migops.database.postgres.watch import Watched, watch
from migops.docker import execs
from migops.docker.containers import addresses, inspect
from migops.docker.sockets import client_ports
from migops.runner.commits import repeating, tracing
from migops.runner.commits.judging import Outcome, State
from migops.runner.commits.tracing import Trace
from migops.state.state_folder import write_private

TRIES = 3  # how often a migration is begun that gave up waiting for a lock, with nothing applied
PAUSE = (1.0, 3.0)  # seconds between two tries, by chance in between
OVERRIDE = "migrate.compose.yaml"


def upgrade(deploy: Deploy) -> dict[str, Any]:
    """Apply what is pending. What counts is not what Alembic says but the rows that the database has afterwards."""
    if not deploy.pending:
        stop_before_a_repeat(deploy)  # it stops nothing then, but settles what killed runs have left
        return dict(connects.prove(deploy, run))
    target = goal(deploy.inputs)
    before = deploy.before or ()
    if deploy.rows() != before:
        raise ManualActionRequired(
            f"the database was at {listed(before) or 'nothing'} a moment ago, and is at "
            f"{listed(deploy.after or ()) or 'nothing'} now: someone else migrates; nothing was applied by this run",
            commands=ways_on(deploy), hint=how_on(deploy),
        )  # fmt: skip
    at_work.refuse_before(deploy)
    stop_before_a_repeat(deploy)
    traces = catalogue_of(deploy)
    for number in range(1, TRIES + 1):
        deploy.check()
        attempt = run(deploy, ("upgrade", target))
        if attempt.followed.code == 0:
            attempt.trace.settle_on_engine()
            _tell(deploy, attempt)
            return {"rows": list(attempt.rows), "attempts": number}
        commits = committed(deploy, attempt)
        waited = attempt.watched.was_cancelled or "lock timeout" in attempt.followed.text
        nothing_done = attempt.rows == before and catalogue_of(deploy) == traces and commits.may_be_repeated
        if not (waited and nothing_done and number < TRIES) or deploy.stop.came:
            break
        attempt.trace.settle_on_engine()
        deploy.say.line(f"nothing was applied; it is tried again ({number + 1} of {TRIES})")
        time.sleep(uniform(*PAUSE))  # noqa: S311 - no secret
    deploy.stays = stays(deploy, attempt, commits)
    note(deploy, attempt, commits, "upgrade", failed_at(deploy, attempt.followed))
    raise verdict(deploy, attempt, commits, left=sorted(catalogue_of(deploy) ^ traces))


def note(deploy: Deploy, attempt: Attempt, commits: Outcome, verb: str, at: Sequence[str]) -> None:
    """Note what has stayed, for the next run to stop at. Where no transaction can be asked about, nothing is noted."""
    if attempt.trace.url is None:
        return
    if lacks := repeating.noted(deploy.log, commits, verb, at, attempt.trace):
        deploy.say.line(lacks)


def committed(deploy: Deploy, attempt: Attempt) -> Outcome:
    """What a migration that failed has committed beside the version table's rows."""
    return attempt.trace.outcome(moved=attempt.rows != (deploy.before or ()), backends=attempt.watched.backends)


def goal(inputs: DeployInputs) -> str:
    """What Alembic is told to upgrade to."""
    return "heads" if inputs.target.many_heads else "head"


def _tell(deploy: Deploy, attempt: Attempt) -> None:
    """A line for each revision that Alembic's own logging did not tell of."""
    for each in deploy.pending or ():
        if each not in attempt.followed.revisions:
            deploy.say.line(f"upgrade   {each}  {deploy.inputs.history.by_id[each].message}".rstrip())


def gate(deploy: Deploy) -> dict[str, Any]:
    """The database is where the image's history ends."""
    deploy.check()
    rows, heads = deploy.rows(), deploy.inputs.heads
    if rows != heads:
        raise ManualActionRequired(
            f"the database is at {listed(rows) or 'nothing'} after the migration, not at {listed(heads)}: someone else "
            "migrates, or env.py writes to another database than the one that migops reads",
            commands=ways_on(deploy), hint=how_on(deploy),
        )  # fmt: skip
    return {"rows": list(rows)}


def run(deploy: Deploy, arguments: Sequence[str]) -> Attempt:
    """Run Alembic with these words in a one-off container of the built image, to its end, and read the rows then."""
    name = migrating(deploy.inputs.project.name)
    application = f"migops-{secrets.token_hex(6)}"
    traced = _traced(deploy)
    _note_on_engine(deploy, traced, name, arguments)
    try:
        words = command(deploy, name, arguments, application, traced)
        since = deploy.session.now() if deploy.session else None
        deploy.log.note(
            "container", "started", name=name, application=application, arguments=list(arguments), since=as_text(since),
            image=deploy.built[deploy.inputs.target.service], rows=list(deploy.after or ()),
            revisions=list(deploy.pending or ()), **traced.noted(),
        )  # fmt: skip
    except Exception:  # nothing has begun, so nobody is to be told that something might stay
        traced.drop()
        traced.settle_on_engine()
        raise
    interrupted: list[bool] = []
    watching: AbstractContextManager[Watched] = nullcontext(Watched())
    if deploy.session is not None:  # from before it is started: its first statement may be the one that goes on
        watching = watch(
            deploy.session, application=application, addresses=lambda: addresses(deploy.engine, name), since=since,
            alone=True, ports=lambda: client_ports(deploy.engine, name, application),
            note=partial(deploy.log.note_session, application), lock_timeout=deploy.options.lock_timeout,
            say=deploy.say.line, lost=lambda: interrupted.append(_interrupt(deploy, name)),
        )  # fmt: skip
    try:
        with watching as watched:
            ran = shell.run(deploy, words, may_end=False)
            if ran.code and not _has_begun(deploy, name):
                execs.remove(deploy.engine, name)
                traced.drop()
                traced.settle_on_engine()
                deploy.log.noted("container", "failed", name=name, exit=ran.code)
                raise Failed(f"the container that migrates could not be started (code {ran.code}); nothing was applied")
            if watched.lost and not any(interrupted):  # before there was anything to be interrupted
                _interrupt(deploy, name)
            followed = follow(deploy.engine, name, deploy.say.line)
    except Unavailable as error:
        raise _engine_gone(deploy, name, error) from error
    if watched.lost:
        deploy.session = None  # gone with the server's restart, say: the lock is taken anew before anything else
    rows = _reread(deploy, followed)  # first of all: whatever fails now, it is known where the database stands
    traced.collect(name)
    deploy.log.note("container", "done", name=name, exit=followed.code, oom=followed.out_of_memory, rows=list(rows))
    execs.remove(deploy.engine, name)
    traced.drop()
    attempt = Attempt(followed, watched, rows, traced)
    if followed.code:
        _stop_where_the_server_goes_on(deploy, attempt, arguments[0])
    return attempt


def _stop_where_the_server_goes_on(deploy: Deploy, attempt: Attempt, verb: str) -> None:
    """Raise ``ManualActionRequired`` where the server works on though the container has ended: it may commit yet, so
    that the next run must not repeat it unasked."""
    try:
        at_work.refuse_after(deploy, attempt.watched, attempt.followed.code)
    except ManualActionRequired:
        at = failed_at(deploy, attempt.followed) if verb == "upgrade" else deploy.pending or ()
        note(deploy, attempt, Outcome(State.UNKNOWN, tracing.STILL_AT_WORK), verb, at)
        raise


def _traced(deploy: Deploy) -> Trace:
    """A trace, carried to where the container that migrates will find it."""
    url, keeps = deploy.reached.url if deploy.reached else None, deploy.inputs.keeps_entrypoint
    found = tracing.begin(deploy.engine, url, deploy.options.timeout, entrypoint=keeps)
    tracing.into_a_volume(found, deploy.inputs.project.name, deploy.built[deploy.inputs.target.service])
    return found


def _note_on_engine(deploy: Deploy, traced: Trace, name: str, arguments: Sequence[str]) -> None:
    """Have the engine know of the migration before it begins; what only reads leaves nothing."""
    if arguments[0] not in ("upgrade", "downgrade"):
        return
    lacks = traced.note_on_engine(
        deploy.inputs.project.name, run=deploy.log.run, folder=str(deploy.folder), verb=arguments[0],
        revisions=list(deploy.pending or ()), rows=list(deploy.after or ()), container=name,
        image=deploy.built[deploy.inputs.target.service],
    )  # fmt: skip
    if lacks:
        deploy.say.line(lacks)


def _has_begun(deploy: Deploy, name: str) -> bool:
    """Whether the container was started, although the command that was to start it says that it failed."""
    state = (inspect(deploy.engine, name) or {}).get("State") or {}
    return state.get("Status") not in (None, "created") and not str(state.get("StartedAt")).startswith("0001")


def _interrupt(deploy: Deploy, name: str) -> bool:
    """Stop Alembic as Ctrl-C would, so that its transaction is rolled back: another run could have begun.

    False where it does not run yet.
    """
    deploy.say.line("the lock of the database is lost, so the migration is stopped")
    with suppress(Unavailable):  # the engine has gone as well: then that is told
        return execs.kill(deploy.engine, name, "SIGINT")
    return False


def command(
    deploy: Deploy, name: str, arguments: Sequence[str], application: str, traced: Trace
) -> tuple[str, ...]:  # fmt: skip
    """The command that starts the container, and the file beside the journal by which it is of just this image."""
    inputs = deploy.inputs
    path = deploy.folder / OVERRIDE
    try:
        write_private(path, override(inputs.service, deploy.built[inputs.target.service], inputs.image_folders))
    except OSError as error:
        raise Aborted(f"{path} cannot be written: {error.strerror}") from None
    given = inputs.question.variable("PGOPTIONS")
    environment = {"PGAPPNAME": application, **traced.environment(inputs.question.variable("PYTHONPATH"))}
    if deploy.options.lock_timeout:
        environment["PGOPTIONS"] = lock_options(given, deploy.options.lock_timeout)
    compose: Compose = with_override(inputs.project, inputs.compose, inputs.program, str(path))
    return one_off(
        compose, inputs.target.service, name, inputs.evidence.alembic, arguments, environment=environment,
        working_dir=inputs.starts_in, keeps_entrypoint=inputs.keeps_entrypoint, mount=traced.mount(),
    )  # fmt: skip


def _reread(deploy: Deploy, followed: Followed) -> tuple[str, ...]:
    try:
        return deploy.rows()
    except Unavailable as error:
        raise ManualActionRequired(
            f"the migration ended with code {followed.code}, and where the database stands cannot be read: "
            f"{error.message}", commands=ways_on(deploy),
        ) from error  # fmt: skip


def _engine_gone(deploy: Deploy, name: str, error: Unavailable) -> ManualActionRequired:
    return ManualActionRequired(
        f"{error.message}; the migration may still run in {name}, or on the database server",
        commands=[("docker", "inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name),
                  ("docker", "logs", name), *ways_on(deploy)[:1]],
        hint="nothing is to be started again before that container and its session on the server have ended",
    )  # fmt: skip
