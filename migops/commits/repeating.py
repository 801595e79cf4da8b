"""Stops a run before it repeats a revision of which an earlier one has, or may have, committed a part."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migops.commits import carrying
from migops.commits.carrying import Carried
from migops.commits.judging import Outcome, State, judge
from migops.commits.record import read, untraced
from migops.engine import Engine
from migops.errors import NoVerdict
from migops.safety import journal
from migops.safety.journal import Journal, Run

if TYPE_CHECKING:
    from migops.database import DatabaseUrl

_MIGRATING = ("container", "alembic")  # the steps that run Alembic: of a deploy, of ``migops alembic``
_CUT_OFF = ("", "operator", "interrupted", "bug")  # outcomes of runs that may have lost sight of their migration


@dataclass(frozen=True, slots=True)
class Doubt:
    """An earlier run that has, or may have, committed a part of these revisions, and why that is thought."""

    run: int
    verb: str
    revisions: tuple[str, ...]
    outcome: Outcome

    def sentence(self) -> str:
        """What is known of it."""
        if self.outcome.state is State.SOMETHING:
            return f"run {self.run} has committed a part of it ({self.outcome.why})"
        return f"run {self.run} may have committed a part of it ({self.outcome.why})"


@dataclass(frozen=True, slots=True)
class Past:
    """The doubts that stand, runs that were killed and have committed nothing, and volumes that are of no use then."""

    doubts: tuple[Doubt, ...] = ()
    harmless: tuple[int, ...] = ()
    carried: Mapping[int, Carried] = field(default_factory=dict)

    def about(self, verb: str, steps: Sequence[str] | None, repeat: Collection[str]) -> dict[str, Doubt]:
        """By revision, what stands against running ``steps`` (None: not known); ``repeat`` is the user's word."""
        found: dict[str, Doubt] = {}
        for doubt in self.doubts:
            for each in doubt.revisions or steps or ():
                if doubt.verb == verb and each not in repeat and (steps is None or each in steps):
                    found[each] = doubt
        return found

    def settle(self, log: Journal, engine: Engine, repeat: Sequence[str]) -> None:
        """Note in the journal of the run that goes on what need not be asked again, and take its traces away."""
        for number in self.harmless:
            log.note("earlier", "settled", run=number)
        settled = [each.run for each in self.doubts if repeat and not set(each.revisions) - set(repeat)]
        if repeat:
            log.note("repeat", "noted", revisions=list(repeat), runs=settled)
        for number, carried in self.carried.items():
            if number in (*self.harmless, *settled):
                carrying.drop(engine, carried)


def noted(log: Journal, outcome: Outcome, verb: str, revisions: Sequence[str]) -> str:
    """Note what a run that failed has left; a sentence where it cannot be noted. ``revisions``: where none is named."""
    if outcome.is_nothing:
        return ""
    parts = outcome.steps or tuple(revisions)
    facts = {"revisions": list(parts), "verb": verb, "why": outcome.why}
    return log.noted("commits", outcome.state.value, **facts)


def look(
    folder: Path, engine: Engine, project: str, url: DatabaseUrl, timeout: float, rows: Sequence[str]
) -> Past:  # fmt: skip
    """Read the journals, and judge each run that was killed while it migrated by what its trace has left.

    To be called under the host's lock: what has not ended then has been killed. ``rows`` are the version table's.
    """
    doubts, killed = _told(journal.runs(folder), {run.number for run in journal.interrupted(folder)})
    harmless: list[int] = []
    carried: dict[int, Carried] = {}
    for number, (run, begun) in killed.items():
        where = begun.get("trace")
        if where:
            container = str(where.get("container") or begun.get("container") or "")
            carried[number] = Carried(str(where.get("folder")), str(where.get("volume") or ""), container)
        outcome = _outcome(begun, carried.get(number), engine, project, url, timeout, rows)
        if outcome.is_nothing:
            harmless.append(number)
        else:
            doubts[number] = Doubt(number, _verb(run, begun), outcome.steps or _revisions(begun), outcome)
    return Past(tuple(doubts.values()), tuple(harmless), carried)


_Killed = tuple[Run, Mapping[str, Any]]


def _told(runs: Sequence[Run], latest: Collection[int]) -> tuple[dict[int, Doubt], dict[int, _Killed]]:
    """The doubts that the journals name, and the runs that were killed while they migrated; none that is settled.

    ``latest`` are the killed runs since the last one that ended: of 0.1.0 only these count, for ever is too long.
    """
    doubts: dict[int, Doubt] = {}
    killed: dict[int, _Killed] = {}
    for run in runs:
        for step in run.steps:
            for number in (step.get("run"), *(step.get("runs") or ())):
                if step.get("step") in ("earlier", "repeat"):
                    doubts.pop(number, None)
                    killed.pop(number, None)
            if step.get("step") == "commits":
                outcome = Outcome(State(step["status"]), str(step.get("why")))
                doubts[run.number] = Doubt(run.number, str(step.get("verb")), _revisions(step), outcome)
        begun = _cut_off(run)
        if begun is not None and ("next_xid" in begun or run.number in latest):
            killed[run.number] = (run, begun)
    return doubts, killed


def _cut_off(run: Run) -> Mapping[str, Any] | None:
    """What a run noted when it began to migrate, where it never noted how that ended."""
    begun: Mapping[str, Any] | None = None
    for step in run.steps:
        if step.get("step") in _MIGRATING:
            begun = step if step.get("status") == "started" else None
    return begun if run.outcome in _CUT_OFF else None


def _verb(run: Run, begun: Mapping[str, Any]) -> str:
    """What Alembic was told to do."""
    return str((begun.get("arguments") or [run.command.rpartition(" ")[2]])[0])


def _revisions(step: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(map(str, step.get("revisions") or ()))


def _outcome(
    begun: Mapping[str, Any], carried: Carried | None, engine: Engine, project: str, url: DatabaseUrl, timeout: float,
    rows: Sequence[str],
) -> Outcome:  # fmt: skip
    """What a run that was killed has committed, as far as its trace tells."""
    try:
        record = read(_record(begun, carried, engine, project))
    except NoVerdict as error:
        record = untraced(f"it was killed while it migrated, and its trace is lost: {error.message}")
    moved = tuple(sorted(begun.get("rows") or ())) != tuple(sorted(rows))
    entrypoint = bool(begun.get("entrypoint"))
    return judge(record, url, timeout, since=begun.get("next_xid"), moved=moved, entrypoint=entrypoint)


def _record(begun: Mapping[str, Any], carried: Carried | None, engine: Engine, project: str) -> bytes:
    if carried is None:
        raise NoVerdict("nothing was traced")
    if carried.volume:
        return carrying.left_behind(engine, project, str(begun.get("image")), carried)
    return carrying.record_of(engine, carried.container, carried)
