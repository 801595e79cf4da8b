"""Inputs of ``migops adopt``: the image and the live database, which are only read."""

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
from migops.sources.database_question import Question
from migops.sources.database_state import DatabaseState
from migops.target import Target
from migops.target.alembic_program import aimed, program


@dataclass(frozen=True, slots=True)
class AdoptInputs:
    """The image, the live database, and the definition of the containers beside it."""

    target: Target
    project: Project
    service: Service
    image: ImageIdentity
    migrations: MigrationSet
    """The image's migrations."""
    alembic: tuple[str, ...]
    """The command line that runs Alembic in the image."""
    reached: Reached
    state: DatabaseState
    live: sandbox.Live
    """The live server's container."""
    app: sandbox.App
    network: str
    """A network that the live server shares with the service."""
    python_path: str = field(default="")
    """The service's PYTHONPATH."""
    question: Question = field(default_factory=Question)
    """How the live database was asked for."""

    @property
    def versions(self) -> str:
        """The image's folder for new migrations."""
        return self.migrations.location[0]

    def text_of(self, revision: Revision) -> bytes:
        """The text of a revision's script in the image."""
        return next((file.content for file in self.migrations.scripts.values() if file.path == revision.path), b"")

    @property
    def revisions(self) -> dict[str, Revision]:
        """The image's revisions by their IDs."""
        return {revision.id: revision for revision in self.migrations.revisions}


def look(target: Target, engine: Engine, timeout: float) -> AdoptInputs:
    """Read the image and the live database.

    Raises ``Unavailable`` if one of them cannot be read; MigopsError without a compose project, or if no disposable
    server can take the database's place.
    """
    if target.model is None:
        raise MigopsError(
            "adopt needs a compose project, to know how the service reaches its database",
            hint="run it in the folder of the compose file, or name the file: -f FILE",
        )
    seen = collect.running(target, engine)
    migrations = seen.places[PlaceName.IMAGE]
    if seen.image is None or seen.home is None or not isinstance(migrations, MigrationSet):
        unknown = migrations if isinstance(migrations, Unknown) else Unknown("the image has no readable migrations")
        raise Unavailable(unknown.reason, hint=unknown.hint)
    environment = seen.image_config.env if seen.image_config else {}
    asked = question(target, migrations, host_home(seen), seen.home, lambda: engine, environment, Ask(timeout=timeout))
    reached = reach(asked)
    if not isinstance(reached, Reached):
        raise Unavailable(reached.reason, hint=reached.hint if isinstance(reached, Unknown) else "")
    sandbox.refuse_address(reached.named)
    service = target.model.services[target.service]
    live = sandbox.live_of(engine, target.model, reached.named)
    state = read(reached, timeout)
    if isinstance(state, Unknown):
        raise Unavailable(state.reason, hint=state.hint)
    code = [*migrations.location, migrations.script_location]
    app = sandbox.app_of(
        target.model, service, seen.image.id, live, working_dir=seen.home.cwd, code=code,
        keeps_entrypoint=program(target).keeps_entrypoint,
    )  # fmt: skip
    return AdoptInputs(
        target=target, project=target.model, service=service, image=seen.image, migrations=migrations,
        alembic=aimed(target, seen.home, file=seen.program), reached=reached, state=state, live=live, app=app,
        network=_shared(target.model, service, live),
        python_path=service.environment.get("PYTHONPATH") or environment.get("PYTHONPATH", ""),
        question=asked,
    )  # fmt: skip


def _shared(project: Project, service: Service, live: sandbox.Live) -> str:
    """A network that the service shares with the live server. MigopsError if there is none."""
    names = [project.networks[key].name for key in service.networks if key in project.networks]
    for name in names:
        if name in live.networks:
            return name
    raise MigopsError(
        f"the service {service.name} and {live.container} share no network ({', '.join(names) or 'none'}; "
        f"{', '.join(live.networks) or 'none'})",
        at=service.location,
    )
