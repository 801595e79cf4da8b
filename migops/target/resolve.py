"""Resolves the command line to a target: from a compose project, or from --context or --host-dir alone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from migops.compose import ComposeOptions, EnvFiles, NoComposeFile, Project, Service, load
from migops.core.errors import MigopsError
from migops.core.image_source import completed
from migops.core.model import Location
from migops.core.notices import warn
from migops.core.printed import Commands, note
from migops.target import configuration
from migops.target.build import (
    build_spec,
    builder_of,
    builders_by_image,
    builders_by_service,
    built_configuration,
    docker_build,
)
from migops.target.options import compose_command, named
from migops.target.service import WITHOUT_HOST, build_key, choose, settings_of
from migops.target.target import BuildSpec, Target, Wanted

_WHICH = ("config", "name", "image-config")  # the settings of x-migops that select a configuration


class Loaded(NamedTuple):
    """A project, and how commands name its files."""

    project: Project
    options: ComposeOptions
    """The options given, with the file that was taken."""
    added: tuple[str, ...] = ()
    """The options that were not typed."""
    notice: str = ""
    """Which file was taken, and why; empty if it was given or has a default name."""


def resolve(wanted: Wanted, options: ComposeOptions, environment: Mapping[str, str], cwd: Path) -> Target:
    """The target: from --context, or --host-dir with --image, if they stand alone; else from the compose project.

    Raises MigopsError if the project, the service or Alembic's configuration is missing or ambiguous.
    """
    given = named(wanted, environment)
    if wanted.context or (wanted.image and wanted.host_dir and options == ComposeOptions()):
        return _registered(_without_compose(wanted, cwd), given)
    note(Commands(compose=compose_command(options), named=given))
    try:
        env_files = EnvFiles.REQUIRED if wanted.acts else EnvFiles.OPTIONAL
        loaded = load_project(wanted.command, options, environment, cwd, env_files=env_files)
    except MigopsError as error:
        if wanted.image and error.at is None:  # no compose file, and none is needed
            error.hint = f"{error.hint}; or compare with a build context alone: --context DIR".removeprefix("; or ")
        raise
    for notice in loaded.project.notices:
        warn(notice)
    note(Commands(compose=compose_command(loaded.options), named=given))
    service = choose(loaded.project, wanted, cwd, loaded.added)
    target = _of_service_or_image(loaded, service, wanted, cwd)
    return _registered(replace(target, notices=(loaded.notice,) if loaded.notice else ()), given)


def _of_service_or_image(loaded: Loaded, service: Service, wanted: Wanted, cwd: Path) -> Target:
    """The target, also of a service of which the host has no configuration, if the command can do without.

    Raises MigopsError with the reason if the configuration, the build context or the Dockerfile is not there.
    """
    try:
        return _of_service(loaded.project, service, wanted, loaded.options, cwd)
    except configuration.NotFound as error:
        from migops.target.none_found import wrong_directory

        if misplaced := wrong_directory(loaded.project, [service], wanted.command, cwd, loaded.added):
            raise misplaced from None
        if wanted.command not in WITHOUT_HOST or not wanted.needs_image or wanted.config or not error.is_file:
            raise
        return _of_service(loaded.project, service, wanted, loaded.options, cwd, error)


def load_project(
    command: str, options: ComposeOptions, environment: Mapping[str, str], cwd: Path, *,
    interpolate: bool = True, consistent: bool = True, env_files: EnvFiles = EnvFiles.REQUIRED,
) -> Loaded:  # fmt: skip
    """The project that the options name, or that of the only compose file of another name.

    Raises MigopsError if there is no compose file, or several of other names.
    """

    def loaded(named: ComposeOptions) -> Project:
        return load(
            named, environment, cwd=str(cwd), interpolate=interpolate, consistent=consistent, env_files=env_files
        )

    try:
        return Loaded(loaded(options), options)
    except NoComposeFile as error:
        from migops.target.other_files import choose_file

        file, why = choose_file(error, command, options, environment, cwd)
    named = replace(options, files=(file,))
    notice = f"no compose file of a default name here; reading {file}, {why} (-f FILE names another)"
    return Loaded(loaded(named), named, ("-f", file), notice)


def _registered(target: Target, named: tuple[tuple[str, str], ...]) -> Target:
    """The target with the options of this run, registered for all printed commands."""
    complete = replace(target, commands=replace(target.commands, named=named))
    note(complete.commands)
    return complete


def _without_compose(wanted: Wanted, cwd: Path) -> Target:
    if wanted.service:
        raise MigopsError(
            "SERVICE needs a compose file, and --context does not read one",
            hint="omit SERVICE or --context",
        )
    if not wanted.image and wanted.needs_image:
        raise MigopsError(
            "--context needs --image, the image to compare with",
            hint="add --image REF; or --no-engine to check only the build",
        )
    root = _folder(wanted.host_dir or wanted.context, cwd)
    build = None
    if wanted.context:
        context = _folder(wanted.context, cwd)
        dockerfile = cwd / wanted.dockerfile if wanted.dockerfile else None
        build = BuildSpec(context, dockerfile, wanted.stage or None, wanted.build_args)
    commands = Commands(
        image=wanted.image,
        build_arguments=docker_build(wanted) if build else (),
        can_build=build is not None,
    )
    built = built_configuration(build, None) if build and not (wanted.config or wanted.section) else None
    config = built.config if built else configuration.find(root, wanted.config, cwd)
    named = bool(wanted.config or wanted.section)
    section = built.section if built else wanted.section or "alembic"
    sections = () if named or section != "alembic" else configuration.histories(config)
    section = sections[0] if len(sections) == 1 else section
    return Target(
        wanted.image, root, config, section, sections=sections[1:] and sections, build=build, named=named,
        commands=commands,
    )  # fmt: skip


def _of_service(
    project: Project, service: Service, wanted: Wanted, options: ComposeOptions, cwd: Path,
    absent: MigopsError | None = None,
) -> Target:  # fmt: skip
    settings = settings_of(service)
    base = Path(project.directory)
    builder = builder_of(project, service)
    shared = build_key(builder or service)
    build = build_spec(builder.build) if builder and builder.build else None
    host_dir = wanted.host_dir or ""
    if host_dir:
        root = _folder(host_dir, cwd)
    elif settings["host-dir"]:
        root = _folder(settings["host-dir"], base)
    elif build and isinstance(build.context, Path):
        root = build.context
    else:
        root = base
    call = configuration.alembic_options(service)
    named = bool(wanted.config or wanted.section) or any(settings[key] for key in _WHICH)
    built = built_configuration(build, service) if build and not (named or host_dir or settings["host-dir"]) else None
    if absent is not None:
        config = root / "alembic.ini"
    elif built is not None:
        config = built.config
        call = replace(call, section=built.section)
    elif wanted.config:
        config = configuration.find(root, wanted.config, cwd)
    elif settings["config"] or not call.config:
        config = configuration.find(root, settings["config"], base, service)
    else:
        config = configuration.host_path(root, call, service)
    # If --image names another image than the service's, compose's build would not fix that one.
    its_own = not wanted.image or completed(wanted.image) == completed(service.image_ref)
    image = wanted.image or service.image_ref
    commands = Commands(
        service.name, compose_command(options), image, (), its_own and build is not None, builders_by_image(project),
        builders_by_service(project),
    )  # fmt: skip
    section = wanted.section or settings["name"] or call.section or "alembic"
    given = wanted.section or settings["name"] or section != "alembic"
    sections = () if given or absent else configuration.histories(config)
    return Target(
        image=image,
        root=root,
        config=config,
        section=sections[0] if len(sections) == 1 else section,
        absent=absent,
        sections=sections[1:] and sections,
        project=project.name,
        service=service.name,
        build=build,
        working_dir=service.working_dir,
        folder=settings["working-dir"] or call.folder,
        image_config=settings["image-config"],
        named=named,
        many_heads=settings["heads"] == "many",
        commands=commands,
        deployed=its_own,
        picked=not wanted.service,
        siblings={  # another image (--image) is taken to be run by the named service alone
            other.name: other.image_ref
            for other in project.services.values()
            if its_own
            and other.name != service.name
            and (completed(other.image_ref) == completed(service.image_ref) or build_key(other) == shared)
        },
        model=project,
        settings=settings,
    )


def _folder(text: str, base: Path) -> Path:
    path = Path(os.path.normpath(base / text))
    if not path.is_dir():
        raise MigopsError("not a folder", at=Location(str(path)), hint="check --context or --host-dir")
    return path
