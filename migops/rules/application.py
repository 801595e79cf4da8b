"""MIG6: what the application does to the schema by itself, where only a deploy should."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from migops.analysis.evidence import Evidence
from migops.core.model import PlaceName, Remedy, Severity, Subject, Unknown
from migops.core.text import listed
from migops.rules.database_remedies import run_alembic
from migops.rules.remedies import rebuild
from migops.rules.rule import Match, Rule, Undetermined

if TYPE_CHECKING:
    from migops.entrypoint.startup import Change, Startup

ONE_SHOT = (
    "let a service of its own migrate (`command: alembic upgrade head`), and the others wait for it with depends_on: "
    "{condition: service_completed_successfully}"
)

BY_DEPLOY = "migrate as a step of the deploy instead, before the new containers start"


def create_all_at_startup(evidence: Evidence) -> Iterator[Match]:
    """The application makes tables from its models, past Alembic.

    What: tables exist before the migration that creates them runs, and that one fails with "relation already exists";
    or the database has all tables and no `alembic_version`. Later changes of the models never reach existing tables.

    Why: `Base.metadata.create_all` (or `db.create_all`) in the application's code, often beside migrations that were
    added later.

    Fix: take the call out of what runs in production: only Alembic makes tables. Tests may keep theirs; they are not
    looked at, nor are scripts of the migrations. Tables that are there already: see MIG401.
    """
    started = {(each.at.line, PurePath(each.at.file).name) for s in startups_of(evidence) for each in s.changes}
    for found in evidence.creations:
        runs = (found.at.line, PurePath(found.at.file).name) in started
        yield Match(
            Subject(path=str(found.at)),
            f"{'the start' if runs else 'the application'} makes tables from its models: `{found.text}`",
            f"{found.at} calls create_all, which neither asks nor tells Alembic",
            None,
            {"file": found.at.file, "line": found.at.line, "text": found.text, "at_start": runs},
            (
                Remedy("take the call out, or keep it to tests: only Alembic makes tables"),
                run_alembic(evidence, "let the migrations make what is missing", "upgrade", "head"),
            ),
        )


def upgrade_in_every_replica(evidence: Evidence) -> Iterator[Match | Undetermined]:
    """A service migrates by itself whenever one of its containers starts.

    What: every replica, every restart and every one-off container runs `alembic upgrade`. Alembic takes no lock, so two
    at the same time fail with DuplicateTable or UniqueViolation; `docker compose run app alembic current` migrates
    before it answers; and after a rollback the old image does not start, because it does not know the revision.

    Why: the entrypoint or the command runs it before the application.

    Fix: take it out of the start and let one run migrate, before the new containers start: a one-shot service that the
    others wait for, or a step of the deploy. A service that only migrates, or that others wait for with
    `service_completed_successfully`, is that already and no finding.
    """
    fix = (
        Remedy(f"take it out of the start; {ONE_SHOT}"),
        replace(run_alembic(evidence, BY_DEPLOY, "upgrade", "head"), alternative=True),
    )
    for each in _cases(evidence, lambda startup, change: not startup.one_shot):
        yield Match(
            Subject(path=str(each.change.at)),
            f"{each.names} {'migrates' if len(each.startups) == 1 else 'migrate'} at every start: "
            f"`{each.change.text}`{each.when}",
            f"it is in {_where(each.change)}{_several(each.startups)}{each.but}",
            None,
            each.facts,
            rebuild(evidence, "the host has it no more: the build brings that") if each.mended else fix,
        )
    yield from _unread(evidence)


def failure_swallowed(evidence: Evidence) -> Iterator[Match | Undetermined]:
    """The start goes on when its migration has failed.

    What: the application runs on a schema that is not the one it was written for, and nothing is red. With
    `|| alembic stamp head` the revisions are noted as applied besides, so that no later upgrade will run them.

    Why: `|| true`, a `;` or a new line without `set -e`, a pipe, a `&`, an `except Exception` that only logs.

    Fix: `set -e` at the top of the script, `&&` between the commands, no `||`: a container that stops with the error is
    seen and restarted, and the old one serves on.
    """
    for each in _cases(evidence, lambda startup, change: bool(change.swallowed)):
        change = each.change
        yield Match(
            Subject(path=str(change.at)),
            f"{each.names}: when `{change.text}` fails, the start goes on{each.when}",
            f"{change.swallowed} ({_where(change)}){each.but}",
            None,
            {**each.facts, "swallowed": change.swallowed},
            rebuild(evidence, "the host has it no more: the build brings that")
            if each.mended
            else (Remedy(_stop(change)),),
        )
    yield from _unread(evidence)


def startups_of(evidence: Evidence) -> tuple[Startup, ...]:
    """The starts by the image; by what a build would make where the image was not read."""
    return next(iter(_read(evidence).values()), ())


def after_build(evidence: Evidence) -> Evidence:
    """The same with the starts of the image that a build would make now, where that can be told: for a deploy."""
    built = evidence.startups.get(PlaceName.CONTEXT)
    return replace(evidence, startups={PlaceName.CONTEXT: built}) if isinstance(built, tuple) else evidence


@dataclass(frozen=True, slots=True)
class _Case:
    """A change, and the services that start with it. ``mended``: the host has it no more; ``coming``: the image has it
    not yet, and a build would bring it."""

    change: Change
    startups: Sequence[Startup]
    mended: bool = False
    coming: bool = False

    @property
    def names(self) -> str:
        return listed([startup.service or "the image" for startup in self.startups])

    @property
    def when(self) -> str:
        return ", once it is built" if self.coming else ""

    @property
    def but(self) -> str:
        return "; the host has it no more" if self.mended else ""

    @property
    def facts(self) -> dict[str, object]:
        at = self.change.at
        return {
            "file": at.file, "line": at.line, "place": self.change.place, "text": self.change.text,
            "condition": self.change.condition, "services": [startup.service for startup in self.startups],
        }  # fmt: skip


def _cases(evidence: Evidence, counts: Callable[[Startup, Change], bool]) -> Iterator[_Case]:
    """The upgrades that count, of the image and of what a build would make: one that both have is said once."""
    found = {
        place: _by_change((s, c) for s in startups for c in s.upgrades if counts(s, c))
        for place, startups in _read(evidence).items()
    }
    first, *built = found.values() or [{}]
    later = {(PurePath(change.at.file).name, change.text) for each in built for change in each}
    for change, startups in first.items():
        yield _Case(change, startups, mended=bool(built) and (PurePath(change.at.file).name, change.text) not in later)
    now = {(PurePath(change.at.file).name, change.text) for change in first}
    for each in built:
        for change, startups in each.items():
            if (PurePath(change.at.file).name, change.text) not in now:
                yield _Case(change, startups, coming=True)


def _read(evidence: Evidence) -> dict[PlaceName, tuple[Startup, ...]]:
    """The starts that could be read: by the image first, then by what a build would make of them."""
    places = (PlaceName.IMAGE, PlaceName.CONTEXT)
    return {place: found for place in places if isinstance(found := evidence.startups.get(place), tuple)}


def _unread(evidence: Evidence) -> Iterator[Undetermined]:
    """What of the starts could not be followed: it may migrate, too."""
    found = startups_of(evidence)
    for startup in found:
        yield from (Undetermined(f"{startup.service or 'the image'}: {reason}") for reason in startup.unread)
    if not found:
        yield from (Undetermined(each.reason) for each in evidence.startups.values() if isinstance(each, Unknown))


def _by_change(found: Iterable[tuple[Startup, Change]]) -> dict[Change, list[Startup]]:
    """Services that share a script are one finding."""
    grouped: dict[Change, list[Startup]] = {}
    for startup, change in found:
        grouped.setdefault(change, []).append(startup)
    return grouped


def _several(startups: Sequence[Startup]) -> str:
    replicas = sum(startup.replicas for startup in startups)
    return f"; {replicas} containers are started" if replicas > 1 else ""


def _where(change: Change) -> str:
    under = f", under `{change.condition}`" if change.condition else ""
    whose = "" if change.place == "compose file" else f" of the {change.place}"
    return f"{change.at}{whose}{under}"


def _stop(change: Change) -> str:
    if "||" in change.swallowed:
        return "take the `||` and what follows it away: a migration that fails must stop the start"
    if change.at.file.endswith(".py"):
        return "let the exception out (log it and `raise`, `check=True`): a migration that fails must stop the start"
    return "put `set -e` at the top of the script, or `&&` between the commands, so that a failure stops the start"


RULES = (
    Rule("MIG601", "create-all-at-startup", Severity.WARNING, (), create_all_at_startup, lint=True),
    Rule("MIG602", "upgrade-in-every-replica", Severity.WARNING, (), upgrade_in_every_replica, lint=True),
    Rule("MIG603", "failure-swallowed", Severity.ERROR, (), failure_swallowed, lint=True),
)
