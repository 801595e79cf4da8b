"""A reset while it goes on: the plan's inputs, the user's options, and the record of its steps."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from migops.commands.backup.external_sessions import Container
from migops.commands.deploy.commands import rollback_tag
from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.options import Options
from migops.commands.reset import scripts
from migops.commands.reset.first_revision import FirstRevision
from migops.commands.reset.inputs import ResetInputs
from migops.commands.reset_record import ResetRecord, Words


@dataclass(frozen=True, slots=True)
class ResetOptions:
    """The user's options: the first revision's message, and those that a reset shares with a deploy."""

    message: str
    deploy: Options


@dataclass(slots=True)
class Reset:
    """What the steps have done so far. Also a step that fails leaves here what it has done."""

    inputs: ResetInputs
    options: ResetOptions
    first: FirstRevision | None = None
    deploy: Deploy | None = None
    """The deploy of the new scripts; None before they are there."""
    written: Path | None = None
    """The first revision's file on the host."""
    stopped: list[Container] = field(default_factory=list)
    """The other containers that were stopped."""
    is_old_database: bool = True
    """False while the database's name may mean the new one."""

    @property
    def revision(self) -> FirstRevision:
        """The first revision. LookupError before it is written."""
        if self.first is None:
            raise LookupError("the first revision is not written yet")
        return self.first

    @property
    def new(self) -> Deploy:
        """The deploy of the new scripts. LookupError before they are there."""
        if self.deploy is None:
            raise LookupError("the new scripts are not there yet")
        return self.deploy


def candidate(inputs: ResetInputs) -> str:
    """The name of the image that the first revision is written in, while that takes."""
    return f"migops-reset-{inputs.deploy.project.name}:models"


def record(inputs: ResetInputs) -> ResetRecord:
    """What the journal notes before the first change."""
    deployed, others = inputs.deploy, [each.name for each in inputs.others]
    tags = {
        each.image_ref: deployed.rollbacks[each.name].current
        for each in deployed.services
        if each.name in deployed.rollbacks
    }
    ran = [each for service in deployed.services for each in service.runs]
    running = list(inputs.running)
    return ResetRecord(
        database=inputs.database, kept=inputs.old, new=inputs.new, undone=inputs.undone, oid=inputs.properties.oid,
        is_open=inputs.properties.open, folder=str(inputs.folder), old=str(inputs.saved / scripts.OLD),
        later=str(inputs.saved / scripts.LATER),
        scripts=tuple((each.name, each.sha256) for each in inputs.scripts),
        containers=(*((each.id, each.name) for each in ran), *((each.id, each.name) for each in inputs.others)),
        stop=(deployed.compose.stop([each.name for each in deployed.services]), *_others("stop", others)),
        start=(
            *(("docker", "tag", image, ref) for ref, image in tags.items() if "@" not in ref),
            *((deployed.compose.recreate(running),) if running else ()), *_others("start", others),
        ),
        finish=deployed.target.commands.migops("rebuild-and-migrate"), deep=inputs.deep,
    )  # fmt: skip


def _others(verb: str, names: list[str]) -> tuple[Words, ...]:
    return (("docker", verb, *names),) if names else ()


def tags(inputs: ResetInputs) -> list[str]:
    """The names under which the images of now stay."""
    found = inputs.deploy
    return sorted({rollback_tag(each.image_ref) for each in found.services if each.name in found.rollbacks})
