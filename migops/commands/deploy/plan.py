"""From facts to the plan. Pure: a dry run prints the very steps that a real run carries out."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from migops.analysis.database_position import listed
from migops.commands.deploy import (
    anonymous,
    connects,
    discard,
    downgrade,
    dump,
    images,
    kept_definition,
    losses,
    migrate,
    preflight,
    prepare_database,
    rehearse,
    rollback,
    swap,
    volumes,
)
from migops.commands.deploy.commands import rollback_tag
from migops.commands.deploy.inputs import Facts
from migops.commands.deploy.options import Options
from migops.commands.deploy.step import Plan, Step
from migops.core.model import Unknown
from migops.rules import RULES, judge

_UNSAVED = ("MIG701", "MIG702", "MIG703")  # what is deployed, and nobody else would have


def make(facts: Facts, options: Options) -> Plan:
    """The steps that make the chain whole, each proved before the next."""
    found = facts.standing
    pending = found.pending if found is not None else None
    return Plan(tuple(_steps(facts, options, pending)), pending, tuple(_notes(facts, options, pending)))


def _steps(facts: Facts, options: Options, pending: tuple[str, ...] | None) -> Iterator[Step]:
    names = [each.name for each in facts.members]
    tags = listed(sorted({rollback_tag(each.image_ref) for each in facts.members}))
    kept = f"the image that runs now stays, as {tags}" if facts.has_old else "there is no image yet to go back to"
    if any(each.proved != each.current for each in facts.rollbacks.values()):
        kept = f"the image that last proved well stays, as {tags}; so does the one that runs now"
    if options.discard:
        yield discard.step(facts, options.discard)
    yield Step("keep", kept, kept_definition.keep_all, undo=swap.restore)
    yield _build(facts, options)
    heads = listed(facts.history.heads)
    count = _count(len(facts.history.by_id))
    holds = f"it must hold the host's {count}, no other, with head {heads}"
    if facts.taken:
        holds = f"it holds {count}, with head {heads}; the host has none to compare them with"
    yield Step("image", holds, images.gate)
    yield Step(
        "database", f"{_started(facts)}is up, locked for this run, and where the plan takes it to be",
        prepare_database.start, (facts.compose.start(facts.idle),) if facts.idle else (),
    )  # fmt: skip
    changes = pending is None or bool(pending)
    if changes and options.backup:
        yield Step("backup", "a dump of the database, verified", dump.take)
    if changes and options.rehearse:
        yield Step("rehearse", "upgrade, downgrade, upgrade, on a throwaway copy of it", rehearse.rehearse)
    yield Step("migrate", _migrates(facts, pending), migrate.upgrade, (), undo=downgrade.go_back, commits=changes)
    yield Step("revision", f"the database must be at {listed(facts.heads)}", migrate.gate, commits=changes)
    for mount in facts.volumes:
        yield Step(
            "volume", f"the volume {mount.source} shows older migrations at {mount.target}: it gets the image's",
            volumes.refresher(mount), undo=volumes.restorer(mount), commits=changes,
        )  # fmt: skip
    yield Step("swap", _swaps(facts), swap.swap, swap.commands(facts), commits=True)
    proved = f"{listed(names)} must run that image, healthy, with its migrations"
    yield Step("containers", proved, swap.gate, commits=True)


def _build(facts: Facts, options: Options) -> Step:
    own = [each for each in facts.members if images.is_own(facts, each)]
    builds = [each.name for each in own if facts.project.services[each.name].build]
    others = [each.name for each in own if not facts.project.services[each.name].build]
    pulls = others if options.fetch else []
    words = (
        *((facts.compose.build(builds, cache=options.cache, pull=options.pull),) if builds else ()),
        *((facts.compose.pull(pulls),) if pulls else ()),
    )
    why = "the image is built anew from the host" if builds else "the image is fetched: nothing here builds it"
    if others and not pulls:
        fetch = " ".join(facts.compose.pull(others))
        why = f"the image that is here is taken as it is; `{fetch}` would fetch a newer one"
    return Step("build", why, images.build, words, undo=images.unbuild)


def _started(facts: Facts) -> str:
    return f"{facts.database_service} " if facts.database_service else "the database "


def _count(number: int) -> str:
    return f"{number} revision{'s' if number > 1 else ''}"


def _migrates(facts: Facts, pending: tuple[str, ...] | None) -> str:
    if pending == ():
        return (
            f"nothing is pending: `{shlex.join((*facts.evidence.alembic, *connects.CURRENT))}` shows that it could be"
        )
    what = "what turns out to be pending" if pending is None else _count(len(pending))
    words = " ".join((*facts.evidence.alembic, "upgrade", migrate.goal(facts)))
    return f"{what}, by `{words}` in a container of the built image"


def _swaps(facts: Facts) -> str:
    names = listed([each.name for each in facts.members])
    volumes = listed([each[:12] for each in facts.anonymous])
    renewed = f"; the anonymous volume over the migrations is made anew, the old one is kept ({volumes})"
    renewed = renewed if facts.anonymous else ""
    if not any(each.containers for each in facts.members):
        return f"{names}: started"
    return f"{names}: the old containers serve until now{renewed}"


def _notes(facts: Facts, options: Options, pending: tuple[str, ...] | None) -> Iterator[str]:
    """What to know before saying yes."""
    for name, why in facts.left.items():
        yield f"{name} has the same image and is left as it is: {why}"
    for name, number in facts.scale.items():
        yield f"{name} keeps its {number} replicas"
    yield from _watches(facts, options)
    yield from rollback.notes(facts.rollbacks)
    yield from facts.previous.notes()
    for mount in facts.code_volumes:
        yield (
            f"the volume {mount.source} lies over {mount.target}: only the migrations in it are made the image's, all "
            "else there (the application's code?) stays as it is, whatever the new image holds"
        )
    for name, mounts in anonymous.others(facts).items():
        yield f"{name} keeps its other anonymous volumes: {listed([each.target for each in mounts])}"
    for name, targets in anonymous.unkept(facts).items():
        yield (
            f"the replicas of {name} get new volumes at {listed(targets)} as well: what is in the old ones stays in "
            "the engine, but none of the new containers has it"
        )
    if facts.evidence.alembic[0] != "alembic":
        yield f"Alembic is called by `{' '.join(facts.evidence.alembic)}`"
    changes = pending is None or bool(pending)
    if changes and not options.backup:
        yield "no backup is taken: what a migration destroys is gone"
    yield from losses.of(facts, pending)
    for each in pending or ():
        if not facts.history.by_id[each].has_downgrade:
            yield f"{each} has no downgrade: once it is applied, only the backup leads back"
    for finding in judge([rule for rule in RULES if rule.id in _UNSAVED], facts.evidence)[0]:
        yield f"{finding.rule}: {finding.message}"
    if options.accept_migrating:
        for sentence in preflight.migrating_starts(facts):
            yield f"{sentence}: so does the swap, and the old image will not start once the database has moved on"
    untold = tuple(preflight.untold_starts(facts))
    if untold and facts.has_old:  # else the built image is the first that can tell, and it is looked at
        yield f"whether anything migrates by itself when it starts is not known: {'; '.join(untold)}"
    if facts.state is None:
        yield _no_database(facts)


def _watches(facts: Facts, options: Options) -> Iterator[str]:
    """What counts as up, where a health check does not decide that by itself."""
    names, seconds = listed(facts.unchecked), options.unchecked_watch
    have = "have" if len(facts.unchecked) > 1 else "has"
    if names and seconds:
        yield (
            f"{names} {have} no health check (in the compose file, or the image that is here): up means here that it "
            f"has run for {seconds:g} s without a restart (--watch SECONDS); a health check is the better proof"
        )
    elif names:
        yield f"{names} {have} no health check, and --watch 0: DONE will only mean that it was started"
    checked = [each.name for each in facts.members if not each.one_shot and each.name not in facts.unchecked]
    if checked and options.watch:
        yield f"{listed(checked)}: watched for {options.watch:g} s more once it is healthy (--watch)"


def _no_database(facts: Facts) -> str:
    later = "what is pending is told when it answers, and checked again before anything is applied"
    asked = facts.evidence.database
    if isinstance(asked, Unknown) and facts.database_service not in facts.idle:
        return f"the database could not be asked yet ({asked.reason}): {later}"
    return f"the database does not run yet: {later}"
