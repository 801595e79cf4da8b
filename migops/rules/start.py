"""MIG604 to MIG606: starts that record, write or fake migrations instead of running them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, TypeVar

from migops.analysis.evidence import Evidence
from migops.core.model import Action, Location, PlaceName, Remedy, Severity, Subject
from migops.core.redaction import redact
from migops.core.text import listed
from migops.rules.lines import line_of, of_start
from migops.rules.remedies import rebuild
from migops.rules.rule import Match, Rule

if TYPE_CHECKING:
    from migops.entrypoint.startup import Startup
    from migops.entrypoint.version_writes import VersionWrite

FIXED = "already fixed on the host; rebuild to get it into the image"


def stamp_at_start(evidence: Evidence) -> Iterator[Match]:
    """A service stamps the database at every start.

    What: `alembic stamp` records revisions as applied and runs none of them. Each new migration is then counted as
    applied without having run, and `alembic upgrade head` has nothing to do. The application fails on columns that are
    not there.

    Why: somebody stamped once to get past "relation already exists", and the line stayed.

    Fix: remove it, and migrate instead. A stamp under a condition (an empty database, right after `create_all`), after
    `||`, or after an upgrade in the same start is not reported.

    With migops: `migops status --drift SERVICE` names the revisions that were recorded and never ran.

    Seen in: sbk0674-web/samba-wave#247
    """
    for write, services, remark in _writes(evidence, "stamp"):
        yield _match(
            evidence, write, remark, f"{services} stamps the database at every start: `{write.text}`",
            "records revisions as applied that have not run",
            Remedy(
                "remove it from the start, and migrate there or in the deploy instead",
                at=of_start(evidence, write.at, write.place),
            ),
            Remedy(
                "see which revisions were recorded and never ran", evidence.commands.migops("status", "--drift")
            ),
        )  # fmt: skip


def migrations_made_at_start(evidence: Evidence) -> Iterator[Match]:
    """A service writes new migrations when it starts.

    What: each container writes a revision of its own, with an id that no other place has, and runs it. The file is gone
    with the container, and the database is then at a revision that nobody has: "Can't locate revision identified by …".
    And nobody has read what it drops.

    Why: `flask db migrate` or `alembic revision --autogenerate` is in the start, so that models and tables agree.

    Alembic says: "Can't locate revision identified by '…'", in every other container.

    Fix: write revisions where you develop, read them, commit them, and let the start or the deploy only run them. It is
    an error if the container's migrations are the only ones: the next container begins without them.

    With migops: `migops alembic revision --autogenerate -m "…"` saves the new file on the host and reports what it
    drops.

    Seen in: PowerDNS-Admin/PowerDNS-Admin#285
    """
    only_there = evidence.chain.held(PlaceName.HOST) is None and evidence.chain.held(PlaceName.CONTAINER) is not None
    away = "remove it from the start; write revisions where you develop, and commit them"
    for write, services, remark in _writes(evidence, "revision"):
        found = _match(
            evidence, write, remark, f"{services} writes a new migration at every start: `{write.text}`",
            "makes revisions that only this container has", *_rescued(evidence),
            Remedy(away, at=of_start(evidence, write.at, write.place)),
        )  # fmt: skip
        yield replace(found, severity=Severity.ERROR) if only_there else found


def version_table_written(evidence: Evidence) -> Iterator[Match]:
    """A start, or env.py, changes Alembic's version table with an SQL statement of its own.

    What: Alembic then takes revisions for applied that never ran, or runs them twice. Without its rows, the next
    upgrade begins with the first migration and fails on tables that exist.

    Why: a workaround for "Can't locate revision" or "Multiple heads" that was meant for one database and once.

    Fix: remove it, and repair the rows of that one database once.

    With migops: `migops status SERVICE` says how the rows differ from the history, and how to fix that for good.
    """
    for write, services, remark in _writes(evidence, "sql"):
        under = f", under `{write.condition}`" if write.condition else ""
        yield _match(
            evidence, write, remark, f"the start of {services} changes alembic_version itself: `{write.text}`",
            f"writes what only Alembic should{under}",
            *_without_it(evidence, "the start", of_start(evidence, write.at, write.place)),
        )  # fmt: skip
    yield from _written_by_env(evidence)


RULES = (
    Rule("MIG604", "stamp-at-start", Severity.WARNING, (), stamp_at_start, lint=True),
    Rule("MIG605", "migrations-made-at-start", Severity.WARNING, (), migrations_made_at_start, lint=True),
    Rule("MIG606", "version-table-written", Severity.WARNING, (), version_table_written, lint=True),
)


@dataclass(frozen=True, slots=True)
class Remark:
    """Where the start is: ``fixed``: only in the image; ``coming``: only in what the next build makes."""

    fixed: bool = False
    coming: bool = False

    @property
    def later(self) -> str:
        return ", after the next build" if self.coming else ""

    @property
    def but(self) -> str:
        return "; already fixed on the host" if self.fixed else ""


_T = TypeVar("_T")


def by_place(
    evidence: Evidence, get: Callable[[Startup], Sequence[_T]], key: Callable[[_T], Hashable]
) -> Iterator[tuple[_T, str, Remark]]:
    """Each item of the starts once, with the names of its services. What a build would make counts before the image."""
    read: dict[PlaceName, dict[Hashable, tuple[_T, list[str]]]] = {}
    for place in (PlaceName.CONTEXT, PlaceName.IMAGE):
        startups = evidence.startups.get(place)
        if isinstance(startups, tuple):
            read[place] = {}
            for startup in startups:
                for item in get(startup):
                    read[place].setdefault(key(item), (item, []))[1].append(startup.service or "the image")
    both = len(read) == 2
    for place, items in read.items():
        others = read.get(PlaceName.IMAGE if place is PlaceName.CONTEXT else PlaceName.CONTEXT, {})
        for name, (item, services) in items.items():
            if name not in others:
                is_context = place is PlaceName.CONTEXT
                yield item, listed(list(dict.fromkeys(services))), Remark(both and not is_context, both and is_context)
            elif place is PlaceName.CONTEXT:
                yield item, listed(list(dict.fromkeys(services))), Remark()


def _writes(evidence: Evidence, kind: str) -> Iterator[tuple[VersionWrite, str, Remark]]:
    def chosen(startup: Startup) -> list[VersionWrite]:
        return [each for each in startup.writes if each.kind.value == kind and _counts(each)]

    yield from by_place(evidence, chosen, lambda write: (PurePath(write.at.file).name, write.text))


def _match(
    evidence: Evidence, write: VersionWrite, remark: Remark, message: str, does: str, *fixes: Remedy
) -> Match:  # fmt: skip
    """The finding of one write; ``does`` is what its line does. What the host has fixed wants only a build."""
    return Match(
        Subject(path=str(write.at)),
        f"{message}{remark.later}",
        f"{write.at}{whose(write.place)} {does}{remark.but}",
        None,
        _facts(write),
        rebuild(evidence, FIXED) if remark.fixed else fixes,
    )


def _written_by_env(evidence: Evidence) -> Iterator[Match]:
    """env.py is run by every command of Alembic, so by every start that migrates."""
    from migops.entrypoint.program import parsed  # only doctor asks
    from migops.entrypoint.version_writes import Writes, in_program

    host = evidence.chain.held(PlaceName.HOST)
    env = host.environment.get("env.py") if host else None
    if env is None or b"alembic_version" not in env.content:
        return
    text = env.content.decode("utf-8", "replace")
    tree = parsed(text)
    for line, written, kind in in_program(tree, text) if tree else ():
        if kind is Writes.SQL:
            yield Match(
                Subject(path=f"{env.path}:{line}"),
                f"env.py changes alembic_version itself: `{redact(written)}`",
                f"{env.path}:{line} writes what only Alembic should, whenever Alembic is run",
                None,
                {"file": env.path, "line": line, "place": "host", "text": redact(written), "condition": ""},
                _without_it(evidence, "env.py", line_of(f"{env.path}:{line}")),
            )


def _rescued(evidence: Evidence) -> tuple[Remedy, ...]:
    """The command that copies what a container has written; none without a container to copy it from."""
    if not evidence.containers:
        return ()
    why = "copy to the host what the container has written so far"
    if evidence.chain.held(PlaceName.HOST) is None and (copy := _whole_folder(evidence)):
        return (Remedy(f"{why}: the whole folder, as the host has none", copy, action=Action.SAVE),)
    return (Remedy(why, evidence.commands.migops("rescue")),)


def _whole_folder(evidence: Evidence) -> tuple[str, ...]:
    """The copy of the container's folder into the build context; () if one of the two is not known."""
    held, project = evidence.chain.held(PlaceName.CONTAINER), evidence.setup.project if evidence.setup else None
    service = project.services.get(evidence.commands.service) if project else None
    if held is None or service is None or service.build is None or service.build.is_remote:
        return ()
    to = PurePath(service.build.context, PurePath(held.script_location).name)
    return (*evidence.commands.compose, "cp", f"{service.name}:{held.script_location}", str(to))


def _without_it(evidence: Evidence, place: str, at: Location | None) -> tuple[Remedy, ...]:
    return (
        Remedy(f"remove it from {place}", at=at),
        Remedy("see whether the rows fit the history, and how to fix them", evidence.commands.migops("status")),
    )


def _counts(write: VersionWrite) -> bool:
    """A stamp is right under many conditions; new revisions and statements hardly ever are."""
    if write.kind.value == "stamp":
        return not write.condition
    return write.kind.value == "sql" or write.is_usual


def _facts(write: VersionWrite) -> dict[str, object]:
    at = write.at
    return {"file": at.file, "line": at.line, "place": write.place, "text": write.text, "condition": write.condition}


def whose(place: str) -> str:
    return "" if place == "compose file" else f" of the {place}"
