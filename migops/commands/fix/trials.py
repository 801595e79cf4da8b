"""The trials of the edited files: whether compose accepts them, and whether the application starts with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from migops.analysis.evidence import Evidence
from migops.commands.diagnosis import Access
from migops.commands.fix.accepts import ComposeReading, objection
from migops.commands.fix.model import FileEdit
from migops.commands.fix.plan import Fixable, merged
from migops.commands.fix.result import Check
from migops.commands.fix.start import Outcome, starts
from migops.commands.fix.start_trial import TrialInputs, needs_build, refuse_database, trial_of, tried_project
from migops.core.errors import MigopsError
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
    edits: tuple[FileEdit, ...] = ()
    """Of these fixes."""
    before: ComposeReading = field(default=ComposeReading(None, "the project was not read before"), repr=False)
    """The project as docker compose read it before the edits."""

    @classmethod
    def of(cls, target: Target, evidence: Evidence, access: Access, fixes: Sequence[Fixable]) -> Trials:
        """The trials for these fixes."""
        return cls(target, evidence, access, tuple(fixes), merged(fixes).edits)

    def untried(self) -> tuple[Check, ...]:
        """The trials that will not be tried, each with the reason."""
        reason = self._no_start() if self._needs_start else ""
        return (Check(_START, reason),) if reason else ()

    def _no_start(self) -> str:
        """The reason that is known before anything is edited why no start can be tried; '' if one may be."""
        if self.access.engine is None:
            return "--no-engine"
        engine = self.access.engine()
        try:
            project = tried_project(self.target, engine)
            inputs = TrialInputs(self.target, project, self.evidence, engine, self.edits, lambda line: None, 0)
            refuse_database(inputs)
            trial_of(inputs, project, "migops", (), builds=needs_build(inputs))
        except MigopsError as error:
            return error.message
        return ""

    def run(self, say: Callable[[str], None]) -> tuple[Check, ...] | str:
        """The trials that passed or were not tried; or the reason why one failed."""
        accepted = self._accepted(say)
        started = self._started(say) if isinstance(accepted, tuple) else ()
        if isinstance(accepted, str) or isinstance(started, str):
            return accepted if isinstance(accepted, str) else str(started)
        return (*accepted, *started)

    @property
    def _needs_start(self) -> bool:
        return any(each.fix.needs_start for each in self.fixes)

    def _accepted(self, say: Callable[[str], None]) -> tuple[Check, ...] | str:
        project = self.target.model
        if project is None or not self.target.commands.compose:
            return ()
        if self.before.document is None:
            return (Check(_COMPOSE, self.before.reason),)
        say("asking docker compose whether it accepts the edited files")
        return objection(self.target.commands.compose, self.before, self.edits, project) or (Check(_COMPOSE),)

    def _started(self, say: Callable[[str], None]) -> tuple[Check, ...] | str:
        if not self._needs_start or self.access.engine is None:
            return self.untried()
        result = starts(self.target, self.evidence, self.access.engine(), self.edits, say=say)
        if result.outcome is not Outcome.STARTED:
            for line in result.log:
                say(f"  | {line}")
        if result.blames_edit:
            return result.message
        if result.outcome is Outcome.STARTED:
            return (Check(result.message),)  # which says for how long, if there is no health check
        return (Check(_START, result.message),)
