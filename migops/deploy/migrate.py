"""The step that migrates: Alembic in a detached container of the built image, watched, judged by the rows it leaves."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import uniform
from typing import Any

from migops.deploy import shell
from migops.deploy.commands import Compose, lock_options, migrating, one_off, override, with_override
from migops.deploy.deploy import Deploy
from migops.deploy.facts import Facts
from migops.deploy.follow import Followed, follow
from migops.deploy.trace import trace
from migops.engine import execs
from migops.engine.containers import inspect
from migops.errors import Failed, MigopsError, NoVerdict, Operator
from migops.rules.standing import listed
from migops.safety.watch import Watched, watch

TRIES = 3  # how often a migration is begun that gave up waiting for a lock, with nothing applied
PAUSE = (1.0, 3.0)  # seconds between two tries, by chance in between
OVERRIDE = "migrate.compose.yaml"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of Alembic: how it ended, what was seen of it, and the rows that the database has after it."""

    followed: Followed
    watched: Watched
    rows: tuple[str, ...]


def upgrade(deploy: Deploy) -> dict[str, Any]:
    """Apply what is pending. What counts is not what Alembic says but the rows that the database has afterwards."""
    if not deploy.pending:
        return {"rows": list(deploy.rows()), "skipped": "nothing is pending"}
    target = goal(deploy.facts)
    before = deploy.before or ()
    traces = trace(deploy)
    for number in range(1, TRIES + 1):
        deploy.check()
        attempt = run(deploy, ("upgrade", target))
        if attempt.followed.code == 0:
            _tell(deploy, attempt)
            return {"rows": list(attempt.rows), "attempts": number}
        waited = attempt.watched.was_cancelled or "lock timeout" in attempt.followed.text
        nothing_done = attempt.rows == before and trace(deploy) == traces
        if not (waited and nothing_done and number < TRIES) or deploy.stop.came:
            break
        deploy.say.line(f"nothing was applied; it is tried again ({number + 1} of {TRIES})")
        time.sleep(uniform(*PAUSE))  # noqa: S311 - no secret
    raise verdict(deploy, attempt, left=sorted(trace(deploy) ^ traces))


def goal(facts: Facts) -> str:
    """What Alembic is told to upgrade to."""
    return "heads" if facts.target.many_heads else "head"


def _tell(deploy: Deploy, attempt: Attempt) -> None:
    """A line for each revision that Alembic's own logging did not tell of."""
    for each in deploy.pending or ():
        if each not in attempt.followed.revisions:
            deploy.say.line(f"upgrade   {each}  {deploy.facts.history.by_id[each].message}".rstrip())


def gate(deploy: Deploy) -> dict[str, Any]:
    """The database is where the image's history ends."""
    rows, heads = deploy.rows(), deploy.facts.heads
    if rows != heads:
        raise Operator(
            f"the database is at {listed(rows) or 'nothing'} after the migration, not at {listed(heads)}: someone else "
            "migrates, or env.py writes to another database than the one that migops reads",
            commands=ways_on(deploy),
        )
    return {"rows": list(rows)}


def go_back(deploy: Deploy) -> dict[str, Any]:
    """Take the database back by the new image, where that was asked for and every script can; else it stays.

    It is left alone where it has not moved, and where only part of a revision was applied: Alembic does not know that.
    """
    before = deploy.before or ()
    if not deploy.has_moved:
        return {"skipped": "the database is where it was"}
    if deploy.options.on_failure != "downgrade":
        return {"skipped": "--on-failure downgrade was not said"}
    lacking = [each for each in deploy.pending or () if not deploy.facts.history.by_id[each].has_downgrade]
    if lacking or len(before) > 1:
        raise Failed(f"the database cannot be taken back: {listed(lacking) or 'several rows'} without a way down")
    attempt = run(deploy, ("downgrade", before[0] if before else "base"))
    if attempt.rows != before:
        raise Failed(f"the downgrade ended with code {attempt.followed.code}, at {listed(attempt.rows) or 'nothing'}")
    deploy.taken_back = True
    return {"rows": list(attempt.rows)}


def run(deploy: Deploy, arguments: Sequence[str]) -> Attempt:
    """Run Alembic with these words in a one-off container of the built image, to its end, and read the rows then."""
    name = migrating(deploy.facts.project.name)
    application = f"migops-{secrets.token_hex(6)}"
    words = command(deploy, name, arguments, application)
    deploy.log.note("container", "started", name=name, application=application, arguments=list(arguments))
    since = deploy.session.now() if deploy.session else None
    ran = shell.run(deploy, words, may_end=False)
    if ran.code:
        execs.remove(deploy.engine, name)
        raise Failed(f"the container that migrates could not be started (code {ran.code}); nothing was applied")
    watched = Watched()
    try:
        if deploy.session is None:
            followed = follow(deploy.engine, name, deploy.say.line)
        else:
            with watch(
                deploy.session, application=application, addresses=lambda: addresses(deploy, name), since=since,
                alone=True, lock_timeout=deploy.options.lock_timeout, say=deploy.say.line,
            ) as watched:  # fmt: skip
                followed = follow(deploy.engine, name, deploy.say.line)
    except NoVerdict as error:
        raise _engine_gone(deploy, name, error) from error
    deploy.log.note("container", "done", name=name, exit=followed.code, oom=followed.out_of_memory)
    if watched.lost:
        deploy.session = None  # gone with the server's restart, say: the lock is taken anew before anything else
    rows = _reread(deploy, followed)
    execs.remove(deploy.engine, name)
    return Attempt(followed, watched, rows)


def command(deploy: Deploy, name: str, arguments: Sequence[str], application: str) -> tuple[str, ...]:
    """The command that starts the container, and the file beside the journal by which it is of just this image."""
    facts = deploy.facts
    path = deploy.folder / OVERRIDE
    path.write_text(override(facts.service, deploy.built[facts.target.service], facts.image_folders))
    given = facts.question.variable("PGOPTIONS")
    environment = {"PGAPPNAME": application}
    if deploy.options.lock_timeout:
        environment["PGOPTIONS"] = lock_options(given, deploy.options.lock_timeout)
    compose: Compose = with_override(facts.project, facts.compose, facts.program, str(path))
    return one_off(
        compose, facts.target.service, name, facts.evidence.alembic, arguments, environment=environment,
        working_dir=facts.starts_in, keeps_entrypoint=facts.keeps_entrypoint,
    )  # fmt: skip


def addresses(deploy: Deploy, name: str) -> list[str]:
    """The addresses of a container in its networks."""
    networks = ((inspect(deploy.engine, name) or {}).get("NetworkSettings") or {}).get("Networks") or {}
    return [str(each["IPAddress"]) for each in networks.values() if each and each.get("IPAddress")]


def verdict(deploy: Deploy, attempt: Attempt, left: Sequence[str]) -> MigopsError:
    """What a migration that failed has come to: 6 where the database is as it was, 7 where it is not."""
    followed, before = attempt.followed, deploy.before or ()
    _explain(deploy, followed)
    why = "ran out of memory and was killed" if followed.out_of_memory else f"failed with code {followed.code}"
    if blockers := attempt.watched.blockers:
        why = f"gave up waiting for a lock that {'; '.join(map(str, blockers))} holds"
    at = followed.revision or (deploy.pending or ("?",))[0]
    if attempt.rows != before:
        return Operator(
            f"the migration {why}, at {at}; the database has moved from {listed(before) or 'nothing'} to "
            f"{listed(attempt.rows) or 'nothing'}, and the old application runs on it",
            commands=ways_on(deploy),
        )
    if left or _committed_by_itself(deploy, at):
        what = f"left behind: {'; '.join(left[:5])}" if left else "it commits in between (autocommit_block)"
        return Operator(
            f"the migration {why} in revision {at}, and the revision is not noted, but part of it stays: {what}",
            commands=ways_on(deploy),
        )
    return Failed(f"the migration {why}, at {at}; the database is at {listed(before) or 'nothing'}, as it was")


def ways_on(deploy: Deploy) -> list[tuple[str, ...]]:
    """What an operator can type: go back by downgrading, or by the backup; or look."""
    from migops.deploy.preflight import long_options

    options = deploy.facts.target.commands.compose[2:]
    before = deploy.before or ()
    ways: list[tuple[str, ...]] = [("migops", "status", *options, deploy.facts.target.service)]
    if deploy.has_moved:
        to = before[0] if len(before) == 1 else "base"
        if len(before) <= 1:
            ways.append(("migops", "alembic", *long_options(options), "downgrade", to))
    if deploy.backup is not None:
        ways.append(("migops", "restore", *options, str(deploy.backup), deploy.facts.target.service))
    return ways


def _committed_by_itself(deploy: Deploy, revision: str) -> bool:
    """Whether the script of the revision commits in between, so that a failure leaves what was done before."""
    found = deploy.facts.history.by_id.get(revision)
    script = next((each for each in deploy.facts.host.scripts.values() if found and each.path == found.path), None)
    text = script.content or Path(script.path).read_bytes() if script else b""
    return bool(re.search(rb"autocommit_block|isolation_level\W+AUTOCOMMIT|\.commit\(\)", text))


def _reread(deploy: Deploy, followed: Followed) -> tuple[str, ...]:
    try:
        return deploy.rows()
    except NoVerdict as error:
        raise Operator(
            f"the migration ended with code {followed.code}, and where the database stands cannot be read: "
            f"{error.message}", commands=ways_on(deploy),
        ) from error  # fmt: skip


def _engine_gone(deploy: Deploy, name: str, error: NoVerdict) -> Operator:
    return Operator(
        f"{error.message}; the migration may still run in {name}, or on the database server",
        commands=[("docker", "inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", name),
                  ("docker", "logs", name), *ways_on(deploy)[:1]],
        hint="nothing is to be started again before that container and its session on the server have ended",
    )  # fmt: skip


def _explain(deploy: Deploy, followed: Followed) -> None:
    """The end of what Alembic said, and what migops knows of such a failure."""
    from migops.failures.explain import lines, recognise
    from migops.failures.scene import Scene

    for line in followed.tail:
        deploy.say.line(f"  | {line}")
    if known := recognise(followed.text):
        scene = Scene(deploy.facts.target, ("upgrade",))
        for line in lines(*known, scene):
            deploy.say.line(line)
