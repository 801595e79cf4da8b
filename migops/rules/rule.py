"""What a rule is, and how rules are judged on evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from migops.analysis.evidence import Evidence
from migops.core.model import Absent, Finding, NotAsked, PlaceName, Remedy, Severity, Skipped, Subject, Unknown

Check = Callable[[Evidence], Iterable["Match | Undetermined"]]


@dataclass(frozen=True, slots=True)
class Undetermined:
    """What a rule's function says where its evidence is unknown: the rule is skipped for this reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Match:
    """What a rule's function says of one subject; ``Rule.judge`` adds the rule's own id, name and severity."""

    subject: Subject
    message: str
    cause: str
    link: tuple[PlaceName, PlaceName] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    remedy: tuple[Remedy, ...] = ()
    severity: Severity | None = None  # where it is not the rule's own


@dataclass(frozen=True, slots=True)
class Rule:
    """A named question to the evidence.

    ``needs`` are the places without which it cannot be answered. ``lint``: it looks at what only doctor reads.
    ``on_request``: it is judged only where ``evidence.drift`` was asked for.
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
        """The first of check-image, status and doctor that reads what the rule looks at."""
        if self.lint:
            return "doctor"
        return "check-image" if {PlaceName.GIT, PlaceName.DATABASE}.isdisjoint(self.needs) else "status"

    @property
    def explanation(self) -> str:
        """What the rule means, why it happens, how to fix it: the docstring of its function."""
        return self.check.__doc__ or ""

    @property
    def summary(self) -> str:
        """The first line of the explanation."""
        return self.explanation.strip().split("\n", 1)[0]

    def judge(self, evidence: Evidence) -> Iterator[Finding | Skipped]:
        """The findings, or why there can be none. A place nobody asked for is no reason worth a word."""
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
