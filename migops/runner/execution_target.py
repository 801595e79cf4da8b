"""Where Alembic is run: in a running container if that shows what the current image holds, else in a one-off one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from migops.collect import Survey
from migops.compose import Project
from migops.core.errors import Unavailable
from migops.core.model import ImageIdentity, MigrationSet, PlaceName, Unknown
from migops.core.text import some
from migops.docker import Engine
from migops.docker.containers import inspect
from migops.docker.same_content import same_content
from migops.runner import current_definition
from migops.runner.command_lines import Program
from migops.runner.current_definition import Definition
from migops.sources.container_model import Container, digests
from migops.sources.mounts import at_or_below


@dataclass(frozen=True, slots=True)
class ExecutionTarget:
    """The container to run in, None for a one-off one of ``image``, and why. ``held`` is what the image holds.

    ``beside`` is the running container that would do, where a one-off one is taken all the same. ``doubt`` is what is
    not known of the container's definition, as a clause; '' if it is known to be the current one.
    """

    container: Container | None
    image: ImageIdentity
    why: str
    held: MigrationSet | None
    beside: Container | None = None
    doubt: str = ""

    def apart(self) -> ExecutionTarget:
        """The same in a one-off container: what is written there goes with it, so that no twin of a new file stays."""
        if self.container is None:
            return self
        why = f"a new file is written there, so that none stays in {self.container.name}"
        return ExecutionTarget(None, self.image, why, self.held, self.container)

    def sentence(self) -> str:
        """For the user: where, and why there."""
        if self.container is not None:
            return f"in {self.container.name}: {self.why}{f'; {self.doubt}' if self.doubt else ''}"
        return f"in a one-off container of {self.image.ref} ({self.image.id.removeprefix('sha256:')[:12]}): {self.why}"


def choose(survey: Survey, program: Program, engine: Engine) -> ExecutionTarget:
    """The first running container that is current, else a one-off one; of those that are not, the first says why.

    Raises ``Unavailable`` where the image cannot be read: then nothing tells what would be run.
    """
    image = survey.image
    reading = survey.places[PlaceName.IMAGE]
    if image is None:
        reason = reading if isinstance(reading, Unknown) else Unknown("the image could not be read")
        raise Unavailable(reason.reason, hint=reason.hint)
    held = reading if isinstance(reading, MigrationSet) else None
    if program.keeps_entrypoint:
        return ExecutionTarget(None, image, "x-migops says that Alembic needs the image's entrypoint", held)
    lasting = [each for each in survey.containers if not each.one_off]
    definition = _definition(survey, image, engine) if lasting else None
    if not lasting:
        containers = survey.places.get(PlaceName.CONTAINER)
        unread = containers.reason if isinstance(containers, Unknown) else ""
        return ExecutionTarget(None, image, unread or f"no container of {survey.target.service} exists", held)
    whys = []
    for each in lasting:
        why, doubt = _why_not(each, image, held, engine, survey, definition)
        if not why:
            bound = "the host's folder is mounted in it" if each.is_bound else "its migrations are the image's"
            return ExecutionTarget(each, image, f"it runs the current image, and {bound}", held, doubt=doubt)
        whys.append((not each.running, why))
    return ExecutionTarget(None, image, min(whys, key=lambda pair: pair[0])[1], held)


def _why_not(
    container: Container, image: ImageIdentity, held: MigrationSet | None, engine: Engine, survey: Survey,
    definition: Definition | None,
) -> tuple[str, str]:  # fmt: skip
    """Why Alembic must not be run in this container, '' where it may; and what of its definition is not known."""
    if not container.running:
        return f"{container.name} is not running", ""
    if not same_content(engine, container.image_id, image.id):
        return f"{container.name} runs another image than the current one", ""
    if isinstance(container.found, Unknown):
        return container.found.reason, ""
    if held is None:
        return "the migrations that the image's configuration points to cannot be read", ""
    inspected = inspect(engine, container.id) or {}
    state = inspected.get("State") or {}
    if state.get("Status") != "running":
        return f"{container.name} is {state.get('Status') or 'gone'}", ""
    old, doubt = _definition_differs(container, definition, inspected)
    return old or _other_migrations(container, held, survey), doubt


def _definition(survey: Survey, image: ImageIdentity, engine: Engine) -> Definition | None:
    """The service as it would be created now; None if no compose file was read, or the engine has lost the image."""
    model = survey.target.model
    if model is None or survey.target.service not in model.services:
        return None
    try:
        config = engine.image(image.id).get("Config") or {}
    except Unavailable:
        return None
    return Definition(model, model.services[survey.target.service], config)


def _definition_differs(
    container: Container, definition: Definition | None, inspected: Mapping[str, Any]
) -> tuple[str, str]:
    """Why the container is not what compose would create now, else ''; and the clause for what is not known of it."""
    unknown = "whether it was created from the service's current definition is not known"
    if definition is None:
        return "", unknown
    differs = current_definition.changed(definition, inspected)
    if isinstance(differs, Unknown):
        return "", f"{unknown}: {differs.reason}"
    if not differs:
        return "", ""
    return f"{container.name} was created with another definition than the compose files have now ({some(differs)})", ""


def _other_migrations(container: Container, held: MigrationSet, survey: Survey) -> str:
    """How the migrations that the container sees differ from the image's; '' for the same or for the host's folder."""
    if container.is_bound or container.migrations is None or _view(container.migrations) == _view(held):
        return ""
    folders = container.migrations.location
    synced = watched(survey.target.model, survey.target.service, folders)
    if synced:
        return f"{container.name} has other migrations than the image, {synced}"
    covers = {cover.type for folder in folders if (cover := container.cover(folder))}
    shown = f" (a {' and a '.join(sorted(covers))} lies over them)" if covers else ""
    return f"{container.name} has other migrations than the image{shown}"


def watched(model: Project | None, service: str, folders: Sequence[str]) -> str:
    """A clause where ``develop.watch`` brings the host's files to one of the folders; '' where it does not."""
    develop = model.services[service].raw.get("develop") if model else None
    for each in (develop or {}).get("watch") or ():
        target = str(each.get("target") or "")
        if str(each.get("action")).startswith("sync") and any(at_or_below(folder, target) for folder in folders):
            return (
                f"as `docker compose watch` syncs {each.get('path')} to {target}: from the host to the container only, "
                "and not to the image; what is written in the container is never copied back"
            )
    return ""


def _view(held: MigrationSet) -> tuple[dict[str, str], dict[str, str]]:
    return digests(held), {name: file.sha256 for name, file in held.environment.items()}
