"""The actions of a reset that a deploy does not have, and their undo. Each returns what the journal notes of it."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

from migops.commands.deploy import dump, images, kept_definition, settle, shell, swap
from migops.commands.deploy import inputs as deploys
from migops.commands.deploy.commands import with_override
from migops.commands.deploy.deploy import Deploy
from migops.commands.reset import first_revision, new_database, scripts
from migops.commands.reset.reset import Reset, candidate, record
from migops.core.errors import Aborted, Failed
from migops.core.model import Location, Unknown
from migops.core.text import counted, listed
from migops.docker import execs, making
from migops.docker.containers import inspect
from migops.state.state_folder import write_private

OVERRIDE = "reset.compose.json"
_STEADY = 1.0  # seconds that a started container must keep running


def backup(reset: Reset, deploy: Deploy) -> dict[str, Any]:
    """Note how things are, and take a verified dump of the database."""
    deploy.log.note("reset", "confirmed", **record(reset.inputs).facts())
    return dump.take_now(deploy)


def build_models(reset: Reset, deploy: Deploy) -> dict[str, Any]:
    """Build an image of the host's code under a name of its own, so that no container's image is touched."""
    inputs, path = deploy.inputs, deploy.folder / OVERRIDE
    builder = inputs.builder(inputs.target.service)
    try:
        write_private(path, json.dumps({"services": {builder: {"image": candidate(reset.inputs)}}}))
    except OSError as error:
        raise Aborted(f"cannot be written: {error.strerror}", at=Location(str(path))) from None
    compose = with_override(inputs.project, inputs.compose, inputs.program, str(path))
    ran = shell.run(deploy, compose.build([builder], cache=reset.options.deploy.cache, pull=False))
    if deploy.stop.came:
        raise Aborted(f"the build was stopped by {deploy.stop.name}")
    if ran.code:
        raise Aborted(f"the build failed with exit code {ran.code}, see the output above")
    return {"image": str(deploy.engine.image(candidate(reset.inputs))["Id"])}


def forget_models(reset: Reset, deploy: Deploy) -> dict[str, Any]:
    """Remove that name again."""
    return {"removed": making.untag(deploy.engine, candidate(reset.inputs))}


def write_first(reset: Reset, deploy: Deploy) -> dict[str, Any]:
    """Have Alembic write the first revision, and prove it, on a disposable server."""
    image = str(deploy.engine.image(candidate(reset.inputs))["Id"])
    options = reset.options
    handles = first_revision.Handles(deploy.engine, deploy.say.line, deploy.is_stopped)
    first = first_revision.write(reset.inputs, image, options.message, options.deploy.timeout, handles)
    reset.first = first
    deploy.say.line(f"{first.revision} creates {counted(len(first.tables), 'table')}: {listed(first.tables)}")
    for note in first.notes:
        deploy.say.line(note)
    return {"revision": first.revision, "file": first.name, "tables": list(first.tables), "notes": list(first.notes)}


def keep_scripts(reset: Reset, deploy: Deploy) -> dict[str, Any]:
    """Keep all that the way back needs: the images, the old definition, the old scripts."""
    scripts.keep(reset.inputs)
    return {**kept_definition.prepare_rollback(deploy), "scripts": str(reset.inputs.saved / scripts.OLD)}


def stop(reset: Reset, deploy: Deploy) -> dict[str, Any]:
    """Stop the application, and what else uses the database; not the database's server."""
    services = [each for each in deploy.inputs.services if each.runs]
    if services:
        settle.stop(deploy, services)
    for each in reset.inputs.others:
        reset.stopped.append(each)
        execs.stop(deploy.engine, each.id)
    return {"services": [each.name for each in services], "others": [each.name for each in reset.stopped]}


def start_old(reset: Reset, deploy: Deploy) -> dict[str, Any]:
    """Undo: the old containers run again, and what else was stopped. ``Failed`` where they would work on the new
    database: what they write there would be missing in the old one, and their start may migrate it."""
    if not reset.is_old_database:
        raise Failed("nothing was started, since the old database does not have its name again")
    facts = swap.restore(deploy)
    return {**facts, **start_others(reset, deploy)}


def start_others(reset: Reset, deploy: Deploy) -> dict[str, Any]:
    """Start the other containers again. Raises ``Failed`` if one does not keep running."""
    for each in reset.stopped:
        making.start(deploy.engine, each.id)
    if reset.stopped:
        time.sleep(_STEADY)
    ended = [each.name for each in reset.stopped if not _runs(deploy, each.id)]
    if ended:
        raise Failed(f"{listed(ended)} did not start again: docker logs --tail 50 {ended[0]}")
    return {"others": [each.name for each in reset.stopped]}


def _runs(deploy: Deploy, container: str) -> bool:
    return bool(((inspect(deploy.engine, container) or {}).get("State") or {}).get("Running"))


def replace_scripts(reset: Reset, deploy: Deploy) -> dict[str, Any]:
    """Put the first revision in the old scripts' place, and read the project as it is now."""
    reset.written = scripts.replace(reset.inputs, reset.revision)
    old = deploy.inputs
    observed = deploys.observe(old.target, deploy.engine, replace(reset.options.deploy, cache=True), old.program)
    observed = replace(
        observed, services=old.services, left=old.left, scale=old.scale, previous=old.previous, rollbacks=old.rollbacks,
        unchecked=old.unchecked, starts_in=observed.starts_in or old.starts_in,
        evidence=replace(observed.evidence, database=Unknown("the new database is not there yet")),
    )  # fmt: skip
    options = replace(reset.options.deploy, cache=True, fetch=False, backup=False, accept_migrating=True)
    reset.deploy = replace(deploy, inputs=observed, options=options)
    return {"written": str(reset.written), "moved": [each.name for each in reset.inputs.scripts]}


def put_scripts_back(reset: Reset, deploy: Deploy) -> dict[str, Any]:
    """Undo: the old scripts are on the host again, byte for byte."""
    back = scripts.put_back(reset.inputs, reset.first)
    reset.deploy = None
    return {"back": back}


def verify_image(reset: Reset, deploy: Deploy) -> dict[str, Any]:
    """The image has the first revision, and nothing else. The one without it is not needed any more."""
    facts = images.verify(reset.new)
    making.untag(deploy.engine, candidate(reset.inputs))
    return facts


def replace_database(reset: Reset, deploy: Deploy) -> dict[str, Any]:
    """A new, empty database gets the name."""
    reset.is_old_database = False
    return new_database.swap(reset.inputs, deploy)


def database_back(reset: Reset, deploy: Deploy) -> dict[str, Any]:
    """Undo: the old database gets its name again."""
    facts = new_database.swap_back(reset.inputs, deploy)
    reset.is_old_database = True
    return facts


def stop_new(reset: Reset, deploy: Deploy) -> dict[str, Any]:
    """Undo: nothing of the new image may work on the database when it gets its name back."""
    settle.stop(deploy, deploy.inputs.services)
    return {"stopped": [each.name for each in deploy.inputs.services]}


def verify(reset: Reset, deploy: Deploy) -> dict[str, Any]:
    """The new containers are healthy and see the first revision; what else was stopped runs again."""
    return {**swap.verify(reset.new), **start_others(reset, deploy)}
