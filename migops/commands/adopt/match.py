"""Which of the schemas that the migrations pass through is the database's. Nothing is asked of anyone here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from migops.commands.adopt.steps import Step
from migops.core.errors import MigopsError
from migops.core.printed import here
from migops.database.postgres.schema import ORDER, Comparison, Found, Schema, Scope, compare, without


class Verdict(str, Enum):
    """What comparing came to."""

    EQUAL = "equal"
    SEVERAL = "several"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A set of revisions that the version table may name, and how the database's schema differs from theirs.

    ``heads`` is () for what the server has before any migration.
    """

    heads: tuple[str, ...]
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Match:
    """All candidates in the order of the upgrade; ``chosen`` is the one to note, or the nearest one.

    ``asked``: the user named the one that counts. ``strict``: all kinds were compared. ``kinds`` is how many items of
    each kind the database has, ``ignored`` its schemas that were not compared: no migration makes anything in them, and
    the search path does not lead there.
    """

    verdict: Verdict
    candidates: tuple[Candidate, ...]
    chosen: Candidate
    kinds: Mapping[str, int]
    ignored: tuple[str, ...] = ()
    asked: bool = False
    strict: bool = False

    @property
    def equal(self) -> tuple[Candidate, ...]:
        return tuple(each for each in self.candidates if each.comparison.is_equal)


def match(
    steps: Sequence[Step], live: Found, table: str, schema: str, *, wanted: str = "", idle: frozenset[str] = frozenset()
) -> Match:
    """Compare each step with the database. ``table`` and ``schema`` are the version table's; ``wanted`` is a revision
    that the user names, or the beginning of its ID: then it alone is the question. ``idle`` are revisions whose upgrade
    does nothing, as a merge's mostly does: nothing is lost by noting one of them as done.

    Raises MigopsError for a revision that the upgrade does not pass.
    """
    made = {item.schema for step in steps for item in step.schema.values()}
    scope = Scope(frozenset({*made, *live.path, schema} - {""}), table, schema, live.path)
    found = without(live.schema, scope)
    candidates = tuple(Candidate(step.heads, _compare(step.schema, found, scope)) for step in steps)
    ignored = {item.schema for item in live.schema.values()} - scope.schemas - {""}
    equal = list(_apart([each for each in candidates if each.comparison.is_equal], idle))
    if wanted:
        chosen = _named(candidates, wanted)
        verdict = Verdict.EQUAL if chosen.comparison.is_equal else Verdict.DIFFERENT
    elif len(equal) == 1:
        verdict, chosen = Verdict.EQUAL, equal[0]
    elif equal:
        verdict, chosen = Verdict.SEVERAL, equal[-1]
    else:
        # Of several that are as near, the last: what was done since the database was made most likely came later.
        verdict, chosen = Verdict.DIFFERENT, min(reversed(candidates), key=lambda each: each.comparison.distance)
    kinds: dict[str, int] = {}
    for kind, _ in sorted(found):
        if kind != ORDER:
            kinds[kind] = kinds.get(kind, 0) + 1
    return Match(verdict, candidates, chosen, kinds, tuple(sorted(ignored)), bool(wanted), live.strict)


def _apart(equal: Sequence[Candidate], idle: frozenset[str]) -> Iterator[Candidate]:
    """Of equal candidates, those after which something was done; of the others the last one stands for all."""
    for index, each in enumerate(equal, 1):
        if index == len(equal) or not set(equal[index].heads) - set(each.heads) <= idle:
            yield each


def _compare(step: Schema, found: Schema, scope: Scope) -> Comparison:
    return compare(without(step, scope), found)


def _named(candidates: Sequence[Candidate], wanted: str) -> Candidate:
    """The candidate that a user's word means: ``head``, or the beginning of a revision's ID."""
    if wanted in ("head", "heads"):
        return candidates[-1]
    found = [each for each in candidates if any(head == wanted for head in each.heads)] or [
        each for each in candidates if any(head.startswith(wanted) for head in each.heads)
    ]
    # On a branch a revision stays a head while the other branch goes on: the first is the one right after it.
    if not found or len({head for each in found for head in each.heads if head.startswith(wanted)}) > 1:
        what = "is the beginning of several revisions' IDs" if found else "is no revision that the upgrade passes"
        raise MigopsError(f"--revision {wanted} {what}", hint=f"`{here().say('graph')}` shows them")
    return found[0]
