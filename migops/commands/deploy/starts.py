"""Starts that migrate: which of them have nothing left to do after a deploy's own migration, and which are refused.

A start is proved to do nothing where its text settles that it reads the configuration, section, ``-x`` and variables of
the migration that the deploy has just run, in the same folder, and goes to the same heads. Everything else is refused.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from migops.commands.deploy.inputs import DeployInputs
from migops.compose import Service
from migops.core.model import PlaceName
from migops.core.text import listed
from migops.entrypoint import migrating
from migops.entrypoint.alembic_call import Call
from migops.entrypoint.model import Change, Migrating, Ran
from migops.entrypoint.ran import call_in
from migops.entrypoint.startup import Startup
from migops.rules.application import after_build
from migops.sources.home import home_of
from migops.sources.mounts import at_or_below

_WRITES = {
    "stamp": "it records revisions as applied without applying them",
    "downgrade": "it takes the database back",
    "revision": "it writes a new migration inside of the container",
    "migrate": "it writes a new migration inside of the container",
    "merge": "it writes a new migration inside of the container",
}
_HOSTS = ("network_mode", "extra_hosts", "links", "dns")
"""Keys of a service that decide what a host name means in its containers."""


@dataclass(frozen=True, slots=True)
class Start:
    """A command by which a service's start migrates. ``why``: the reason why it is not proved to do nothing after the
    deploy's own migration; '' if it is."""

    service: str
    does: str  # the command in words, with its line
    command: str  # Alembic's verb
    why: str = ""

    @property
    def means(self) -> str:
        """What a swap would come to with it."""
        if self.command != "upgrade":
            return f"the swap would run the {self.command} by itself, unlocked and in every replica"
        return (
            "the swap would migrate by itself, unlocked and in every replica, and the old image will not start again "
            "once the database has moved on"
        )

    def __str__(self) -> str:
        return f"{self.does}: {self.why}" if self.why else self.does


def of_deploy(inputs: DeployInputs, *, built: bool = False, once: bool = False) -> tuple[Start, ...]:
    """The starts of the services that run on: by what a build makes of them, or by the image if that is ``built``.
    ``once``: those of the services that end by themselves instead."""
    evidence = inputs.evidence if built else after_build(inputs.evidence)
    places = (PlaceName.IMAGE,) if built else (PlaceName.IMAGE, PlaceName.CONTEXT)
    startups = next((each for place in places if isinstance(each := evidence.startups.get(place), tuple)), ())
    names = {each.name for each in inputs.services}
    own = next((each for each in startups if each.service == inputs.target.service), None)
    theirs = [each for each in startups if each.service in names]
    ending = {each.name for each in inputs.services if each.one_shot} | {
        each.service for each in theirs if each.one_shot
    }
    running = [each for each in theirs if (each.service in ending) is once]
    hooks = [hook for each in theirs for hook in each.hooks if not once]
    return tuple(
        dict.fromkeys(
            start for some, when in ((hooks, "in its pre_start"), (running, "once" if once else "at every start"))
            for each in some for start in _of(inputs, each, own, when, built=built)
        )
    )  # fmt: skip


def refused(inputs: DeployInputs, *, built: bool = False) -> tuple[Start, ...]:
    """Those that are not proved to do nothing."""
    return tuple(each for each in of_deploy(inputs, built=built) if each.why)


def notes(inputs: DeployInputs) -> Iterator[str]:
    """What to know of them before saying yes. Those that are refused are here only because the user accepts them."""
    yield from (f"{start}; the swap runs it as it is" for start in of_deploy(inputs, once=True) if start.why)
    for start in of_deploy(inputs):
        if start.why:
            yield f"{start}; accepted, although {start.means}"
        else:
            yield (
                f"{start}; it will find nothing left to do, as it uses the configuration, the section and the database "
                "of this deploy's migration, which comes first"
            )


def _of(
    inputs: DeployInputs, startup: Startup, own: Startup | None, when: str, *, built: bool
) -> Iterator[Start]:  # fmt: skip
    told = {(each.at, each.text) for each in startup.migrating}
    for writes in startup.migrating:
        does = f"{startup.service} {_verb(writes)} {when}: `{writes.text}` ({where(writes)})"
        yield Start(startup.service, does, writes.verb, _doubt(inputs, startup, own, writes, built=built))
    for change in startup.upgrades:
        if (change.at, change.text) not in told:
            does = f"{startup.service} migrates {when}: `{change.text}` ({where(change)})"
            yield Start(startup.service, does, "upgrade", "what it migrates was not followed")


def where(found: Migrating | Change) -> str:
    """The line of a command, in words."""
    whose = "" if found.place in ("", "compose file") else f" of the {found.place}"
    return f"the call is in {found.at}{whose}"


def _verb(found: Migrating) -> str:
    return "migrates" if found.verb == "upgrade" else f"runs Alembic's {found.verb}"


def _doubt(inputs: DeployInputs, startup: Startup, own: Startup | None, writes: Migrating, *, built: bool) -> str:
    """Why it may do more than nothing; '' if it is proved that it does not."""
    if writes.verb != "upgrade":
        return _WRITES[writes.verb]
    if writes.doubt:
        return writes.doubt
    if len(writes.goal) != 1 or writes.goal[0] not in (inputs.goal, "heads"):
        return f"it goes to `{' '.join(writes.goal)}`, and the deploy to `{inputs.goal}`"
    if startup.unread and (built or inputs.evidence.image is not None):  # else the built image is the first to tell
        return f"its start was not read in full ({'; '.join(startup.unread)})"
    if own is None:
        return f"how {inputs.target.service} starts was not read"
    if differing := _other_call(inputs, own, writes):
        return differing
    if differing := _other_service(inputs, startup, own):
        return differing
    return ""


def _other_call(inputs: DeployInputs, own: Startup, writes: Migrating) -> str:
    """How the call differs from the deploy's; '' if it reads the same files with the same arguments."""
    words = inputs.evidence.alembic
    cwd = inputs.starts_in or own.cwd
    ours = call_in(Ran(words, cwd, own.environment))
    if migrating.program_of(words) != writes.program or (ours is None) is not (writes.call is None):
        return f"the deploy calls Alembic by `{shlex.join(words)}`"
    if ours is None or writes.call is None:  # Flask-Migrate, whose folder is in the application's code
        return "" if writes.cwd == cwd else f"it runs in {writes.cwd}, and the deploy's migration in {cwd}"
    return next(iter(_differences(ours, writes.call)), "")


def _differences(ours: Call, theirs: Call) -> Iterator[str]:
    """What of the two calls leads elsewhere, in words."""
    one, other = home_of(ours), home_of(theirs)
    if one.config != other.config:
        yield f"it reads {other.config}, and the deploy {one.config}"
    if one.section != other.section:
        yield f"it uses the section [{other.section}], and the deploy [{one.section}]"
    if ours.arguments != theirs.arguments:
        yield "it has other -x arguments than the deploy's migration"
    if one.cwd != other.cwd:
        yield f"it runs in {other.cwd}, and the deploy's migration in {one.cwd}"
    if one.second != other.second:
        yield f"it reads {other.second} as well, and the deploy {one.second}"
    if one.script_location != other.script_location:
        yield "it names another folder of migrations than the deploy"


def _other_service(inputs: DeployInputs, startup: Startup, own: Startup) -> str:
    """What of another service of the image may lead its Alembic to another database; '' if nothing does."""
    names = {*startup.environment, *own.environment}
    differing = sorted(each for each in names if startup.environment.get(each) != own.environment.get(each))
    if differing:
        return f"{listed(differing)} of it differ from those of {own.service}, whose database the deploy migrates"
    if startup.service == own.service:
        return ""
    one, other = (inputs.project.services[each] for each in (startup.service, own.service))
    keys = [each for each in _HOSTS if (one.raw.get(each) or None) != (other.raw.get(each) or None)]
    if _mounts(one, own.cwd, inputs) != _mounts(other, own.cwd, inputs):
        keys.append("files mounted into it")
    return f"it has other {listed(keys)} than {own.service}, whose database the deploy migrates" if keys else ""


def _mounts(service: Service, cwd: str, inputs: DeployInputs) -> set[tuple[str, str, str]]:
    """The mounts of a service that may change what Alembic reads: over its code, folders of the host in it, secrets."""
    seen = (cwd, *inputs.image_folders)
    return {
        (each.type, each.source, each.target) for each in service.volumes
        if any(at_or_below(folder, each.target) for folder in seen)
        or (each.type == "bind" and at_or_below(each.target, cwd))
    } | {
        (kind, each.source, each.target) for kind, given in (("config", service.configs), ("secret", service.secrets))
        for each in given
    }  # fmt: skip
