"""``--discard REV``: a revision that only a container has is given up. Its script is saved first."""

from __future__ import annotations

import posixpath
import time
from collections.abc import Sequence
from typing import Any

from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.step import Step
from migops.commands.deploy.step_name import StepName
from migops.core.errors import Aborted, MigopsError
from migops.core.model import Absent, Finding, MigrationFile, NotAsked, Unknown
from migops.core.text import listed, with_hint
from migops.sources.environment import Environment
from migops.state.state_folder import make_private_folder, write_private

FOLDER = "discarded"


def refuse(inputs: DeployInputs, revisions: Sequence[str], container_only: Sequence[Finding]) -> None:
    """Raise MigopsError (2) for a revision that is not in a container alone, ``Aborted`` for one that the database may
    have had: without its script no downgrade would lead back from there."""
    there = {finding.subject.revision for finding in container_only}
    for revision in revisions:
        if revision not in there:
            names = listed(sorted(there)) or "none"
            raise MigopsError(
                f"--discard {revision}: no revision with this id exists only in a container of "
                f"{inputs.target.service} (those that do: {names})",
                hint=with_hint(revision, sorted(there), inputs.evidence.commands.say("check-image")),
            )
    if not revisions:
        return
    database = inputs.evidence.database
    if isinstance(database, (Unknown, Absent, NotAsked)):
        raise Aborted(
            f"--discard {' --discard '.join(revisions)}: the database cannot be read, so it is not known whether the "
            f"revision was applied: {database.reason}",
            hint=f"start the database, and check that it can be reached: {inputs.evidence.commands.say('status')}",
        )
    for revision in revisions:
        if rows := [row for row in database.rows if row in _at_or_after(inputs, revision)]:
            raise Aborted(
                f"--discard {revision}: the database is at {listed(rows)}, which is {revision} or follows it, so its "
                "script is needed (e.g. for a downgrade)",
                commands=[inputs.evidence.commands.rescue()], hint="copy it to the host instead",
            )  # fmt: skip


def step(inputs: DeployInputs, revisions: Sequence[str]) -> Step:
    """The step that saves the scripts, before anything else is done."""
    names = listed(sorted(file.path for each in revisions for file in _files(inputs, each)))
    why = f"save the script of {listed(sorted(revisions))}, which only a container has ({names}), then discard it"

    def save(deploy: Deploy) -> dict[str, Any]:
        saved = []
        for revision in revisions:
            for file in _files(deploy.inputs, revision):
                path = deploy.folder / FOLDER / f"{time.strftime('%Y%m%d-%H%M%S')}-{posixpath.basename(file.path)}"
                try:
                    make_private_folder(path.parent)
                    while path.exists():
                        path = path.with_name(f"{path.stem}-2{path.suffix}")
                    write_private(path, file.content)
                except OSError as error:
                    raise Aborted(f"{path} cannot be written: {error.strerror}; nothing was discarded") from None
                deploy.say.line(f"{revision} is saved: {path}")
                saved.append(str(path))
        return {"saved": saved}

    return Step(StepName.DISCARD, why, save)


def _files(inputs: DeployInputs, revision: str) -> list[MigrationFile]:
    """The revision's script in each container that has one, each text once."""
    files: dict[str, MigrationFile] = {}
    for container in inputs.evidence.containers:
        held = container.migrations
        paths = {each.path for each in held.revisions if each.id == revision} if held else set()
        for file in held.scripts.values() if held else ():
            if file.path in paths and container.wrote(file.path):
                files.setdefault(file.sha256, file)
    return list(files.values())


def _at_or_after(inputs: DeployInputs, revision: str) -> frozenset[str]:
    """The revision and all that follows it, in any history that has it."""
    graphs = [each.found.graph for each in inputs.evidence.containers if isinstance(each.found, Environment)]
    found = {revision}
    for graph in (*graphs, *inputs.evidence.graphs.values()):
        found |= graph.descendants([revision] if revision in graph.by_id else [])
    return frozenset(found)
