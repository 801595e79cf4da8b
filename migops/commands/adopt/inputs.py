"""What is there before anything is done: the image, the live database and its schema. All of it is only read."""

from __future__ import annotations

from dataclasses import dataclass, field

from migops import collect, sandbox
from migops.collect.database_query import Ask, question
from migops.collect.state import host_home
from migops.compose import Project, Service
from migops.core.errors import MigopsError, Unavailable
from migops.core.model import ImageIdentity, MigrationSet, PlaceName, Revision, Unknown
from migops.docker import Engine
from migops.sources.database import Reached, reach, read
from migops.sources.database_state import DatabaseState
from migops.target import Target
from migops.target.alembic_program import aimed, program


@dataclass(frozen=True, slots=True)
class AdoptInputs:
    """Where it happens. ``alembic`` are the words that run Alembic in the image, which is ``image``; ``held`` are the
    migrations that it holds. ``live`` is the server container, ``network`` one that it shares with the service.
    """

    target: Target
    project: Project
    service: Service
    image: ImageIdentity
    held: MigrationSet
    alembic: tuple[str, ...]
    reached: Reached
    state: DatabaseState
    live: sandbox.Live
    app: sandbox.App
    network: str
    python_path: str = field(default="")
    options: str = field(default="")

    @property
    def versions(self) -> str:
        """The folder of the image that new migrations go into."""
        return self.held.location[0]

    def text_of(self, revision: Revision) -> bytes:
        """The text of a revision's script, as the image holds it."""
        return next((file.content for file in self.held.scripts.values() if file.path == revision.path), b"")

    @property
    def revisions(self) -> dict[str, Revision]:
        """The image's revisions by their IDs."""
        return {revision.id: revision for revision in self.held.revisions}


def look(target: Target, engine: Engine, timeout: float) -> AdoptInputs:
    """Read the image and the live database.

    Raises ``Unavailable`` where one of them cannot be read; MigopsError where there is no compose project, or no
    throwaway server that could stand in for the database.
    """
    if target.model is None:
        raise MigopsError(
            "adopt needs a compose project: it says how the service reaches its database",
            hint="run it beside the compose file, or name it: -f FILE",
        )
    seen = collect.running(target, engine)
    held = seen.places[PlaceName.IMAGE]
    if seen.image is None or seen.home is None or not isinstance(held, MigrationSet):
        unknown = held if isinstance(held, Unknown) else Unknown("the image holds no migrations that could be read")
        raise Unavailable(unknown.reason, hint=unknown.hint)
    environment = seen.image_config.env if seen.image_config else {}
    asked = question(target, held, host_home(seen), seen.home, lambda: engine, environment, Ask(timeout=timeout))
    reached = reach(asked)
    if not isinstance(reached, Reached):
        raise Unavailable(reached.reason, hint=reached.hint if isinstance(reached, Unknown) else "")
    sandbox.refuse_address(reached.named)
    service = target.model.services[target.service]
    live = sandbox.live_of(engine, target.model, reached.named)
    state = read(reached, timeout)
    if isinstance(state, Unknown):
        raise Unavailable(state.reason, hint=state.hint)
    code = [*held.location, held.script_location]
    app = sandbox.app_of(
        target.model, service, seen.image.id, live, working_dir=seen.home.cwd, code=code,
        keeps_entrypoint=program(target).keeps_entrypoint,
    )  # fmt: skip
    return AdoptInputs(
        target=target, project=target.model, service=service, image=seen.image, held=held,
        alembic=aimed(target, seen.home), reached=reached, state=state, live=live, app=app,
        network=_shared(target.model, service, live),
        python_path=service.environment.get("PYTHONPATH") or environment.get("PYTHONPATH", ""),
        options=asked.variable("PGOPTIONS"),
    )  # fmt: skip


def _shared(project: Project, service: Service, live: sandbox.Live) -> str:
    """A network that both the service and the live server are on."""
    names = [project.networks[key].name for key in service.networks if key in project.networks]
    for name in names:
        if name in live.networks:
            return name
    raise MigopsError(
        f"the service {service.name} and {live.container} share no network ({', '.join(names) or 'none'}; "
        f"{', '.join(live.networks) or 'none'})",
        at=service.location,
    )
