"""The command that goes on after a fix: a failure in a container is not fixed before the container has the fix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from migops import collect
from migops.commands.failures.failure import Changes, Failure, Step
from migops.commands.failures.inputs import FailureInputs
from migops.commands.failures.known import named
from migops.core.errors import MigopsError
from migops.core.terminal import shell_line
from migops.core.text import listed
from migops.target import Target

_DEPLOYED = (("upgrade", "head"), ("upgrade", "heads"))
"""What a deploy runs as well."""
_ACTING = ("adopt", "rescue", "restore", "rebuild-and-migrate")


def closing(failure: Failure, steps: Sequence[Step], inputs: FailureInputs) -> Iterator[Step]:
    """The steps after ``steps``, by what these change; none if the caller has no command to go on with."""
    again, commands = inputs.again, [step.command for step in steps if step.command]
    if not steps or not again or not inputs.target.commands.compose or _are_again(commands, inputs):
        return
    changes, is_deploy = _changes(failure, commands, inputs), again[1] == "rebuild-and-migrate"
    if changes is Changes.NOTHING or is_deploy or again[1] != "alembic":
        yield Step("then run this again", again)
        return
    if changes is Changes.FILES and _is_mounted(inputs):
        yield Step(f"then run this again: {inputs.target.service} has the host's files mounted", again)
        return
    if tuple(inputs.arguments) in _DEPLOYED:
        rebuild = inputs.target.commands.migops("rebuild-and-migrate")
        done = ("rebuild the image", "migrate with it", "replace the containers")
        yield Step(f"then {listed(done if changes is Changes.FILES else done[1:])}", rebuild)
        return
    if changes is Changes.FILES and not any("build" in words for words in commands):
        if build := inputs.target.commands.build():
            yield Step("then rebuild the image: Alembic runs with its files, not with the host's", build)
    elif changes is Changes.SERVICE:
        yield Step("then create the containers again, with it", inputs.target.commands.up())
    yield Step("then run this again", again)


def _are_again(commands: Sequence[tuple[str, ...]], inputs: FailureInputs) -> bool:
    """True if a step is the failed call itself, also with another section or service."""
    words = tuple(inputs.arguments)
    return inputs.again in commands or any(
        words and each[:2] == ("migops", "alembic") and each[-len(words) :] == words for each in commands
    )


def after_edit(name: str, target: Target, arguments: Sequence[str], again: tuple[str, ...]) -> tuple[str, ...]:
    """The steps after the project's files were edited as the failure's fix says, as sentences with their commands."""
    try:
        host = collect.host(target).migrations
    except MigopsError:
        host = None
    failure = named(name)
    inputs = FailureInputs(target, arguments, host=host, again=again)
    steps = closing(failure, [Step("the edit")], inputs) if failure else ()
    return tuple(f"{step.why}: {shell_line(step.command)}" for step in steps)


def _changes(failure: Failure, commands: Sequence[tuple[str, ...]], inputs: FailureInputs) -> Changes:
    """What the steps change. A statement for the server, or a command of migops that acts, is the whole fix."""
    if inputs.programs:
        return Changes.NOTHING  # migops reads the program's name in the compose file by itself
    for words in commands:
        is_statement = "psql" in words and not words[-1].lstrip().upper().startswith(("SELECT", "SHOW"))
        if is_statement or (words[0] == "migops" and words[1] in _ACTING) or {"upgrade", "stamp"} & {*words}:
            return Changes.NOTHING
    if failure.name == "connection-refused" and not commands:
        return Changes.SERVICE  # the address is another one then
    return failure.changes


def _is_mounted(inputs: FailureInputs) -> bool:
    """True if the service shows the host's migrations through a bind mount."""
    model, host = inputs.target.model, inputs.host
    service = model.services.get(inputs.target.service) if model else None
    if service is None or host is None or not host.location:
        return False
    sources = [str(mount.source) for mount in service.volumes if mount.type == "bind"]
    return any(PurePath(host.script_location).is_relative_to(source) for source in sources)
