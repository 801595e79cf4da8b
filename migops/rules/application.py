"""MIG6: schema changes by the application itself, which only a deploy should make."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from migops.analysis.evidence import Evidence
from migops.core.model import PlaceName, Remedy, Severity, Subject, Unknown
from migops.core.text import listed
from migops.rules.database_remedies import run_alembic
from migops.rules.lines import of_start
from migops.rules.remedies import rebuild
from migops.rules.rule import Match, Rule, Undetermined

if TYPE_CHECKING:
    from migops.entrypoint.startup import Change, Startup

ONE_SHOT = (
    "migrate in a separate service (`command: {}`), and let the others wait for it with depends_on: "
    "{{condition: service_completed_successfully}}"
)

BY_DEPLOY = "migrate as a step of the deploy, before the new containers start"


def create_all_at_startup(evidence: Evidence) -> Iterator[Match | Undetermined]:
    """The application creates tables from its models when it starts, without Alembic.

    What: tables exist before the migration that creates them runs, and the migration fails with "relation already
    exists"; or the database has all tables but no `alembic_version`. Later changes of the models never reach existing
    tables.

    Why: `Base.metadata.create_all` (or `db.create_all`) in code that a service's start runs, often next to migrations
    that were added later.

    Alembic says: 'relation "…" already exists'.

    Fix: remove the call from production code, so that only Alembic creates tables. Tests may keep the call. For tables
    that already exist, see MIG401. Calls that no start reaches, that a setting or the kind of database rules out, and
    those that are followed by a stamp, are not reported.

    With migops: `migops adopt SERVICE` records the right revision for the tables that already exist.

    Seen in: BLB3DPrinting/filaops#516, DataJunction/dj#203
    """
    startups = _next_startups(evidence)
    for change, whose in _by_change((s, c) for s in startups for c in s.changes if not c.upgrade).items():
        names = listed([startup.service or "the image" for startup in whose])
        if change.of_setting:
            yield Undetermined(
                f"{names}: {change.at} calls create_all under `{change.condition}`, whose value is not known"
            )
            continue
        yield Match(
            Subject(path=str(change.at)),
            f"the startup command of {names} creates tables from the models: `{change.text}`",
            f"{_where(change)} calls create_all, so tables are created without Alembic",
            None,
            {"file": change.at.file, "line": change.at.line, "text": change.text, "at_start": True},
            (
                Remedy("remove the call (tests may keep it)", at=of_start(evidence, change.at, change.place)),
                run_alembic(evidence, "let the migrations create the missing tables", "upgrade", "head"),
            ),
        )
    seen = {str(change.at) for startup in startups for change in startup.changes}
    beyond_sight = [call for call in evidence.creations if str(call.at) not in seen]
    for startup in startups if beyond_sight else ():
        for reason in (*startup.unread, *startup.unfound):
            yield Undetermined(
                f"{startup.service or 'the image'}: {reason}, so it is not known whether it reaches the create_all of "
                f"{beyond_sight[0].at}"
            )
    if not startups and beyond_sight:
        yield from _unread(evidence)


def upgrade_in_every_replica(evidence: Evidence) -> Iterator[Match | Undetermined]:
    """A service runs the migrations whenever one of its containers starts.

    What: every replica, every restart and every one-off container runs `alembic upgrade`. Alembic takes no lock, so two
    at the same time fail with DuplicateTable or UniqueViolation; `docker compose run app alembic current` migrates
    before it answers; and after a rollback the old image does not start, because it does not know the revision.

    Why: the entrypoint or the command runs the upgrade before the application.

    Alembic says: "UPDATE statement on table 'alembic_version' expected to match 1 row(s); 0 found", or a
    UniqueViolation, in the loser of the race.

    Fix: remove the upgrade from the startup command and let one process migrate before the new containers start: a
    one-shot service that the others wait for, or a step of the deploy. A service that only migrates, or that others
    wait for with `service_completed_successfully`, already does this and is not reported; neither is a `pre_start`
    hook, which runs once for all replicas (unless it says `per_replica: true`).

    With migops: `migops rebuild-and-migrate SERVICE` is such a step of the deploy: one migration at a time, under a
    lock of host, engine and database. `migops doctor --fix MIG602` makes the one-shot service, if the compose file has
    the start and it is no more than `sh -c "alembic upgrade head && …"`.

    Seen in: langflow-ai/langflow#13204, OpenHands/OpenHands#13608, sqlalchemy/alembic#633
    """
    by_deploy = replace(run_alembic(evidence, BY_DEPLOY, "upgrade", "head"), alternative=True)
    for case in _cases(evidence, lambda startup, change: not startup.one_shot and _is_of_section(evidence, change)):
        yield Match(
            Subject(path=str(case.change.at)),
            f"{case.names} {'migrates' if len(case.startups) == 1 else 'migrate'} at every start: "
            f"`{case.change.text}`{case.when}",
            f"the call is in {_where(case.change)}{_several(case.startups)}{case.but}",
            None,
            case.facts,
            rebuild(evidence, "already fixed on the host; rebuild to get it into the image")
            if case.fixed
            else (
                Remedy(
                    f"remove it from the startup command; {ONE_SHOT.format(_command(case.change))}",
                    at=of_start(evidence, case.change.at, case.change.place),
                ),
                by_deploy,
            ),
        )
    yield from _unread(evidence)


def failure_swallowed(evidence: Evidence) -> Iterator[Match | Undetermined]:
    """The startup command continues after a failed migration.

    What: the application runs on a schema it was not written for, and nothing fails visibly. With `|| alembic stamp
    head` the revisions are also recorded as applied, so no later upgrade will run them.

    Why: `|| true`, a `;` or a new line without `set -e`, a pipe, a `&`, an `except Exception` that only logs.

    Fix: `set -e` at the top of the script, `&&` between the commands, no `||`. A container that stops with an error is
    noticed and restarted, and the old one keeps serving.

    With migops: `migops rebuild-and-migrate SERVICE` migrates before the new containers start, and keeps the old ones
    if that fails.

    Seen in: greeves89/AI-Employee#796, Observal/Observal#751
    """
    for case in _cases(evidence, lambda startup, change: bool(change.swallowed)):
        change = case.change
        yield Match(
            Subject(path=str(change.at)),
            f"{case.names}: when `{change.text}` fails, the startup command continues{case.when}",
            f"{change.swallowed} ({_where(change)}){case.but}",
            None,
            {**case.facts, "swallowed": change.swallowed},
            rebuild(evidence, "already fixed on the host; rebuild to get it into the image")
            if case.fixed
            else (Remedy(_stop(change), at=of_start(evidence, change.at, change.place)),),
        )
    yield from _unread(evidence)


def startups_of(evidence: Evidence) -> tuple[Startup, ...]:
    """The startup commands in the image; those of a fresh build if the image was not read."""
    return next(iter(_read(evidence).values()), ())


def _next_startups(evidence: Evidence) -> tuple[Startup, ...]:
    """The startup commands of a fresh build; those in the image if it is not known how that is built."""
    return startups_of(after_build(evidence))


def after_build(evidence: Evidence) -> Evidence:
    """The evidence with the startup commands that a build would give the image now, if known: for a deploy."""
    built = evidence.startups.get(PlaceName.CONTEXT)
    return replace(evidence, startups={PlaceName.CONTEXT: built}) if isinstance(built, tuple) else evidence


@dataclass(frozen=True, slots=True)
class _Case:
    """An upgrade at startup, and the services that run it.

    ``fixed``: no longer on the host; ``coming``: not in the image yet, but a build would add it.
    """

    change: Change
    startups: Sequence[Startup]
    fixed: bool = False
    coming: bool = False

    @property
    def names(self) -> str:
        return listed([startup.service or "the image" for startup in self.startups])

    @property
    def when(self) -> str:
        return ", after the next build" if self.coming else ""

    @property
    def but(self) -> str:
        return "; already fixed on the host" if self.fixed else ""

    @property
    def facts(self) -> dict[str, object]:
        at = self.change.at
        return {
            "file": at.file, "line": at.line, "place": self.change.place, "text": self.change.text,
            "condition": self.change.condition, "services": [startup.service for startup in self.startups],
        }  # fmt: skip


def _cases(evidence: Evidence, counts: Callable[[Startup, Change], bool]) -> Iterator[_Case]:
    """The matching upgrades in the image and in a fresh build; one that is in both is returned once."""
    found = {
        place: _by_change((s, c) for s in _with_hooks(startups) for c in s.upgrades if counts(s, c))
        for place, startups in _read(evidence).items()
    }
    first, *built = found.values() or [{}]
    later = {(PurePath(change.at.file).name, change.text) for each in built for change in each}
    for change, startups in first.items():
        yield _Case(change, startups, fixed=bool(built) and (PurePath(change.at.file).name, change.text) not in later)
    now = {(PurePath(change.at.file).name, change.text) for change in first}
    for each in built:
        for change, startups in each.items():
            if (PurePath(change.at.file).name, change.text) not in now:
                yield _Case(change, startups, coming=True)


def _is_of_section(evidence: Evidence, change: Change) -> bool:
    """False for a plain ``alembic`` of another section of the configuration: it migrates another history."""
    from migops.entrypoint.alembic_call import call_of  # only doctor asks

    call = call_of(change.text.split(), "/", {})
    return (
        evidence.setup is None or call is None or "$" in call.section or call.section == evidence.setup.config.section
    )


def _with_hooks(startups: Iterable[Startup]) -> Iterator[Startup]:
    """The startup commands, each after those of the service's ``pre_start``."""
    for startup in startups:
        yield from (*startup.hooks, startup)


def _read(evidence: Evidence) -> dict[PlaceName, tuple[Startup, ...]]:
    """The startup commands that could be read: from the image first, then from a fresh build."""
    places = (PlaceName.IMAGE, PlaceName.CONTEXT)
    return {place: found for place in places if isinstance(found := evidence.startups.get(place), tuple)}


def _unread(evidence: Evidence) -> Iterator[Undetermined]:
    """The parts of the startup commands that could not be followed: they may migrate, too."""
    found = startups_of(evidence)
    for startup in found:
        yield from (Undetermined(f"{startup.service or 'the image'}: {reason}") for reason in startup.unread)
    if not found:
        yield from (Undetermined(reason) for reason in unread_startups(evidence))


def unread_startups(evidence: Evidence) -> Iterator[str]:
    """The reasons why no startup command was read."""
    yield from (each.reason for each in evidence.startups.values() if isinstance(each, Unknown))


def _by_change(found: Iterable[tuple[Startup, Change]]) -> dict[Change, list[Startup]]:
    """Upgrades by script line, as services that share a script are one finding."""
    grouped: dict[Change, list[Startup]] = {}
    for startup, change in found:
        grouped.setdefault(change, []).append(startup)
    return grouped


def _several(startups: Sequence[Startup]) -> str:
    replicas = sum(startup.replicas for startup in startups)
    return f"; {replicas} containers start with it" if replicas > 1 else ""


def _command(change: Change) -> str:
    """The upgrade as a command of its own: in the start's words, where these can be typed."""
    from migops.rules.own_words import upgrade_words  # a clean check prints no command

    words = () if change.at.file.endswith(".py") else upgrade_words(change.text)
    return shlex.join(words) if words else "alembic upgrade head"


def _where(change: Change) -> str:
    under = f", under `{change.condition}`" if change.condition else ""
    whose = "" if change.place == "compose file" else f" of the {change.place}"
    return f"{change.at}{whose}{under}"


def _stop(change: Change) -> str:
    """The edit that makes a failed migration stop the container."""
    must = "a failed migration must stop the container"
    if "||" in change.swallowed:
        return f"remove the `||` and everything after it: {must}"
    if change.at.file.endswith(".py"):
        return f"do not swallow the exception (re-`raise`, or `check=True`): {must}"
    if "in the background" in change.swallowed:
        return f"remove the `&`, so that the start waits for the migration and sees its exit code: {must}"
    if "has no `else`" in change.swallowed:
        return f"add `else exit 1` to the `if`: {must}"
    if change.swallowed.startswith("the `if`"):
        return f"end the branch for the failure with `exit 1`: {must}"
    if "pipe" in change.swallowed:
        return f"do not pipe its output (or, in bash: `set -o pipefail` with `set -e`): {must}"
    if "before a `&&`" in change.swallowed:
        return f"put the command on a line of its own, where `set -e` counts: {must}"
    return "put `set -e` at the top of the script, or `&&` between the commands, so that a failure stops the container"


RULES = (
    Rule("MIG601", "create-all-at-startup", Severity.WARNING, (), create_all_at_startup, lint=True),
    Rule("MIG602", "upgrade-in-every-replica", Severity.WARNING, (), upgrade_in_every_replica, lint=True),
    Rule("MIG603", "failure-swallowed", Severity.ERROR, (), failure_swallowed, lint=True),
)
