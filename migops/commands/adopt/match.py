"""Compares the schema after each migration with the database's. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from migops.commands.adopt.steps import Step
from migops.core.errors import MigopsError
from migops.core.printed import here
from migops.core.text import with_hint
from migops.database.postgres.schema import ORDER, Comparison, DatabaseSchema, Schema, Scope, compare, without


class Verdict(str, Enum):
    """The result of the comparison."""

    EQUAL = "equal"
    """One revision has the database's schema."""
    SEVERAL = "several"
    """Several revisions have it."""
    DIFFERENT = "different"
    """No revision has it, or not the one that the user named."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A state of the version table, with the differences between its schema and the database's."""

    heads: tuple[str, ...]
    """() for the state before any migration."""
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Match:
    """The result of the comparison with every candidate."""

    verdict: Verdict
    candidates: tuple[Candidate, ...]
    """In the order of the upgrade."""
    chosen: Candidate
    """The one to stamp, or the closest one."""
    kinds: Mapping[str, int]
    """Number of the database's items by kind."""
    ignored: tuple[str, ...] = ()
    """Schemas that were not compared: no migration creates anything there, and the search path does not name them."""
    asked: bool = False
    """True if the user named the revision."""
    strict: bool = False
    """True if all kinds were compared."""

    @property
    def equal(self) -> tuple[Candidate, ...]:
        """The candidates without a difference."""
        return tuple(each for each in self.candidates if each.comparison.is_equal)


def match(
    steps: Sequence[Step],
    live: DatabaseSchema,
    table: str,
    schema: str,
    *,
    wanted: str = "",
    noops: frozenset[str] = frozenset(),
) -> Match:
    """Compare each step with the database.

    ``table`` and ``schema``: the version table. ``wanted``: the only revision to compare with, or the beginning of its
    ID. ``noops``: revisions whose upgrade does nothing, such as merges; stamping one of them skips nothing. Raises
    MigopsError if the upgrade does not reach ``wanted``.
    """
    created = {item.schema for step in steps for item in step.schema.values()}
    scope = Scope(frozenset({*created, *live.path, schema} - {""}), table, schema, live.path)
    actual = without(live.schema, scope)
    candidates = tuple(Candidate(step.heads, _compare(step.schema, actual, scope)) for step in steps)
    ignored = {item.schema for item in live.schema.values()} - scope.schemas - {""}
    equal = list(_distinct([each for each in candidates if each.comparison.is_equal], noops))
    if wanted:
        chosen = _named(candidates, wanted)
        verdict = Verdict.EQUAL if chosen.comparison.is_equal else Verdict.DIFFERENT
    elif len(equal) == 1:
        verdict, chosen = Verdict.EQUAL, equal[0]
    elif equal:
        verdict, chosen = Verdict.SEVERAL, equal[-1]
    else:
        # Of several equally close ones the last: changes made since then most likely came after it.
        verdict, chosen = Verdict.DIFFERENT, min(reversed(candidates), key=lambda each: each.comparison.distance)
    kinds: dict[str, int] = {}
    for kind, _ in sorted(actual):
        if kind != ORDER:
            kinds[kind] = kinds.get(kind, 0) + 1
    return Match(verdict, candidates, chosen, kinds, tuple(sorted(ignored)), bool(wanted), live.strict)


def _distinct(equal: Sequence[Candidate], noops: frozenset[str]) -> Iterator[Candidate]:
    """The equal candidates, without those that are followed by noops only."""
    for index, each in enumerate(equal, 1):
        if index == len(equal) or not set(equal[index].heads) - set(each.heads) <= noops:
            yield each


def _compare(step: Schema, actual: Schema, scope: Scope) -> Comparison:
    return compare(without(step, scope), actual)


def _named(candidates: Sequence[Candidate], wanted: str) -> Candidate:
    """The candidate that the user named: ``head``, or the beginning of a revision's ID."""
    if wanted in ("head", "heads"):
        return candidates[-1]
    named = [each for each in candidates if any(head == wanted for head in each.heads)] or [
        each for each in candidates if any(head.startswith(wanted) for head in each.heads)
    ]
    # A revision stays a head while another branch grows: the first candidate is the state right after it.
    if not named or len({head for each in named for head in each.heads if head.startswith(wanted)}) > 1:
        what = "is ambiguous: several revisions begin with it" if named else "is not a revision of this upgrade"
        known = () if named else dict.fromkeys(head for each in candidates for head in each.heads)
        hint = with_hint(wanted, known, f"`{here().say('graph')}` shows the revisions")
        raise MigopsError(f"--revision {wanted} {what}", hint=hint)
    return named[0]
