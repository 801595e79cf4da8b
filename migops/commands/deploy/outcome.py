"""What the outcome of a migration that failed means for a deploy: the exit code, and the sentence."""

from __future__ import annotations

from collections.abc import Sequence

from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.follow import Followed
from migops.commands.deploy.next_steps import next_steps, next_steps_hint, typed_again
from migops.commands.deploy.process import failed_at
from migops.core.errors import Failed, ManualActionRequired, MigopsError
from migops.core.text import listed
from migops.runner.commits.outcome import State
from migops.runner.outcome import MigrationOutcome, Rows


def failure(deploy: Deploy, followed: Followed, outcome: MigrationOutcome) -> MigopsError:
    """What a migration that failed has come to: 6 where the database is as it was, 7 where it is not."""
    explain_end(deploy, followed)
    at = failed_at(deploy, followed)
    how = f"{_why(followed, outcome)}, {_where(deploy, followed, outcome)}"
    stands, was = listed(outcome.after or (), "no revision"), listed(outcome.before or (), "no revision")
    if outcome.rows is Rows.AS_EXPECTED:
        return ManualActionRequired(
            f"the migration {how}; yet the database is at {stands}, as intended: its last answer was lost, or "
            "env.py failed after the migration",
            commands=next_steps(deploy), hint="see above what failed; the next deploy continues from here",
        )  # fmt: skip
    if outcome.rows is not Rows.AS_BEFORE:
        part = f"; {deploy.record.stays}" if deploy.record.stays else ""
        alone = "; so it was not downgraded: a downgrade undoes whole revisions only"
        return ManualActionRequired(
            f"the migration {how}; the database has moved from {was} to {stands}, and the old application runs on it"
            f"{part}{alone if part and deploy.options.on_failure == 'downgrade' else ''}",
            commands=next_steps(deploy), hint=f"{next_steps_hint(deploy)}{_again(outcome, at)}",
        )  # fmt: skip
    if outcome.commits is None:
        return _unknown_elsewhere(deploy, outcome, how, was)
    if outcome.remains is not State.NOTHING:
        return ManualActionRequired(
            f"the migration {how}; the database is still at {was}, but {_part_stays(outcome)}",
            commands=next_steps(deploy),
            hint="check what it has done, and undo that by hand or restore the backup; then fix the script"
            + _again(outcome, at),
        )
    return Failed(f"the migration {how}; the database is at {was}, as it was")


def stays(outcome: MigrationOutcome, at: Sequence[str]) -> str:
    """What a migration that failed has, or may have, committed of a revision that is not noted; '' where nothing.

    Where no PostgreSQL can be asked, only the scripts' text tells. ``at`` is where it failed.
    """
    if outcome.commits is not None:
        return "" if outcome.commits.is_nothing else _part_stays(outcome)
    which = at[0] if len(at) == 1 else "a revision"
    return f"part of {which} may stay: it commits in between" if outcome.scripts else ""


def _part_stays(outcome: MigrationOutcome) -> str:
    """What has stayed of a revision, or why that is not known."""
    behind = f"left behind: {'; '.join(outcome.left[:5])}" if outcome.left else ""
    why = outcome.commits.why if outcome.commits else ""
    if outcome.remains is State.SOMETHING:
        return f"part of the revision stays: {'; '.join(each for each in (behind, why) if each)}"
    return f"whether part of the revision stays is not known: {why}"


def _again(outcome: MigrationOutcome, at: Sequence[str]) -> str:
    """How the next deploy is told that it may run the revision once more."""
    commits = outcome.commits
    if commits is None or commits.is_nothing:
        return ""
    words = " ".join(f"--repeat {each}" for each in (commits.steps or at))
    return f"; the next deploy stops before it runs that again, unless you add: {words}"


def _unknown_elsewhere(deploy: Deploy, outcome: MigrationOutcome, how: str, was: str) -> MigopsError:
    """No other server tells what has been committed: only the script's text does."""
    if outcome.is_before_first:
        return Failed(f"the migration {how}; the database is at {was}, as it was")
    if outcome.scripts:
        return ManualActionRequired(
            f"the migration {how}; the database is still at {was}, but it commits in between, so part of it may stay",
            commands=next_steps(deploy), hint="undo that by hand, or restore the backup; then fix the script",
        )  # fmt: skip
    return Failed(
        f"the migration {how}; the database is still at {was}, as before. Only PostgreSQL can show whether anything "
        "else was committed: check, if the script uses more than one transaction"
    )


_NOT_STARTED = (125, 126, 127)
"""Exit codes of docker and of shells for a program that they could not start."""


def _where(deploy: Deploy, followed: Followed, outcome: MigrationOutcome) -> str:
    """The revision that it was at, by its output; else as much as that shows."""
    pending, at = deploy.record.pending or (), failed_at(deploy, followed, unknown=()) or (outcome.reached,)
    if at[0]:
        return f"at {at[0]}"
    if outcome.is_before_first or followed.code in _NOT_STARTED:
        return "before its first revision"
    if len(pending) == 1:
        return f"at {pending[0]} or before it"
    return f"at one of the {len(pending)} pending revisions or before them: its output does not show which"


def _why(followed: Followed, outcome: MigrationOutcome) -> str:
    if outcome.lost:
        return f"was stopped, because {outcome.lost}"
    if followed.out_of_memory:
        return "ran out of memory and was killed (OOM)"
    if outcome.gave_up_waiting and outcome.blockers:
        return f"gave up waiting for a lock that {'; '.join(map(str, outcome.blockers))} holds"
    if outcome.gave_up_waiting:
        return "gave up waiting for a lock (who holds it was not seen)"
    return f"failed with code {followed.code}"


def explain_end(deploy: Deploy, followed: Followed, verb: str = "upgrade") -> None:
    """The end of what Alembic said, and what migops knows of such a failure."""
    from migops.commands.failures import explain

    for line in followed.tail:
        deploy.say.line(f"  | {line}")
    target = deploy.inputs.target
    again = typed_again(deploy)
    for line in explain(followed.text, target, deploy.engine, (verb,), code=followed.code, again=again):
        deploy.say.line(line)
