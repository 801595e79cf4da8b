"""The target of a check: one service's image, and the files on the host that it should contain."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from migops.compose import Build, ComposeOptions, Project, Service, load
from migops.core.errors import MigopsError
from migops.core.model import Location
from migops.core.printed import Commands, note, tagged
from migops.dockerfile.trace import Inline, trace
from migops.sources.database_state import SETTINGS
from migops.target import configuration

_WHICH = ("config", "name", "image-config")  # the settings of x-migops that say which configuration is meant
ARCHIVES = ("docker-archive:", "oci:", "oci-archive:")


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """How the image is built: the arguments of ``dockerfile.trace``."""

    context: Path | str
    dockerfile: Path | Inline | None = None
    target: str | None = None
    args: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Target:
    """One image, and where on the host the files that it should hold are.

    ``root`` is the folder the host's files lie in (the build context, or --host-dir); ``config`` the host's
    alembic.ini or pyproject.toml. ``working_dir`` is set where the compose file sets it; ``folder`` where Alembic
    is started in another one (relative to that); ``image_config`` where
    ``x-migops`` says at which path of the image the configuration is. ``named``: the user says which configuration or
    section it is, by an option or in ``x-migops``. ``deployed`` says that the service's containers
    are made from this very image; ``siblings`` are the other services of the same image or build, with their images.
    ``model`` is the compose project and ``settings`` the service's ``x-migops``; None and {} without a compose file.
    ``picked`` that the user named no service.
    """

    image: str
    root: Path
    config: Path
    section: str = "alembic"
    project: str = ""
    service: str = ""
    build: BuildSpec | None = None
    working_dir: str = ""
    folder: str = ""
    image_config: str = ""
    named: bool = False
    many_heads: bool = False
    commands: Commands = field(default_factory=Commands)
    deployed: bool = False
    picked: bool = False
    siblings: Mapping[str, str] = field(default_factory=dict)
    model: Project | None = None
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """The user's choice on the command line of what to check; empty fields were not given.

    ``command`` is migops's own, for printed commands; ``database_url`` is the value of its option.
    """

    service: str = ""
    image: str = ""
    context: str = ""
    dockerfile: str = ""
    stage: str = ""
    build_args: Mapping[str, str] = field(default_factory=dict)
    host_dir: str = ""
    config: str = ""
    section: str = ""
    needs_image: bool = True
    command: str = "check-image"
    database_url: str = field(default="", repr=False)


def resolve(wanted: Wanted, options: ComposeOptions, environment: Mapping[str, str], cwd: Path) -> Target:
    """Find what to check: from --context, or --host-dir with --image alone, otherwise from the compose project.

    Raises MigopsError if the project, the service or Alembic's configuration is missing or ambiguous.
    """
    given = named(wanted, environment)
    if wanted.context or (wanted.image and wanted.host_dir and options == ComposeOptions()):
        return _noted(_without_compose(wanted, cwd), given)
    note(Commands(compose=compose_command(options), named=given))
    try:
        project = load(options, environment=environment, cwd=str(cwd))
    except MigopsError as error:
        if wanted.image and error.at is None:  # there is no compose file at all, and there need not be one
            error.hint = f"{error.hint}; or compare with a build context alone: --context DIR".removeprefix("; or ")
        raise
    service = _service(project, wanted, options, given)
    return _noted(_of_service(project, service, wanted, options, cwd), given)


def _noted(target: Target, named: tuple[tuple[str, str], ...]) -> Target:
    """The target, whose commands are from now on those of this run."""
    found = replace(target, commands=replace(target.commands, named=named))
    note(found.commands)
    return found


def named(wanted: Wanted, environment: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The options that name the target, for printed commands; values from the environment stay there."""
    url = "" if environment.get("MIGOPS_DATABASE_URL") == wanted.database_url else wanted.database_url
    said = (
        ("--image", wanted.image), ("--context", wanted.context), ("--dockerfile", wanted.dockerfile),
        ("--target", wanted.stage), *(("--build-arg", f"{name}={value}") for name, value in wanted.build_args.items()),
        ("--host-dir", wanted.host_dir), ("--config", wanted.config), ("--name", wanted.section),
        ("--database-url", _without_password(url)),
    )  # fmt: skip
    return tuple((name, value) for name, value in said if value)


def _without_password(url: str) -> str:
    return re.sub(r"(://[^/?#]*?:)[^/?#]*(@)", r"\1***\2", url)


def _without_compose(wanted: Wanted, cwd: Path) -> Target:
    if wanted.service:
        raise MigopsError(
            "SERVICE needs a compose file, and --context does not read one",
            hint="omit SERVICE or --context",
        )
    if not wanted.image and wanted.needs_image:
        raise MigopsError(
            "--context needs --image, the image to compare",
            hint="add --image REF; or --no-engine, to check only what a build would do",
        )
    root = _folder(wanted.host_dir or wanted.context, cwd)
    build = None
    if wanted.context:
        context = _folder(wanted.context, cwd)
        dockerfile = cwd / wanted.dockerfile if wanted.dockerfile else None
        build = BuildSpec(context, dockerfile, wanted.stage or None, wanted.build_args)
    commands = Commands(
        image=wanted.image,
        build_arguments=_docker_build(wanted) if build else (),
        can_build=build is not None,
    )
    built = _built(build, None) if build and not (wanted.config or wanted.section) else None
    config = built.config if built else configuration.find(root, wanted.config, cwd)
    named = bool(wanted.config or wanted.section)
    section = built.section if built else wanted.section or "alembic"
    return Target(wanted.image, root, config, section, build=build, named=named, commands=commands)


def _name(ref: str) -> str:
    """An image reference as the engine would complete it, without the scheme of the daemon's own images."""
    return tagged(ref.removeprefix("docker-daemon:"))


def _docker_build(wanted: Wanted) -> tuple[str, ...]:
    """What follows ``docker build`` to make the image that is being checked; an ID or a digest is no name to give."""
    ref = wanted.image.removeprefix("docker-daemon:")
    unnamed = ref.startswith(ARCHIVES) or "@" in ref or re.fullmatch("(sha256:)?[0-9a-f]{7,64}", ref)
    named = () if unnamed else ("-t", ref)
    file = ("-f", wanted.dockerfile) if wanted.dockerfile else ()
    stage = ("--target", wanted.stage) if wanted.stage else ()
    args = tuple(word for name, value in wanted.build_args.items() for word in ("--build-arg", f"{name}={value}"))
    return (*named, *file, *stage, *args, wanted.context)


def _service(
    project: Project, wanted: Wanted, options: ComposeOptions, named: tuple[tuple[str, str], ...]
) -> Service:  # fmt: skip
    if wanted.service:
        return project.service(wanted.service)
    at = Location(project.files[0]) if project.files else None
    marked = [service for service in project.services.values() if "x-migops" in service.extensions]
    found = marked or [service for service in project.services.values() if _has_config(service)]
    if not found:
        for service in project.services.values():
            if service.build and not service.build.is_remote:
                _context(service.build)
        names = ", ".join(project.services) or "none"
        raise MigopsError(
            f"no service is built from a folder with an alembic.ini (services: {names})", at=at,
            hint="name the service, or set its configuration file: x-migops: {config: PATH} under the service",
        )  # fmt: skip
    if len({_build_key(service) for service in found}) > 1:
        lines = ", ".join(f"{service.name} ({service.location})" for service in found)
        commands = Commands(found[0].name, compose_command(options), named=named)
        one = commands.say(wanted.command)
        raise MigopsError(
            f"more than one service has migrations: {lines}", at=at,
            hint=f"name one: {one}",
        )  # fmt: skip
    # They share one build. Where each has an image of its own, MIG206 compares the others with this one.
    return next((service for service in found if _runs_alembic(service)), found[0])


def _build_key(service: Service) -> tuple[str, ...]:
    build = service.build
    return (build.context, build.dockerfile, build.target) if build else (service.image_ref,)


def _runs_alembic(service: Service) -> bool:
    return "alembic" in " ".join((*(service.entrypoint or ()), *(service.command or ())))


def _has_config(service: Service) -> bool:
    return bool(service.build and not service.build.is_remote and configuration.search(Path(service.build.context)))


def _of_service(project: Project, service: Service, wanted: Wanted, options: ComposeOptions, cwd: Path) -> Target:
    settings = _settings(service)
    base = Path(project.directory)
    build = _build_spec(service.build) if service.build else None
    host_dir = wanted.host_dir or ""
    if host_dir:
        root = _folder(host_dir, cwd)
    elif settings["host-dir"]:
        root = _folder(settings["host-dir"], base)
    elif build and isinstance(build.context, Path):
        root = build.context
    else:
        root = base
    said = configuration.said_by(service)
    named = bool(wanted.config or wanted.section) or any(settings[key] for key in _WHICH)
    built = _built(build, service) if build and not (named or host_dir or settings["host-dir"]) else None
    if built is not None:
        config = built.config
        said = replace(said, section=built.section)
    elif wanted.config:
        config = configuration.find(root, wanted.config, cwd)
    elif settings["config"] or not said.config:
        config = configuration.find(root, settings["config"], base, service)
    else:
        config = configuration.said_path(root, said, service)
    # If the image is not the one that compose builds, compose's build would not fix it.
    its_own = not wanted.image or _name(wanted.image) == _name(service.image_ref)
    image = wanted.image or service.image_ref
    builders = {tagged(other.image_ref): other.name for other in project.services.values() if other.build}
    commands = Commands(service.name, compose_command(options), image, (), its_own and build is not None, builders)
    return Target(
        image=image,
        root=root,
        config=config,
        section=wanted.section or settings["name"] or said.section or "alembic",
        project=project.name,
        service=service.name,
        build=build,
        working_dir=service.working_dir,
        folder=settings["working-dir"] or said.folder,
        image_config=settings["image-config"],
        named=named,
        many_heads=settings["heads"] == "many",
        commands=commands,
        deployed=its_own,
        picked=not wanted.service,
        siblings={  # where another image is in question, only the service that was named is taken to run it
            other.name: other.image_ref
            for other in project.services.values()
            if its_own
            and other.name != service.name
            and (other.image_ref == service.image_ref or _build_key(other) == _build_key(service))
        },
        model=project,
        settings=settings,
    )


def _built(build: BuildSpec, service: Service | None) -> configuration.Built | None:
    """The host's configuration that Dockerfile and service lead Alembic to, where they name one."""
    if not isinstance(build.context, Path):
        return None
    given = build.dockerfile
    path = given if isinstance(given, Path) else build.context / "Dockerfile"
    try:
        text = given.text.encode() if isinstance(given, Inline) else path.read_bytes()
    except OSError:
        return None  # reading the build says so
    return configuration.of_build(
        text,
        lambda: trace(build.dockerfile, build.context, target=build.target, args=build.args,
                      contexts=dict(build.contexts)),
        service,
    )  # fmt: skip


def _settings(service: Service) -> dict[str, str]:
    """The service's ``x-migops``, each key checked: a misspelt setting must not be a silent one."""
    known = (
        "config", "name", "heads", "host-dir", "image-config", "working-dir", "alembic", "entrypoint", "backup-image",
        *SETTINGS,
    )  # fmt: skip
    allowed = {"heads": ("one", "many"), "entrypoint": ("keep",)}
    given: Any = service.extensions.get("x-migops") or {}
    if not isinstance(given, Mapping):
        raise MigopsError(f"x-migops of service {service.name!r} must be a mapping", at=service.location)
    for key, value in given.items():
        if key not in known:
            raise MigopsError(
                f"x-migops of service {service.name!r} has an unknown key {key!r}", at=service.location,
                hint=f"the keys are {', '.join(known)}",
            )  # fmt: skip
        if not isinstance(value, str) or value not in allowed.get(key, (value,)):
            shown = "it must be a string" if key == "database-url" else repr(value)
            raise MigopsError(f"x-migops.{key} of service {service.name!r} is not valid: {shown}", at=service.location)
    return {key: str(given.get(key, "")) for key in known}


def _build_spec(build: Build) -> BuildSpec:
    args = {name: value for name, value in build.args.items() if value is not None}
    if build.is_remote:
        return BuildSpec(build.context, None, build.target or None, args)
    context = _context(build)
    dockerfile: Path | Inline | None = context / build.dockerfile if build.dockerfile else None
    if build.dockerfile_inline:
        dockerfile = Inline(build.dockerfile_inline, build.location)
    return BuildSpec(context, dockerfile, build.target or None, args, build.additional_contexts)


def _context(build: Build) -> Path:
    context = Path(build.context)
    if not context.is_dir():
        raise MigopsError(f"build.context is not a folder: {context}", at=build.location, hint="fix build.context")
    return context


def compose_command(options: ComposeOptions) -> tuple[str, ...]:
    """``docker compose`` with the options that the user gave."""
    words = ["docker", "compose"]
    for file in options.files:
        words += ["-f", file]
    if options.project_name:
        words += ["-p", options.project_name]
    for file in options.env_files:
        words += ["--env-file", file]
    for profile in options.profiles:
        words += ["--profile", profile]
    if options.project_directory:
        words += ["--project-directory", options.project_directory]
    return tuple(words)


def _folder(text: str, base: Path) -> Path:
    path = Path(os.path.normpath(base / text))
    if not path.is_dir():
        raise MigopsError("not a folder", at=Location(str(path)), hint="check --context or --host-dir")
    return path
