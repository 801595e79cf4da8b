"""The build of a target's image: from a compose service, or from --context."""

from __future__ import annotations

import re
from pathlib import Path

from migops.compose import Build, Service
from migops.core.image_source import engine_name, is_of_files
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
