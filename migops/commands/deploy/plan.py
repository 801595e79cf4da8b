"""From facts to the plan. Pure: a dry run prints the very steps that a real run carries out."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

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
    old_starts,
    preflight,
    prepare_database,
    rehearse,
    rollback,
    starts,
    swap,
    volumes,
)
from migops.commands.deploy.commands import rollback_tag
from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.lead_back import why_not
from migops.commands.deploy.options import Options
from migops.commands.deploy.step import Plan, Step
from migops.commands.deploy.step_name import StepName
from migops.core.model import Unknown
from migops.core.text import counted, listed
from migops.rules import RULES, judge

_UNSAVED = ("MIG701", "MIG702", "MIG703")  # what is deployed, and nobody else would have


def make(inputs: DeployInputs, options: Options) -> Plan:
    """The steps that make the chain whole, each proved before the next."""
    found = inputs.position
    pending = found.pending if found is not None else None
    return Plan(tuple(_steps(inputs, options, pending)), pending, tuple(_notes(inputs, options, pending)))


def _steps(inputs: DeployInputs, options: Options, pending: tuple[str, ...] | None) -> Iterator[Step]:
    names = [each.name for each in inputs.services]
    tags = listed(sorted({rollback_tag(each.image_ref) for each in inputs.services}))
    kept = (
        f"the image that runs now stays available, as {tags}"
        if inputs.has_old
        else "there is no image yet to roll back to"
    )
    if any(each.proved != each.current for each in inputs.rollbacks.values()):
        kept = f"the last proved image stays available, as {tags}; so does the one that runs now"
    if options.discard:
        yield discard.step(inputs, options.discard)
    yield Step(StepName.KEEP, kept, kept_definition.prepare_rollback, undo=swap.restore)
    yield _build(inputs, options)
    heads = listed(inputs.history.heads)
    count = counted(len(inputs.history.by_id), "revision")
    holds = f"verify: it contains exactly the host's {count}, with head {heads}"
    if inputs.is_image_only:
        holds = f"verify: it contains {count}, with head {heads}; the host has none to compare them with"
    yield Step(StepName.IMAGE, holds, images.verify)
    yield Step(
        StepName.DATABASE, f"check: {_started(inputs)}is up, still at the revision in this plan; lock it",
        prepare_database.start, (inputs.compose.start(inputs.idle),) if inputs.idle else (),
    )  # fmt: skip
    changes = pending is None or bool(pending)
    if changes and options.backup:
        yield Step(StepName.BACKUP, "dump the database, and verify the dump", dump.take)
    if changes and options.rehearse:
        yield Step(StepName.REHEARSE, "upgrade, downgrade, upgrade, on a disposable copy of it", rehearse.rehearse)
    yield Step(
        StepName.MIGRATE,
        _migrates(inputs, pending),
        migrate.upgrade,
        (),
        undo=downgrade.go_back,
        point_of_no_return=changes,
    )
    yield Step(
        StepName.REVISION,
        f"verify: the database is at {listed(inputs.heads)}",
        migrate.verify,
        point_of_no_return=changes,
    )
    for mount in inputs.volumes:
        yield Step(
            StepName.VOLUME,
            f"the volume {mount.source} shows older migrations at {mount.target}: update it from the image",
            volumes.refresher(mount), undo=volumes.restorer(mount), point_of_no_return=changes,
        )  # fmt: skip
    yield Step(StepName.SWAP, _swaps(inputs), swap.recreate, swap.commands(inputs), point_of_no_return=True)
    proved = f"verify: the containers of {listed(names)} run that image, are healthy, and have its migrations"
    yield Step(StepName.CONTAINERS, proved, swap.verify, point_of_no_return=True)


def _build(inputs: DeployInputs, options: Options) -> Step:
    own = [each for each in inputs.services if images.is_own(inputs, each)]
    builds = images.builders(inputs, own)
    others = [each.name for each in own if not inputs.builder(each.name)]
    pulls = others if options.fetch else []
    words = (
        *((inputs.compose.build(builds, cache=options.cache, pull=options.pull),) if builds else ()),
        *((inputs.compose.pull(pulls),) if pulls else ()),
    )
    why = "rebuild the image from the files on this host" if builds else "pull the image: nothing here builds it"
    if foreign := [name for name in builds if name not in {each.name for each in own}]:
        why += f" (by the build of {listed(foreign)})"
    if others and not pulls:
        fetch = " ".join(inputs.compose.pull(others))
        why = f"use the local image; `{fetch}` would pull a newer one"
    return Step(StepName.BUILD, why, images.build, words, undo=images.unbuild)


def _started(inputs: DeployInputs) -> str:
    return f"{inputs.database_service} " if inputs.database_service else "the database "


def _migrates(inputs: DeployInputs, pending: tuple[str, ...] | None) -> str:
    if pending == ():
        return (
            f"nothing is pending: `{shlex.join((*inputs.evidence.alembic, *connects.CURRENT))}` checks that Alembic "
            "still can"
        )
    what = "whatever is pending then" if pending is None else counted(len(pending), "revision")
    words = " ".join((*inputs.evidence.alembic, "upgrade", inputs.goal))
    return f"{what}, with `{words}` in a container of the built image"


def _swaps(inputs: DeployInputs) -> str:
    names = listed([each.name for each in inputs.services])
    volumes = listed([each[:12] for each in inputs.anonymous])
    renewed = f"; recreate the anonymous volume over the migrations, keep the old one ({volumes})"
    renewed = renewed if inputs.anonymous else ""
    if not any(each.containers for each in inputs.services):
        return f"{names}: start"
    return f"{names}: replace the containers (the old ones serve until this step){renewed}"


def _notes(inputs: DeployInputs, options: Options, pending: tuple[str, ...] | None) -> Iterator[str]:
    """What to know before saying yes."""
    for name, why in inputs.left.items():
        yield f"{name} has the same image and is left as it is: {why}"
    for name, number in inputs.scale.items():
        yield f"{name} keeps its {number} replicas"
    yield from _watches(inputs, options)
    yield from rollback.notes(inputs.rollbacks)
    yield from inputs.previous.notes()
    for mount in inputs.code_volumes:
        yield (
            f"the volume {mount.source} lies over {mount.target}: only the migrations in it are replaced by the "
            "image's, everything else there (the application's code?) stays as it is, whatever the new image contains"
        )
    for name, mounts in anonymous.others(inputs).items():
        yield f"{name} keeps its other anonymous volumes: {listed([each.target for each in mounts])}"
    for name, targets in anonymous.unkept(inputs).items():
        yield (
            f"the replicas of {name} get new volumes at {listed(targets)} as well: what is in the old ones stays in "
            "the engine, but none of the new containers has it"
        )
    if inputs.evidence.alembic[0] != "alembic":
        yield f"Alembic is called by `{' '.join(inputs.evidence.alembic)}`"
    changes = pending is None or bool(pending)
    if changes and not options.backup:
        yield "no backup is taken: data destroyed by a migration cannot be recovered"
    yield from losses.of(inputs, pending)
    for each in pending or ():
        if not inputs.history.by_id[each].has_downgrade:
            yield f"{each} has no downgrade: once applied, it can only be undone by restoring the backup"
    rows = inputs.state.rows if inputs.state else ()
    if pending and options.on_failure == "downgrade" and (why := why_not(inputs.history, inputs.heads, rows)):
        yield f"--on-failure downgrade cannot take the migrations back: {why}"
    for finding in judge([rule for rule in RULES if rule.id in _UNSAVED], inputs.evidence)[0]:
        yield f"{finding.rule}: {finding.message}"
    yield from starts.notes(inputs)
    yield from old_starts.notes(inputs, options, pending)
    untold = tuple(preflight.untold_starts(inputs))
    if untold and inputs.has_old:  # else the built image is the first that can tell, and it is looked at
        yield f"whether anything migrates by itself when it starts is not known: {'; '.join(untold)}"
    if inputs.state is None:
        yield _no_database(inputs)


def _watches(inputs: DeployInputs, options: Options) -> Iterator[str]:
    """What counts as up, where a health check does not decide that by itself."""
    names, seconds = listed(inputs.unchecked), options.unchecked_watch
    have = "have" if len(inputs.unchecked) > 1 else "has"
    if names and seconds:
        yield (
            f"{names} {have} no health check (in the compose file or the local image): it counts as up once it "
            f"has run for {seconds:g} s without a restart (--watch SECONDS); a health check is more reliable"
        )
    elif names:
        yield f"{names} {have} no health check, and --watch 0: DONE will only mean that it was started"
    checked = [each.name for each in inputs.services if not each.one_shot and each.name not in inputs.unchecked]
    if checked and options.watch:
        yield f"{listed(checked)}: watched for {options.watch:g} s more once it is healthy (--watch)"


def _no_database(inputs: DeployInputs) -> str:
    later = "the pending migrations are shown when it answers, and checked again before anything is applied"
    asked = inputs.evidence.database
    if isinstance(asked, Unknown) and inputs.database_service not in inputs.idle:
        return f"the database could not be reached yet ({asked.reason}): {later}"
    return f"the database is not running yet: {later}"
