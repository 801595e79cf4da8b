"""What a sandbox project is made of: the services, their images, the fresh database, the files of before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from migops.analysis.evidence import Evidence
from migops.commands.fix.compose_edits.same_model import options_of
from migops.commands.fix.model import FileEdit
from migops.compose import EnvFiles, Project, load
from migops.compose.yamlfile import instead
from migops.core.errors import MigopsError
from migops.database import DatabaseUrl, parse_url
from migops.docker import Engine
from migops.rules.application import startups_of
from migops.rules.compose_file import servers_of
from migops.sandbox.definition import Trial, needed, obstacle
from migops.sources.database_address import service_of
from migops.target import Target

_COMPLETED = "service_completed_successfully"


class NotTried(MigopsError):
    """The start cannot be tried; the message is the reason."""


def tried_project(target: Target, engine: Engine) -> Project:
    """The project that can be started in a sandbox. Raises ``NotTried`` if there is none, or none here."""
    if target.model is None:
        raise NotTried("there is no compose project")
    if not engine.is_local:
        raise NotTried("the engine is on another machine, whose files are not those of this one")
    return target.model


@dataclass(frozen=True, slots=True)
class TrialInputs:
    """What all starts of one call share. ``live``: the project as it was before the edits."""

    target: Target
    live: Project
    evidence: Evidence
    engine: Engine
    edits: Sequence[FileEdit]
    say: Callable[[str], None]
    deadline: float
    also: tuple[str, ...] = ()
    """The services beside the checked one that must start: those that the edit adds, and siblings that it changes."""

    @property
    def url(self) -> DatabaseUrl | None:
        """The URL of the service's database; None if it is not known."""
        sought = self.evidence.setup.url if self.evidence.setup else None
        try:
            return parse_url(sought.text) if sought else None
        except MigopsError:
            return None


def contents_before(project: Project, edits: Sequence[FileEdit]) -> dict[str, bytes]:
    """The old contents of the edited files, by the names under which compose reads them."""
    names = {str(Path(file).resolve()): file for file in project.files}
    paths = ((str(edit.path.resolve()), edit.before) for edit in edits)
    return {names.get(path, path): before for path, before in paths if before is not None}


def project_with(project: Project, contents: Mapping[str, bytes]) -> Project:
    """The project again, as the files are now, or as if they had these contents."""
    with instead(contents):
        return load(options_of(project), project.environment, cwd=project.directory, env_files=EnvFiles.OPTIONAL)


def refuse_database(inputs: TrialInputs) -> None:
    """Raise ``NotTried`` if the database is not a service, so that no other server can take its place."""
    url = inputs.url
    if url is not None and url.dialect != "sqlite" and not service_of(url.host, inputs.live):
        raise NotTried(f"the database {url.shown} is not a service of this project")


def needs_build(inputs: TrialInputs) -> bool:
    """True if an edit changes what a build would put into the image."""
    compose = {Path(file).resolve() for file in inputs.live.files}
    builds = (inputs.live.services[name].build for name in built(inputs, inputs.live))
    contexts = [Path(build.context).resolve() for build in builds if build]
    paths = [edit.path.resolve() for edit in inputs.edits if edit.path.resolve() not in compose]
    return any(path.is_relative_to(context) for path in paths for context in contexts)


def trial_of(inputs: TrialInputs, project: Project, name: str, alembic: Sequence[str], *, builds: bool) -> Trial:
    """What is started in the sandbox project ``name``. Raises ``NotTried`` if it would reach out of it."""
    server = service_of(inputs.url.host, project) if inputs.url else ""
    first = needed(project, (*ours(inputs, project), *((server,) if server else ())))
    services = needed(project, (*first, *_spoken_to(inputs, project, first)))
    if why := obstacle(project, services):
        raise NotTried(why)
    made = built(inputs, project) if builds else ()
    images = {each: f"{name}-{each}" if each in made else _image(inputs, project, each) for each in services}
    databases = frozenset(servers(inputs, project)) & {*services}
    environment = {each: _first_start(inputs, project, each) for each in databases}
    schema = (*alembic, "upgrade", "heads") if alembic else ()
    return Trial(project, services, images, databases, environment, schema, inputs.target.service)


def ours(inputs: TrialInputs, project: Project) -> tuple[str, ...]:
    """The checked service, and those that the edit is about."""
    return tuple(name for name in dict.fromkeys((inputs.target.service, *inputs.also)) if name in project.services)


def touched(target: Target, live: Project, project: Project) -> tuple[str, ...]:
    """The services that an edit adds, and those with the checked one's code that it changes."""
    added = [name for name in project.services if name not in live.services]
    siblings = [name for name in target.siblings if name in project.services and name in live.services]
    return (*added, *(name for name in siblings if project.services[name].raw != live.services[name].raw))


def _spoken_to(inputs: TrialInputs, project: Project, services: Sequence[str]) -> Iterator[str]:
    """Services that variables name as a host, without a ``depends_on``: those that can be started are."""
    values = [value for name in services for value in project.services[name].environment.values() if value]
    for name, service in project.services.items():
        host = re.compile(rf"(?:@|//){re.escape(name)}(?=[:/?]|$)|^{re.escape(name)}(?::\d+)?$")
        if name in services or not any(map(host.search, values)) or obstacle(project, needed(project, [name])):
            continue
        with suppress(MigopsError):
            inputs.engine.image(service.image_ref)
            yield name


def stays(inputs: TrialInputs, project: Project) -> tuple[str, ...]:
    """Our services without those that migrate and end, or that others wait for to end."""
    ends = {startup.service for startup in startups_of(inputs.evidence) if startup.one_shot}
    for service in project.services.values():
        ends |= {each.service for each in service.depends_on.values() if each.condition == _COMPLETED}
    return tuple(name for name in ours(inputs, project) if name not in ends)


def built(inputs: TrialInputs, project: Project) -> tuple[str, ...]:
    """Our services that a local build makes."""
    builds = {name: project.services[name].build for name in ours(inputs, project)}
    return tuple(name for name, build in builds.items() if build and not build.is_remote)


def servers(inputs: TrialInputs, project: Project) -> tuple[str, ...]:
    """The database servers of the project that our services use."""
    return tuple(server.name for server in servers_of(inputs.evidence) if server.name in project.services)


def variables(project: Project) -> dict[str, str]:
    """The variables that secrets and configs are taken from."""
    entries = [each for kind in ("secrets", "configs") for each in (project.resolved.get(kind) or {}).values()]
    names = {str(each["environment"]) for each in entries if each.get("environment")}
    return {name: project.environment[name] for name in names if name in project.environment}


def _image(inputs: TrialInputs, project: Project, name: str) -> str:
    """The local image's ID. A service that the edit added runs the application's, if it is built like it."""
    ref = project.services[name].image_ref
    if name not in inputs.live.services and project.services[name].build:
        ref = project.services[inputs.target.service].image_ref
    try:
        return str(inputs.engine.image(ref)["Id"])
    except MigopsError as error:
        raise NotTried(f"the image {ref} of {name} is not on this machine, and nothing is pulled") from error


def _first_start(inputs: TrialInputs, project: Project, name: str) -> Mapping[str, str]:
    """Variables for a fresh server: the live one's password may have been changed since its own first start."""
    url, environment = inputs.url, project.services[name].environment
    if url is None or service_of(url.host, project) != name or "POSTGRES_PASSWORD" not in environment:
        return {}
    user = environment.get("POSTGRES_USER") or "postgres"
    if url.url.username != user or not url.url.password:
        return {}
    return {"POSTGRES_PASSWORD": str(url.url.password), "POSTGRES_DB": url.url.database or user}
