"""Stops a run before it repeats a revision of which an earlier one has, or may have, committed a part."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migops.core.errors import Unavailable
from migops.core.redaction import redact
from migops.docker import Engine
from migops.runner.commits import carrying, marks
from migops.runner.commits.carrying import Carried
from migops.runner.commits.outcome import Outcome, State
from migops.state.journal import Journal

if TYPE_CHECKING:
    from migops.core.printed import Commands
    from migops.runner.commits.tracing import Trace


@dataclass(frozen=True, slots=True)
class Doubt:
    """An earlier run that has, or may have, committed a part of these revisions, and why that is thought.

    ``verb`` is '' where it is not known. ``where`` is the state folder of the run, '' for our own. ``marks`` are its
    notes on the engine, ``carried`` the trace by which it was judged just now, None where its end was noted.
    """

    run: int
    verb: str
    revisions: tuple[str, ...]
    outcome: Outcome
    where: str = ""
    marks: tuple[str, ...] = ()
    carried: Carried | None = None
    was_killed: bool = False

    def sentence(self) -> str:
        """What is known of it."""
        has = "has" if self.outcome.state is State.SOMETHING else "may have"
        return f"{self._named()} {has} committed a part of it ({self.outcome.why})"

    def look(self, commands: Commands) -> tuple[str, ...]:
        """The command that shows more; ``commands`` are those of this call's project."""
        if not self.where:
            return commands.log(self.run)
        return ("docker", "volume", "inspect", *self.marks[:1]) if self.marks else commands.migops("status")

    def facts(self) -> dict[str, Any]:
        """As it is noted, without secrets."""
        return {
            "run": self.run, "verb": self.verb, "revisions": list(self.revisions),
            "state": self.outcome.state.value, "why": redact(self.outcome.why),
        }  # fmt: skip

    def _named(self) -> str:
        return f"run {self.run} of another state folder, {self.where}," if self.where else f"run {self.run}"


@dataclass(frozen=True, slots=True)
class EarlierRuns:
    """The doubts that stand, runs that were killed and have committed nothing, and what is of no use any more: traces
    and notes on the engine (``marks``)."""

    doubts: tuple[Doubt, ...] = ()
    harmless: tuple[int, ...] = ()
    traces: tuple[Carried, ...] = ()
    marks: tuple[str, ...] = ()

    def about(self, verb: str, steps: Sequence[str] | None, repeat: Collection[str]) -> dict[str, Doubt]:
        """By revision, what stands against running ``steps`` (None: not known); ``repeat`` is the user's word."""
        found: dict[str, Doubt] = {}
        for doubt in self.doubts:
            for each in doubt.revisions or steps or ():
                if doubt.verb in ("", verb) and each not in repeat and (steps is None or each in steps):
                    found[each] = doubt
        return found

    def settle(self, log: Journal, engine: Engine, project: str, repeat: Sequence[str]) -> None:
        """Note in the journal of the run that goes on what need not be asked again, and take its traces away."""
        for number in self.harmless:
            log.note("earlier", "settled", run=number)
        settled = [each for each in self.doubts if repeat and not set(each.revisions) - set(repeat)]
        if repeat:
            runs = [each.run for each in settled if not each.where]
            log.note("repeat", "noted", revisions=list(repeat), runs=runs, marks=[n for d in settled for n in d.marks])
        for doubt in self.doubts:
            if doubt in settled or (doubt.was_killed and _kept(doubt, log, engine, project)):
                _forget(engine, doubt.marks, [doubt.carried] if doubt.carried else [])
        _forget(engine, self.marks, self.traces)


def _kept(doubt: Doubt, log: Journal, engine: Engine, project: str) -> bool:
    """Note what a killed run has committed, which is certain, so that its trace is needed no more."""
    if doubt.outcome.state is not State.SOMETHING:
        return False
    try:
        mark = marks.put(engine, project, {"folder": doubt.where or str(log.path.parent.parent), **doubt.facts()})
    except Unavailable:
        return False  # its trace and its own note stay, and tell it again
    if not doubt.where:
        log.note("earlier", "judged", mark=mark, **doubt.facts())
    return True


def _forget(engine: Engine, names: Sequence[str], traces: Sequence[Carried]) -> None:
    for carried in traces:
        carrying.drop(engine, carried)
    for name in names:  # last: a trace of which nothing tells would be of no use
        marks.drop(engine, name)


def noted(
    log: Journal, outcome: Outcome, verb: str, revisions: Sequence[str], trace: Trace | None = None
) -> str:  # fmt: skip
    """Note what a run that failed has left; a sentence where it cannot be noted. ``revisions``: where none is named.

    ``trace`` is the run's, with its note on the engine.
    """
    if outcome.is_nothing:
        if trace is not None:
            trace.settle_on_engine()
        return ""
    doubt = Doubt(log.run, verb, outcome.steps or tuple(revisions), outcome)
    mark, lacks = trace.replace_on_engine(**doubt.facts()) if trace is not None else ("", "")
    facts = {"revisions": list(doubt.revisions), "verb": verb, "why": outcome.why}
    said = log.noted("commits", outcome.state.value, mark=mark, **facts)
    return "; ".join(each for each in (said, lacks) if each)
