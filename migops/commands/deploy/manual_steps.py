"""A deploy that was rolled back, in words: which containers run now, and what to type where migops could not do it."""

from __future__ import annotations

from collections.abc import Mapping

from migops.commands.deploy import images, kept_definition, old_starts, recreate_old, rollback
from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.step_name import StepName
from migops.core.errors import Unavailable
from migops.core.terminal import shell_line
from migops.core.text import listed

HINT = (
    "put the old content of these files back (from git or a backup) and restart the containers (docker restart NAME), "
    "or fix what failed and deploy again"
)


def runs(deploy: Deploy) -> str:
    """Which containers run, in words. Only where image and definition are the old ones, they are the old containers."""
    if not any(each.runs for each in deploy.inputs.services):
        return "nothing is running"
    if deploy.record.stopped:
        others = [each.name for each in deploy.inputs.services if each.runs and each.name not in deploy.record.stopped]
        on = f"the old containers of {listed(others)} run{_definition(deploy)}; " if others else ""
        return on + stay_stopped(deploy)
    folders = ", ".join(deploy.inputs.previous.folders) if deploy.record.recreated else ""
    restart = _must_not_restart(deploy)
    unknown = f" (the content of the mounted folders was not compared: {folders})" if folders else ""
    return f"the old containers run{_definition(deploy)}{unknown}{restart}"


def stay_stopped(deploy: Deploy) -> str:
    """Which services stay stopped, and why; '' where none does."""
    return "; ".join(
        f"{name} is stopped: its old start runs {command}, which fails (Can't locate revision) on the database as "
        "it is now"
        for name, command in deploy.record.stopped.items()
    )


def _must_not_restart(deploy: Deploy) -> str:
    """What a restart of the old containers would do now, where that is known."""
    if not deploy.record.has_moved:
        return ""
    failing = old_starts.failing(deploy.inputs, deploy.record.after or ())
    return "".join(
        f" (do not restart {name}: its start runs {command}, which would fail: Can't locate revision)"
        for name, command in failing.items()
        if deploy.inputs.old_starts[name].restarts
    )


def start_again(deploy: Deploy) -> str:
    """How the services that stay stopped are started once the database was taken back; '' where there are none."""
    names = deploy.record.stopped
    services = [each for each in deploy.inputs.services if each.name in names]
    if not services or gone(deploy):
        return ""
    is_kept = deploy.record.definition is not None
    lines = []
    for some, words in recreate_old.commands(deploy, services):
        olds = [(deploy.record.old.get(each.name, ""), each) for each in some if "@" not in each.image_ref]
        # The names mean again what they meant: not always what ran.
        lines += [
            shell_line(("docker", "tag", image, each.image_ref)) for image, each in olds
            if image and image != deploy.record.tagged.get(each.name, image)
        ]  # fmt: skip
        lines.append(shell_line(kept_definition.typed(words) if is_kept else words))
    commands = " and ".join(f"`{line}`" for line in lines)
    return (
        f"once the database is back at {listed(deploy.record.before or ()) or 'nothing'}, {commands} starts "
        f"the old containers of {listed(list(names))}"
    )


def partly(deploy: Deploy) -> str:
    """The same where something about them is not as before."""
    found = "; ".join(deploy.record.unrestored)
    return f"the old image runs again, but not everything is as it was{_definition(deploy)}: {found}"


def _definition(deploy: Deploy) -> str:
    """What the next `up` would do, where the old definition is not the compose file's any more."""
    if deploy.record.definition is None or not deploy.record.recreated:
        return ""
    up = shell_line((*deploy.inputs.compose.words, "up", "-d"))
    names = listed(list(deploy.inputs.previous.services))
    return f" (from their old definition: the next `{up}` recreates {names} from the compose file as it is now)"


def manual_steps_for(deploy: Deploy, trouble: Mapping[StepName, str]) -> list[tuple[str, ...]]:
    """The commands that give the names their images and bring the old containers back, where migops could not."""
    inputs = deploy.inputs
    if not {StepName.KEEP, StepName.BUILD} & trouble.keys() or deploy.record.foreign or gone(deploy):
        return []
    tagged = [
        ("docker", "tag", image, each.image_ref) for each in inputs.services
        if "@" not in each.image_ref and (image := deploy.record.tagged.get(each.name, ""))
    ]  # fmt: skip
    if StepName.SWAP not in deploy.record.begun:
        return list(dict.fromkeys(tagged))
    steps: list[tuple[str, ...]] = []
    held = deploy.record.stopped
    lasting = [
        each for each in inputs.services if each.name not in held and rollback.comes_back(inputs.rollbacks, each)
    ]
    for some, words in recreate_old.commands(deploy, lasting):
        olds = [(deploy.record.old[each.name], each.image_ref) for each in some if each.name in deploy.record.old]
        steps += [("docker", "tag", image, ref) for image, ref in olds if "@" not in ref]
        steps.append(kept_definition.typed(words) if deploy.record.definition else words)
    # Last, the names mean again what they meant: not always what ran.
    steps += [each for each in tagged if each not in steps]
    return list(dict.fromkeys(steps))


def gone(deploy: Deploy) -> str:
    """A sentence where an image that ran before is no longer there: then no command brings the old containers back."""
    try:
        lost = [each for each in dict.fromkeys(deploy.record.old.values()) if not images.exists(deploy, each)]
    except Unavailable:  # the engine does not answer, so the commands are the best that is known
        return ""
    if not lost:
        return ""
    return (
        f"the old image {listed([each[:19] for each in lost])} is gone from the engine, so the old containers cannot "
        "come back: fix what failed and deploy again, or check out the old sources, build them and restore the backup"
    )


def went_further(deploy: Deploy) -> str:
    """A sentence where going back has led to another image than the one that ran when the deploy began; else ''."""
    if not deploy.record.recreated:
        return ""
    names = {each.name for each in deploy.inputs.services if rollback.comes_back(deploy.inputs.rollbacks, each)}
    led = {name: each for name, each in deploy.inputs.rollbacks.items() if name in names and each.leads_further}
    return "; ".join(
        f"{name} runs {rollback.short(each.image)} again, as before run {each.run}, not "
        f"{rollback.short(each.current)}, which it had when this deploy began, and which was not proved"
        for name, each in led.items()
    )  # fmt: skip


def moved_since(deploy: Deploy) -> str:
    """Why the image that a deploy has gone back to may not fit the database; '' where it is as it was then."""
    for each in deploy.inputs.rollbacks.values():
        if each.leads_further and each.rows is None:
            return f"it is not known which revision the database was at before run {each.run}"
        if each.leads_further and each.rows != (deploy.record.before or ()):
            was, now = (", ".join(rows) or "no revision" for rows in (each.rows or (), deploy.record.before or ()))
            return f"the database was at {was} then, and is at {now} now"
    return ""
