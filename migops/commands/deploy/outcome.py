"""What a failed migration has come to: judged by the rows and traces that it left, with the ways on from there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.follow import Followed
from migops.commands.deploy.inputs import DeployInputs
from migops.core.errors import Failed, ManualActionRequired, MigopsError
from migops.core.model import PlaceName
from migops.core.text import listed
from migops.database.postgres.watch import Watched
from migops.migrations.scripts import COMMITS_BY_ITSELF
from migops.runner.commits.judging import Outcome, State
from migops.runner.commits.tracing import Trace
from migops.sources.environment import Environment


def how_on(deploy: Deploy) -> str:
    """The ways on in words, for a hint: those that ``ways_on`` has commands for, and why one of them is missing."""
    look, lacking = "look first; then", _without_a_way_down(deploy)
    backup = "by the backup (what was written since is then set aside)" if deploy.backup else ""
    ways = [each for each in ("" if lacking else "by the downgrade", backup) if each]
    if ways:
        look = f"{look} either mend what failed and deploy again, or take the database back: {', or '.join(ways)}"
    else:
        look = f"{look} mend what failed and deploy again"
    return f"{look}. A downgrade is no way back here: {lacking}" if lacking else look


def _without_a_way_down(deploy: Deploy) -> str:
    """Why ``migops alembic`` cannot take the database back; '' where it can, or where nothing is to be taken back.

    It runs what the name means once this run is walked back: that is the image that was there before.
    """
    graph, before = deploy.inputs.history, deploy.before or ()
    if not deploy.has_moved:
        return ""
    if len(before) > 1:
        return f"the database was at {listed(before)}, and no downgrade leads to several rows"
    done = graph.ancestors(deploy.after or ())
    if not done.issuperset(before):
        return f"{listed(before)} is not below {listed(deploy.after or ()) or 'nothing'}"
    applied = done - graph.ancestors(before)
    if oneway := sorted(each for each in applied if not graph.by_id[each].has_downgrade):
        return f"{listed(oneway)} has no downgrade"
    if lacking := sorted((applied | set(deploy.after or ())) - _known_before(deploy.inputs)):
        further = deploy.inputs.rollbacks.get(deploy.inputs.target.service)
        lacks = "is not known to have a" if further and further.leads_further else "has no"
        return f"the image that was there before {lacks} script for {listed(lacking)}"
    return ""


def _known_before(inputs: DeployInputs) -> frozenset[str]:
    """The revisions that Alembic has scripts of in the old image, or in an old container that shows the host's."""
    for each in inputs.evidence.containers:
        if each.is_bound and not each.one_off and isinstance(each.found, Environment):
            return frozenset(each.found.graph.by_id)
    further, graph = inputs.rollbacks.get(inputs.target.service), inputs.evidence.graphs.get(PlaceName.IMAGE)
    return frozenset(graph.by_id) if graph and not (further and further.leads_further) else frozenset()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of Alembic: how it ended, what was seen of it, the rows that the database has after it, and its trace."""

    followed: Followed
    watched: Watched
    rows: tuple[str, ...]
    trace: Trace


def verdict(deploy: Deploy, attempt: Attempt, commits: Outcome, left: Sequence[str]) -> MigopsError:
    """What a migration that failed has come to: 6 where the database is as it was, 7 where it is not.

    ``commits`` is what has become of its transactions, ``left`` how the catalogue differs from before.
    """
    followed, before = attempt.followed, deploy.before or ()
    _explain(deploy, followed)
    at = failed_at(deploy, followed)
    how = f"{_why(attempt)}, at {' or '.join(at)}"
    stands, was = listed(attempt.rows) or "nothing", listed(before) or "nothing"
    if attempt.rows == deploy.inputs.heads:
        return ManualActionRequired(
            f"the migration {how}; yet the database is at {stands}, where it was to go: its last answer was lost, or "
            "what env.py does after the migration failed",
            commands=ways_on(deploy), hint="see above what failed; deploying again goes on from here",
        )  # fmt: skip
    if attempt.rows != before:
        part = f"; {deploy.stays}" if deploy.stays else ""
        alone = "; so it was not taken back: a downgrade takes back whole revisions only"
        return ManualActionRequired(
            f"the migration {how}; the database has moved from {was} to {stands}, and the old application runs on it"
            f"{part}{alone if part and deploy.options.on_failure == 'downgrade' else ''}",
            commands=ways_on(deploy),
            hint=f"{how_on(deploy)}{_again(deploy, commits, at) if attempt.trace.url is not None else ''}",
        )
    if attempt.trace.url is None:
        return _unknown_elsewhere(deploy, how, at, was)
    if left or not commits.is_nothing:
        return ManualActionRequired(
            f"the migration {how}; the database is noted at {was}, but {_stays(commits, left)}",
            commands=ways_on(deploy),
            hint="see what it has done, and undo that by hand or restore the backup; then mend the script"
            + _again(deploy, commits, at),
        )
    return Failed(f"the migration {how}; the database is at {was}, as it was")


def stays(deploy: Deploy, attempt: Attempt, commits: Outcome) -> str:
    """What a migration that failed has, or may have, committed of a revision that is not noted; '' where nothing.

    Where no PostgreSQL can be asked, only the scripts' text tells.
    """
    if attempt.trace.url is not None:
        return "" if commits.is_nothing else _stays(commits, ())
    at = failed_at(deploy, attempt.followed)
    return f"part of {' or '.join(at)} may stay: it commits in between" if _commits_by_itself(deploy, at) else ""


def _stays(commits: Outcome, left: Sequence[str]) -> str:
    """What has stayed of a revision, or why that is not known."""
    behind = f"left behind: {'; '.join(left[:5])}" if left else ""
    if commits.state is State.SOMETHING or left:
        return f"part of the revision stays: {'; '.join(each for each in (behind, commits.why) if each)}"
    return f"whether part of the revision stays is not known: {commits.why}"


def _again(deploy: Deploy, commits: Outcome, at: Sequence[str]) -> str:
    """How the next deploy is told that it may run the revision once more."""
    if commits.is_nothing:
        return ""
    words = " ".join(f"--repeat {each}" for each in (commits.steps or at))
    return f"; the next deploy stops before it runs that again, until it is told: {words}"


def _unknown_elsewhere(deploy: Deploy, how: str, at: Sequence[str], was: str) -> MigopsError:
    """No other server tells what has been committed: only the script's text does."""
    if _commits_by_itself(deploy, at):
        return ManualActionRequired(
            f"the migration {how}; the database is noted at {was}, but it commits in between, so part of it may stay",
            commands=ways_on(deploy), hint="take that away by hand, or restore the backup; then mend the script",
        )  # fmt: skip
    return Failed(
        f"the migration {how}; the database is noted at {was}, as before. Only PostgreSQL tells whether anything else "
        "was committed: look, if the script does more than one transaction"
    )


def failed_at(deploy: Deploy, followed: Followed) -> tuple[str, ...]:
    """The revision that it was at, by Alembic's logging or its traceback; where neither tells, all that may be it."""
    if followed.revision:
        return (followed.revision,)
    history, pending = deploy.inputs.history, deploy.pending or ()
    named = tuple(each for each in pending if Path(history.by_id[each].path).name == followed.script)
    return named or pending


def _why(attempt: Attempt) -> str:
    if attempt.watched.lost:
        return f"was stopped, because {attempt.watched.lost}"
    if attempt.followed.out_of_memory:
        return "ran out of memory and was killed (OOM)"
    if blockers := attempt.watched.blockers:
        return f"gave up waiting for a lock that {'; '.join(map(str, blockers))} holds"
    if "lock timeout" in attempt.followed.text:
        return "gave up waiting for a lock (who holds it was not seen)"
    return f"failed with code {attempt.followed.code}"


def ways_on(deploy: Deploy) -> list[tuple[str, ...]]:
    """What an operator can type: look, deploy again, or go back by the backup; or by downgrading, where that works."""
    commands = deploy.inputs.target.commands
    before = deploy.before or ()
    ways = [commands.migops("status")]
    if deploy.has_moved:
        services = (each.name for each in deploy.inputs.services)
        ways.append(commands.migops("rebuild-and-migrate", *services, service=""))
        if not _without_a_way_down(deploy):
            to = before[0] if before else "base"
            ways.append(commands.alembic("downgrade", to))
    if deploy.backup is not None:
        ways.append(commands.migops("restore", str(deploy.backup)))
    return ways


def _commits_by_itself(deploy: Deploy, revisions: Sequence[str]) -> bool:
    """Whether a script that was run, up to these, commits in between: then a failure leaves what was done before."""
    pending = deploy.pending or ()
    last = max((pending.index(each) for each in revisions if each in pending), default=len(pending) - 1)
    for each in pending[: last + 1]:
        found = deploy.inputs.history.by_id.get(each)
        script = next((one for one in deploy.inputs.host.scripts.values() if found and one.path == found.path), None)
        try:
            text = script.content or Path(script.path).read_bytes() if script else b""
        except OSError:
            return True  # it was taken away meanwhile: to be on the safe side
        if COMMITS_BY_ITSELF.search(text):
            return True
    return False


def _explain(deploy: Deploy, followed: Followed) -> None:
    """The end of what Alembic said, and what migops knows of such a failure."""
    from migops.commands.failures.explain import lines, recognise
    from migops.commands.failures.inputs import FailureInputs

    for line in followed.tail:
        deploy.say.line(f"  | {line}")
    if known := recognise(followed.text):
        inputs = FailureInputs(deploy.inputs.target, ("upgrade",))
        for line in lines(*known, inputs):
            deploy.say.line(line)
