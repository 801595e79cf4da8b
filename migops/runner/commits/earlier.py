"""What earlier runs may have committed in part: read from the journals and from the notes on the engine, and judged."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migops.core.errors import Unavailable
from migops.docker import Engine
from migops.runner.commits import carrying, marks
from migops.runner.commits.carrying import Carried
from migops.runner.commits.marks import Mark
from migops.runner.commits.outcome import Outcome, State, judge
from migops.runner.commits.record import read, untraced
from migops.runner.commits.repeating import Doubt, EarlierRuns
from migops.state import journal
from migops.state.journal import Run

if TYPE_CHECKING:
    from migops.database import DatabaseUrl

_MIGRATING = ("container", "alembic")  # the steps that run Alembic: of a deploy, of ``migops alembic``
_CUT_OFF = ("", "operator", "interrupted", "bug")  # outcomes of runs that may have lost sight of their migration


@dataclass(frozen=True, slots=True)
class Asked:
    """What a killed run is judged by: the engine, the database, and its version table's rows now."""

    engine: Engine
    project: str
    url: DatabaseUrl
    timeout: float
    rows: Sequence[str]

    def outcome(self, begun: Mapping[str, Any], carried: Carried | None) -> Outcome:
        """What a run that was killed has committed, as far as its trace tells."""
        try:
            record = read(self._record(begun, carried))
        except Unavailable as error:
            record = untraced(f"it was killed while it migrated, and its trace is lost: {error.message}")
        moved = tuple(sorted(begun.get("rows") or ())) != tuple(sorted(self.rows))
        entrypoint = bool(begun.get("entrypoint"))
        return judge(record, self.url, self.timeout, since=begun.get("next_xid"), moved=moved, entrypoint=entrypoint)

    def _record(self, begun: Mapping[str, Any], carried: Carried | None) -> bytes:
        if carried is None:
            raise Unavailable("nothing was traced")
        if carried.volume:
            return carrying.left_behind(self.engine, self.project, str(begun.get("image")), carried)
        return carrying.record_of(self.engine, carried.container, carried)


@dataclass(slots=True)
class _Found:
    """A ``EarlierRuns`` that grows. ``seen`` are the notes on the engine that a journal has told of."""

    asked: Asked
    doubts: list[Doubt] = field(default_factory=list)
    harmless: list[int] = field(default_factory=list)
    traces: list[Carried] = field(default_factory=list)
    useless: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def judge(self, doubt: Doubt, begun: Mapping[str, Any]) -> bool:
        """Judge a run that was killed; whether it has committed nothing. ``doubt`` says all but what has become."""
        carried = _carried(begun)
        outcome = self.asked.outcome(begun, carried)
        if outcome.is_nothing:
            self.useless += doubt.marks
            self.traces += [carried] if carried else []
        else:
            revisions = outcome.steps or doubt.revisions
            self.doubts.append(
                replace(doubt, revisions=revisions, outcome=outcome, carried=carried, was_killed=True)
            )  # fmt: skip
        return outcome.is_nothing


def look(
    folder: Path, engine: Engine, project: str, url: DatabaseUrl, timeout: float, rows: Sequence[str],
    taken_from: Sequence[Path] = (),
) -> EarlierRuns:  # fmt: skip
    """Read the journals and the engine's notes, and judge each run that was killed while it migrated by its trace.

    To be called under the locks of host and engine: what has not ended then has been killed. ``rows`` are the version
    table's; ``taken_from`` the state folders of runs whose lock was taken over. Raises ``Unavailable`` where the engine
    does not list its volumes.
    """
    there = {each.name: each for each in marks.found(engine, project)}
    judged = _Found(Asked(engine, project, url, timeout, rows))
    for where in (
        *(each for each in dict.fromkeys(taken_from) if each != folder),
        folder,
    ):  # our own have the last word
        _of_journals(judged, where, there, "" if where == folder else str(where))
    own = judged.doubts
    judged.doubts = []
    for name, mark in there.items():
        if name not in judged.seen:
            _of_mark(judged, mark)
    doubts = (*judged.doubts, *own)
    needed = {each.carried.volume for each in doubts if each.carried}
    stray = [Carried("", name) for name in marks.volumes(engine, carrying.LABEL, project) if name not in needed]
    traces = {each.volume or each.container: each for each in (*stray, *judged.traces)}
    return EarlierRuns(doubts, tuple(judged.harmless), tuple(traces.values()), tuple(judged.useless))


def keep(past: EarlierRuns, engine: Engine, project: str) -> EarlierRuns:
    """Have the engine tell of what only another state folder's journal told: its lock is not taken over again."""
    doubts = []
    for each in past.doubts:
        is_known = not each.where or each.marks
        names = each.marks if is_known else (marks.put(engine, project, {"folder": each.where, **each.facts()}),)
        doubts.append(replace(each, marks=names))
    return replace(past, doubts=tuple(doubts))


def _of_journals(judged: _Found, folder: Path, there: Mapping[str, Mark], where: str) -> None:
    """What the journals of one state folder tell; which notes on the engine are of their runs."""
    runs = journal.runs(folder)
    doubts, killed = told(runs, {run.number for run in journal.interrupted(folder)})
    settled = _settled(runs)
    for run in runs:
        names = tuple(name for name in dict.fromkeys((*_marks(runs, run), *_kept(where, run, there))) if name in there)
        if run.number in doubts:
            judged.doubts.append(replace(doubts[run.number], where=where, marks=names))
        elif run.number in killed:
            begun = killed[run.number][1]
            unknown = Outcome(State.UNKNOWN)
            doubt = Doubt(run.number, _verb(run, begun), _revisions(begun), unknown, where, names)
            if judged.judge(doubt, begun) and not where:
                judged.harmless.append(run.number)
        elif run.number in settled or run.outcome not in _CUT_OFF:
            judged.useless += names
        else:
            continue  # it was cut off after it had migrated: its note is judged
        judged.seen |= set(names)


def _of_mark(judged: _Found, mark: Mark) -> None:
    """What a note on the engine tells of which no journal here does."""
    facts = mark.facts
    number = int(facts["run"]) if str(facts.get("run")).isdecimal() else 0
    by = f" ({facts['by']})" if facts.get("by") else ""
    where = f"{facts.get('folder') or 'an unknown one'}{by}"
    unknown = Outcome(State.UNKNOWN, f"its record on the engine, {mark.name}, cannot be read")
    doubt = Doubt(number, str(facts.get("verb") or ""), _revisions(facts), unknown, where, (mark.name,))
    state = next((each for each in State if each.value == facts.get("state")), None)
    if state is not None:
        judged.doubts.append(replace(doubt, outcome=Outcome(state, str(facts.get("why")))))
    elif facts:
        judged.judge(doubt, facts)
    else:
        judged.doubts.append(doubt)


def _marks(runs: Sequence[Run], run: Run) -> Iterator[str]:
    """The names of the notes on the engine that are of a run."""
    yield from (str(step["mark"]) for step in run.steps if step.get("mark") and step.get("step") != "earlier")
    later = (step for each in runs for step in each.steps if step.get("status") == "judged")
    yield from (str(step["mark"]) for step in later if step.get("mark") and step.get("run") == run.number)


def _kept(where: str, run: Run, there: Mapping[str, Mark]) -> Iterator[str]:
    """The names of the notes that were made for a run of another state folder, which its journal does not know."""
    for name, mark in there.items():
        if where and (mark.facts.get("folder"), mark.facts.get("run")) == (where, run.number):
            yield name


def _settled(runs: Sequence[Run]) -> set[int]:
    """The runs of which nothing is asked any more."""
    steps = [step for run in runs for step in run.steps if step.get("step") in ("earlier", "repeat")]
    numbers = {number for step in steps for number in (step.get("run"), *(step.get("runs") or ()))}
    return {each for each in numbers if each is not None}


def _carried(begun: Mapping[str, Any]) -> Carried | None:
    """Where the trace of a run is; None where it had none."""
    where = begun.get("trace")
    if not where:
        return None
    container = str(where.get("container") or begun.get("container") or "")
    return Carried(str(where.get("folder")), str(where.get("volume") or ""), container)


_Killed = tuple[Run, Mapping[str, Any]]


def told(runs: Sequence[Run], latest: Collection[int]) -> tuple[dict[int, Doubt], dict[int, _Killed]]:
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
            if step.get("status") == "judged":
                doubts[int(step["run"])] = _noted(int(step["run"]), str(step["state"]), step)
            if step.get("step") == "commits":
                doubts[run.number] = _noted(run.number, str(step["status"]), step)
        begun = _cut_off(run)
        if begun is not None and ("next_xid" in begun or run.number in latest):
            killed[run.number] = (run, begun)
    return doubts, killed


def _noted(number: int, state: str, step: Mapping[str, Any]) -> Doubt:
    """A doubt as a journal has it."""
    return Doubt(number, str(step.get("verb")), _revisions(step), Outcome(State(state), str(step.get("why"))))


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
