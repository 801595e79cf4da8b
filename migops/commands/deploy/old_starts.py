"""How the old containers start: one that migrates then cannot start again on a database that has moved on.

Alembic stops at a revision of which it has no script ("Can't locate revision"), also where nothing is to be applied. So
such a container comes back only after the migration was taken back; else it stays stopped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from migops.commands.deploy import starts
from migops.commands.deploy.definition import Old
from migops.commands.deploy.inputs import DeployInputs, OldStart
from migops.commands.deploy.next_steps import known_before
from migops.commands.deploy.options import Options
from migops.commands.deploy.step_name import StepName
from migops.core.errors import MigopsError, Unavailable
from migops.core.model import EntryKind
from migops.core.text import counted, listed
from migops.docker import Engine
from migops.entrypoint.startup import Change, File, Files, ImageCommand, Startup, of_host
from migops.entrypoint.startup import read as follow
from migops.sources.container_files import ImageFiles
from migops.sources.environment import Environment
from migops.sources.home import Reader
from migops.sources.mounts import Mount, at_or_below, mounts_of

_PLACE = "old image"


def read(inputs: DeployInputs, engine: Engine) -> dict[str, OldStart]:
    """By service: the command with which its old containers migrate when they start, and stop where it fails.

    What cannot be read is left out: then the old containers are started as they are.
    """
    commands = {}
    for name, old in inputs.previous.services.items():
        rollback = inputs.rollbacks.get(name)
        image = rollback.image if rollback else str(old.model["Image"])
        try:
            with ExitStack() as opened:
                _, reader = ImageFiles(engine, opened).named(image)
                startup = _startup(old.model, reader, is_here=inputs.previous.is_here)
                hooks = _hooks(inputs, old, reader)
        except MigopsError:
            continue
        own = None if startup.one_shot else _deadly(startup)
        change = own or next((each for hook in hooks if (each := _deadly(hook))), None)
        if change is not None:
            commands[name] = OldStart(f"`{change.text}` ({starts.where(change)})", restarts=own is not None)
    return commands


def failing(inputs: DeployInputs, rows: Sequence[str]) -> dict[str, str]:
    """Those of the old starts that would fail on a database with these rows, with their commands."""
    commands = {}
    for name, start in inputs.old_starts.items():
        known, rollback = _known(inputs, name), inputs.rollbacks.get(name)
        if rollback is not None and rollback.leads_further:
            fails = rollback.rows is not None and rollback.rows != tuple(rows)
        else:
            fails = not known.issuperset(rows)
        if fails:
            commands[name] = start.command
    return commands


def _known(inputs: DeployInputs, service: str) -> frozenset[str]:
    """The revisions that the old start of a service has scripts of: its containers may be of an older image than the
    one that the name means when the deploy begins."""
    named = inputs.evidence.image.id if inputs.evidence.image else ""
    olds = [each for member in inputs.services if member.name == service for each in member.containers]
    for each in olds if named else ():
        if each.image_id != named and isinstance(each.found, Environment):
            return frozenset(each.found.graph.by_id)
    state = inputs.state
    return known_before(inputs) or frozenset(state.rows if state else ())


def notes(inputs: DeployInputs, options: Options, pending: tuple[str, ...] | None) -> Iterator[str]:
    """What a rollback means for them, and the time in which they must not restart."""
    commands = failing(inputs, inputs.heads) if pending != () else {}
    for name, command in commands.items():
        how = (
            f"the old start of {name} runs {command}, which fails (Can't locate revision) once the database has "
            "revisions that the old image does not have"
        )
        lacking = [each for each in pending or () if not inputs.history.by_id[each].has_downgrade]
        if options.on_failure == "downgrade" and lacking:
            yield f"{how}: if this deploy fails after the swap began, {name} stays stopped, as {_cannot(lacking)}"
        elif options.on_failure == "downgrade":
            yield (
                f"{how}: if this deploy fails after the swap began, the migration is taken back first (--on-failure "
                f"downgrade), and then the old containers of {name} are started"
            )
        else:
            yield (
                f"{how}: if this deploy fails after the swap began, the old containers of {name} are not started, and "
                "the new ones are stopped; with --on-failure downgrade the migration is taken back first, and the old "
                "ones are started"
            )
    if restarting := [name for name in commands if inputs.old_starts[name].restarts]:
        yield (
            f"for the same reason an old container of {listed(restarting)} must not restart between the first "
            f"committed revision and its swap: during the rest of the migration and {_between(inputs)}; nothing is "
            "built or dumped in between"
        )


def _cannot(lacking: Sequence[str]) -> str:
    return f"{listed(lacking)} {'have' if len(lacking) > 1 else 'has'} no downgrade"


def _between(inputs: DeployInputs) -> str:
    """The steps between the migration and the swap."""
    names = f"the step {StepName.REVISION} (one query)"
    volumes = len(inputs.volumes)
    return f"{names} and the update of {counted(volumes, 'volume')}" if volumes else names


def _deadly(startup: Startup) -> Change | None:
    """The upgrade that certainly runs when it starts, and whose failure ends it."""
    return next((each for each in startup.upgrades if not (each.condition or each.swallowed)), None)


def _hooks(inputs: DeployInputs, old: Old, read: Reader) -> tuple[Startup, ...]:
    """The ``pre_start`` that compose runs when it creates the old containers again; none where it does so by their old
    definition, which has none."""
    service = inputs.project.services[old.service]
    if inputs.previous.differing or not service.pre_start:
        return ()
    command = _command(old.image_config)
    return follow(_files(read, (), is_here=False), command, service, inputs.project).hooks


def _command(config: Mapping[str, Any]) -> ImageCommand:
    """The command of an image's, or a container's, ``Config``."""
    pairs = [str(each).partition("=") for each in config.get("Env") or ()]
    return ImageCommand(
        tuple(config.get("Entrypoint") or ()), tuple(config.get("Cmd") or ()), str(config.get("WorkingDir") or "/"),
        {name: value for name, _, value in pairs}, _PLACE, deep=False,
    )  # fmt: skip


def _startup(inspected: Mapping[str, Any], read: Reader, *, is_here: bool) -> Startup:
    """The start of an existing container."""
    return follow(_files(read, mounts_of(inspected), is_here=is_here), _command(inspected.get("Config") or {}))


def _files(read: Reader, mounts: Sequence[Mount], *, is_here: bool) -> Files:
    """The files of the container: the image's, and the host's under a bind mount."""

    def get(path: str) -> File | None:
        for mount in sorted(mounts, key=lambda each: -len(each.target)):
            if at_or_below(path, mount.target):
                if mount.type != "bind" or not is_here:
                    raise Unavailable(f"a {mount.type} is mounted over {mount.target}, and its content was not read")
                return of_host(Path(mount.source + path[len(mount.target.rstrip("/")) :]))
        entry = read([path]).get(path)
        if entry is None or entry.kind is not EntryKind.FILE or entry.content is None:
            return None
        return File(entry.content, path, _PLACE)

    return get
