"""A rule, and how it is checked against the evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from migops.analysis.evidence import Evidence
from migops.core.model import Absent, Finding, NotAsked, PlaceName, Remedy, Severity, Skipped, Subject, Unknown

Check = Callable[[Evidence], Iterable["Match | Undetermined"]]


@dataclass(frozen=True, slots=True)
class Undetermined:
    """Result of a rule whose evidence is unknown: the rule is skipped for this reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Match:
    """Result of a rule for one subject; ``Rule.judge`` adds the rule's id, name and severity."""

    subject: Subject
    message: str
    cause: str
    link: tuple[PlaceName, PlaceName] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    remedy: tuple[Remedy, ...] = ()
    severity: Severity | None = None  # if it is not the rule's own


@dataclass(frozen=True, slots=True)
class Rule:
    """A named check of the evidence.

    ``needs``: places without which it cannot run. ``lint``: only doctor runs it. ``on_request``: runs only if
    ``evidence.drift`` was asked for.
    """

    id: str
    name: str
    severity: Severity
    needs: tuple[PlaceName, ...]
    check: Check
    lint: bool = False
    on_request: bool = False

    @property
    def command(self) -> str:
        """The first of check-image, status and doctor that reads the rule's evidence."""
        if self.lint:
            return "doctor"
        return "check-image" if {PlaceName.GIT, PlaceName.DATABASE}.isdisjoint(self.needs) else "status"

    @property
    def explanation(self) -> str:
        """The meaning of the rule, its causes and its fix: the docstring of its function."""
        return self.check.__doc__ or ""

    @property
    def summary(self) -> str:
        """The first line of the explanation."""
        return self.explanation.strip().split("\n", 1)[0]

    def judge(self, evidence: Evidence) -> Iterator[Finding | Skipped]:
        """The findings, or why there can be none. A place that nobody asked for is not reported."""
        if (self.on_request and evidence.drift is None) or (self.lint and evidence.setup is None):
            return
        readings = {place: evidence.reading(place) for place in self.needs}
        undetermined = [
            f"{place.value}: {read.reason}" for place, read in readings.items() if isinstance(read, Unknown)
        ]
        if undetermined:
            yield Skipped(self.id, "; ".join(undetermined))
        elif not any(isinstance(read, (Absent, NotAsked)) for read in readings.values()):
            for match in self.check(evidence):
                yield Skipped(self.id, match.reason) if isinstance(match, Undetermined) else self._finding(match)

    def _finding(self, match: Match) -> Finding:
        return Finding(
            self.id, self.name, match.severity or self.severity,
            match.subject, match.message, match.cause, match.link, match.facts, match.remedy,
        )  # fmt: skip
