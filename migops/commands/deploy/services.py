"""Which services a deploy gives the new image to, and which of them stay as they are."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from migops.analysis.evidence import Evidence
from migops.compose import Project, Service
from migops.core.errors import MigopsError, Unavailable
from migops.core.image_source import completed
from migops.docker import Engine, ImageNotFound, compose_labels
from migops.docker.containers import name_of
from migops.sources.container_model import Container
from migops.target import Target
from migops.target.build import builder_of


@dataclass(frozen=True, slots=True)
class DeployedService:
    """A service that is to run the new image. ``containers`` are those that it has now, one-off ones left out.

    ``shares`` says that its image is the target's, or built in just the same way, so that it needs no build of its own.
    ``one_shot`` is one whose container ends by itself: others wait for it to have completed.
    """

    name: str
    image_ref: str
    containers: tuple[Container, ...]
    shares: bool = True
    one_shot: bool = False

    @property
    def runs(self) -> tuple[Container, ...]:
        return tuple(each for each in self.containers if each.running)

    @property
    def image_ids(self) -> tuple[str, ...]:
        """The images that its containers were made from, those that run first."""
        ordered = sorted(self.containers, key=lambda each: not each.running)
        return tuple(dict.fromkeys(each.image_id for each in ordered))


def choose(
    target: Target, evidence: Evidence, project: Project, engine: Engine, named: Sequence[str]
) -> tuple[tuple[DeployedService, ...], dict[str, str]]:
    """The services to swap, the target first, and those of the same image that stay as they are, with the reason.

    Where nothing of the project's image has a container yet, all are chosen. Raises MigopsError for a service in
    ``named`` that does not have the image, and ``Unavailable`` where there are containers that could not be read.
    """
    lasting = _lasting(target, evidence)
    _all_read(lasting, project, engine)
    for name in named:
        if name not in lasting:
            raise MigopsError(
                f"{name} has another image than {target.service} and is not built from its sources: it is not rebuilt "
                "here", at=project.services[name].location,
                hint=f"deploy it by itself; the services of this image are {', '.join(lasting)}",
            )  # fmt: skip
    is_fresh = not any(lasting.values())
    waited_for = one_shots(project)
    services, left = [], {}
    for name, containers in lasting.items():
        one_shot = name in waited_for
        if not (name == target.service or name in named or is_fresh):
            if not containers:
                left[name] = "it has no container, so it was not in use"
                continue
            if not one_shot and not any(each.running for each in containers):
                left[name] = "it is stopped; to have it started as well, name it"
                continue
        service = project.services[name]
        shares = _shares(project, project.services[target.service], service)
        services.append(DeployedService(name, service.image_ref, containers, shares, one_shot))
    return tuple(services), left | _in_profiles(project, project.services[target.service], engine)


def scale_of(project: Project, services: Sequence[DeployedService]) -> dict[str, int]:
    """The number of containers of those that have more than the compose file says: somebody wanted them.

    Of one number two may exist: a compose that was killed leaves the new one beside the one that it was to replace.
    """
    counts = {each.name: len({one.number for one in each.containers}) for each in services if not each.one_shot}
    return {name: count for name, count in counts.items() if count > max(1, project.services[name].replicas)}


def one_shots(project: Project) -> set[str]:
    """Services that others wait for to have completed."""
    return {
        name for each in project.services.values() for name, dependency in each.depends_on.items()
        if dependency.condition == "service_completed_successfully"
    }  # fmt: skip


def without_check(project: Project, engine: Engine, services: Sequence[DeployedService]) -> tuple[str, ...]:
    """The services that run on without a health check: neither the compose file nor the image that is here has one."""
    lasting = [each for each in services if not each.one_shot]
    return tuple(each.name for each in lasting if not _has_check(project.services[each.name], engine, each.image_ref))


def _has_check(service: Service, engine: Engine, image: str) -> bool:
    own = service.healthcheck
    if own is not None and (own.disabled or own.test):
        return not own.disabled and own.test[0] != "NONE"
    try:
        check = (engine.image(image).get("Config") or {}).get("Healthcheck") or {}
    except ImageNotFound:
        return False
    return bool(check.get("Test")) and check["Test"][0] != "NONE"


def _lasting(target: Target, evidence: Evidence) -> dict[str, tuple[Container, ...]]:
    """The containers of each service of the image, but those of ``docker compose run``."""
    found = {target.service: evidence.containers}
    found |= dict.fromkeys(target.siblings, ())
    found |= {each.service: each.containers for each in evidence.siblings}
    return {name: tuple(each for each in some if not each.one_off) for name, some in found.items()}


def _all_read(lasting: Mapping[str, Sequence[Container]], project: Project, engine: Engine) -> None:
    """See that no container goes unnoticed because the image of its service could not be read."""
    for each in engine.containers(compose_labels.filters(project.name)):
        service = compose_labels.service_of(each)
        if service in lasting and not lasting[service] and not compose_labels.is_one_off(each):
            name = name_of(each)
            ref, image = project.services[service].image_ref, str(each.get("ImageID") or each.get("Image"))
            tag = shlex.join(("docker", "tag", image, ref))
            raise Unavailable(
                f"{name} exists, but its content could not be read: there is no image called {ref} any more",
                hint=f"give its image the name back, so that a rollback is possible: {tag}",
            )


def _in_profiles(project: Project, own: Service, engine: Engine) -> dict[str, str]:
    """Services of the image that run although their profile is not enabled now: they would go on with the old one."""
    running = {}
    for name, service in project.inactive.items():
        labels = compose_labels.filters(project.name, name)
        if _shares(project, own, service) and any(each.get("State") == "running" for each in engine.containers(labels)):
            profile = service.profiles[0]
            running[name] = f"it runs, and its profile {profile} is not enabled; to have it too: --profile {profile}"
    return running


def _shares(project: Project, own: Service, service: Service) -> bool:
    builder = builder_of(project, own)
    same_build = service.build is not None and builder is not None and _build(service) == _build(builder)
    return completed(service.image_ref) == completed(own.image_ref) or same_build


def _build(service: Service) -> object:
    return service.raw.get("build")
