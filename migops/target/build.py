"""The build of a target's image: from a compose service, or from --context.

The service that builds an image is often another one than the service that runs it: ``migrate: {build: ., image: X}``
beside ``app: {image: X}`` builds X for both. Names are compared as the engine completes them, and a build's ``tags``
are names as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from migops.compose import Build, Project, Service
from migops.core.image_source import completed, engine_name, is_of_files
from migops.dockerfile.trace import Inline, trace
from migops.target import configuration
from migops.target.target import BuildSpec, Wanted


def build_spec(build: Build) -> BuildSpec:
    """The build of a compose service. NotFound if its context is not a folder."""
    args = {name: value for name, value in build.args.items() if value is not None}
    if build.is_remote:
        return BuildSpec(build.context, None, build.target or None, args)
    context = context_of(build)
    dockerfile: Path | Inline | None = context / build.dockerfile if build.dockerfile else None
    if build.dockerfile_inline:
        dockerfile = Inline(build.dockerfile_inline, build.location)
    return BuildSpec(context, dockerfile, build.target or None, args, build.additional_contexts)


def context_of(build: Build) -> Path:
    """The folder of a local build context. NotFound if there is no such folder."""
    context = Path(build.context)
    if not context.is_dir():
        raise configuration.NotFound(
            f"build.context is not a folder: {context}", at=build.location, hint="fix build.context"
        )
    return context


def built_configuration(build: BuildSpec, service: Service | None) -> configuration.Built | None:
    """The host's file of the configuration that Dockerfile and service name; None if they name none."""
    if not isinstance(build.context, Path):
        return None
    given = build.dockerfile
    path = given if isinstance(given, Path) else build.context / "Dockerfile"
    try:
        text = given.text.encode() if isinstance(given, Inline) else path.read_bytes()
    except OSError:
        return None  # reported where the build is read
    return configuration.of_build(
        text,
        lambda: trace(build.dockerfile, build.context, target=build.target, args=build.args,
                      contexts=dict(build.contexts)),
        service,
    )  # fmt: skip


def docker_build(wanted: Wanted) -> tuple[str, ...]:
    """The arguments of ``docker build`` that rebuild the checked image; no ``-t`` for an ID or a digest."""
    ref = engine_name(wanted.image)
    unnamed = is_of_files(ref) or "@" in ref or re.fullmatch("(sha256:)?[0-9a-f]{7,64}", ref)
    named = () if unnamed else ("-t", ref)
    file = ("-f", wanted.dockerfile) if wanted.dockerfile else ()
    stage = ("--target", wanted.stage) if wanted.stage else ()
    args = tuple(word for name, value in wanted.build_args.items() for word in ("--build-arg", f"{name}={value}"))
    return (*named, *file, *stage, *args, wanted.context)


def builder_of(project: Project, service: Service) -> Service | None:
    """The service whose build makes the image of ``service``: itself, one that it depends on, an active one, or one in
    a profile. None if there is none, if several of them build the image in different ways, or if this host does not
    have the other service's sources.
    """
    if service.build:
        return service
    wanted = completed(service.image_ref)
    everything = (*project.services.values(), *project.inactive.values())
    builders = [each for each in everything if wanted in image_names(each) and each.build and _is_here(each.build)]
    active = [each for each in builders if each.name in project.services]
    needed = [each for each in active if each.name in service.depends_on]
    candidates = needed or active or builders
    alike = all(each.raw.get("build") == candidates[0].raw.get("build") for each in candidates)
    return candidates[0] if candidates and alike else None


def _is_here(build: Build) -> bool:
    """Whether this host has what the build is made from."""
    if build.is_remote:
        return True
    dockerfile = Path(build.context, build.dockerfile or "Dockerfile")
    return Path(build.context).is_dir() and (bool(build.dockerfile_inline) or dockerfile.is_file())


def image_names(service: Service) -> frozenset[str]:
    """The names of the image that the service's build makes; none if it has no build."""
    return frozenset(map(completed, (service.image_ref, *service.build.tags))) if service.build else frozenset()


def builders_by_image(project: Project) -> Mapping[str, str]:
    """By completed name of an image: the service that builds it."""
    services = (*project.inactive.values(), *project.services.values())
    return {name: each.name for each in services for name in sorted(image_names(each))}


def builders_by_service(project: Project) -> Mapping[str, str]:
    """By service without a build of its own: the service that builds its image."""
    built = {each.name: builder_of(project, each) for each in project.services.values() if not each.build}
    return {name: builder.name for name, builder in built.items() if builder is not None}
