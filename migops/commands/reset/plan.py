"""From the inputs to the plan. Pure: a dry run shows the very steps that a real run carries out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from migops.commands.deploy import images, migrate, prepare_database, swap
from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.step import Plan, Step
from migops.commands.deploy.step_name import StepName
from migops.commands.reset import actions, ours, scripts
from migops.commands.reset.reset import Reset, tags
from migops.core.text import counted, first_few, listed
from migops.rules import RULES, judge

_NOTED = ("MIG507", "MIG601", "MIG602", "MIG603")
"""Rules about what a first revision meets: models that Alembic does not see, and starts that touch the schema."""


def make(reset: Reset) -> Plan:
    """The steps, in order, each with its undo. Nothing is changed before the step ``stop``."""
    return Plan(tuple(_steps(reset)), None, tuple(_notes(reset)))


def _steps(reset: Reset) -> Iterator[Step]:
    inputs = reset.inputs
    names = listed([each.name for each in inputs.deploy.services])
    stopped = listed([*inputs.running, *(each.name for each in inputs.others)])
    number = counted(len(inputs.scripts), "old script")

    def of(action: Callable[[Reset, Deploy], Any]) -> Callable[[Deploy], Any]:
        return partial(action, reset)

    def new(action: Callable[[Deploy], Any]) -> Callable[[Deploy], Any]:
        return lambda _: action(reset.new)

    yield Step(StepName.BACKUP, f"dump {inputs.database}, and verify the dump", of(actions.backup))
    yield Step(
        StepName.MODELS, "build an image of the code on this host, under a name of its own", of(actions.build_models),
        undo=of(actions.forget_models),
    )  # fmt: skip
    yield Step(
        StepName.FIRST,
        "write the first revision from the models, on a disposable server; verify there that it runs, leaves no "
        "difference to the models, and has a downgrade that runs",
        of(actions.write_first),
    )
    kept = f"the image that runs now stays available, as {listed(tags(inputs))}; copy" if tags(inputs) else "copy"
    yield Step(
        StepName.KEEP, f"{kept} the {number} to {inputs.saved / scripts.OLD}", of(actions.keep_scripts),
        undo=of(actions.start_old),
    )  # fmt: skip
    yield Step(
        StepName.STOP, f"stop {stopped} (not the database's server)" if stopped else "nothing runs that must stop",
        of(actions.stop),
    )  # fmt: skip
    yield Step(
        StepName.SCRIPTS, f"put the first revision in the place of the {number} in {inputs.folder}",
        of(actions.replace_scripts), undo=of(actions.put_scripts_back),
    )  # fmt: skip
    yield Step(
        StepName.BUILD, "rebuild the image, now with the first revision", new(images.build), undo=new_or_none(reset)
    )
    yield Step(StepName.IMAGE, "verify: it contains the first revision and no other", of(actions.verify_image))
    yield Step(
        StepName.REPLACE,
        f"create {inputs.new}, empty, with the same owner, locale, extensions, privileges and settings; then rename "
        f"{inputs.database} to {inputs.old} (kept) and {inputs.new} to {inputs.database}, in one transaction",
        of(actions.replace_database), undo=of(actions.database_back),
    )  # fmt: skip
    yield Step(StepName.DATABASE, "check: the new database is up and empty; lock it", new(prepare_database.start))
    yield Step(StepName.MIGRATE, "upgrade it to the first revision", new(migrate.upgrade))
    yield Step(StepName.REVISION, "verify: it is at the first revision", new(migrate.verify))
    yield Step(StepName.SWAP, f"{names}: start from the new image", new(swap.recreate), undo=of(actions.stop_new))
    yield Step(
        StepName.CONTAINERS,
        f"verify: the containers of {names} run it, are healthy, and have the first revision",
        of(actions.verify),
    )


def new_or_none(reset: Reset) -> Callable[[Deploy], Any]:
    """The undo of the build: the images' names mean again what they meant."""
    return lambda deploy: images.unbuild(reset.deploy or deploy)


def _notes(reset: Reset) -> Iterator[str]:
    """What to know before saying yes."""
    inputs = reset.inputs
    deployed = inputs.deploy
    for name, why in deployed.left.items():
        yield f"{name} has the same image and is left as it is: {why}"
    for each in inputs.clients.unsure:
        yield f"{each.service} keeps running, although it may use the database: {each.why}"
    if schemas := ours.foreign_schemas(inputs):
        yield (
            f"no script of this project names the schema {listed(schemas)}: unless the models create its tables, the "
            "reset stops before it changes anything"
        )
    files = [name for name in deployed.project.files if "prod" in name.rpartition("/")[2].lower()]
    if files:
        yield f"{first_few(files)} is named like a production file: reset is for development only"
    yield from deployed.previous.notes()
    for finding in judge([rule for rule in RULES if rule.id in _NOTED], deployed.evidence)[0]:
        yield f"{finding.rule}: {finding.message}{_meaning(finding.rule)}"


def _meaning(rule: str) -> str:
    return {
        "MIG507": "; the first revision will not have their tables",
        "MIG601": "; the application is stopped until the first revision has made all tables, so it creates none",
    }.get(rule, "")
