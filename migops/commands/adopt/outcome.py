"""What adopting came to, as the formats show it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from migops.commands.adopt.inputs import AdoptInputs
from migops.commands.adopt.match import Match


@dataclass(frozen=True, slots=True)
class Baseline:
    """A first migration, written from the models: its file on the host (to be), revision and text."""

    path: Path
    revision: str
    message: str
    content: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """``match`` is None where the database has a revision noted already.

    ``stamped`` are the revisions that were noted in the database just now, () where none was; ``baseline`` the
    migration that was written for it, if one was; ``notes`` is what there is to know of how it was tried.
    """

    inputs: AdoptInputs
    match: Match | None
    stamped: tuple[str, ...] = ()
    dry_run: bool = False
    baseline: Baseline | None = None
    notes: tuple[str, ...] = ()

    def message(self, head: str) -> str:
        """The message of a revision, '' where it has none."""
        if self.baseline is not None and self.baseline.revision == head:
            return self.baseline.message
        revision = self.inputs.revisions.get(head)
        return revision.message if revision else ""

    def named(self, heads: tuple[str, ...]) -> str:
        """Revisions with their messages, in words."""
        if not heads:
            return "what the server has before the first migration"
        return ", ".join(f"{head} ({text})" if (text := self.message(head)) else head for head in heads)

    def command(self, *more: str) -> tuple[str, ...]:
        """The user's own command, with more words."""
        target = self.inputs.target
        if self.baseline is not None:
            more = ("--baseline", "-m", self.baseline.message, *more)
        if self.match is not None and self.match.strict:
            more = ("--strict", *more)
        return target.commands.adopt(*more)
