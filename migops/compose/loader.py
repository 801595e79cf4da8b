"""From options to a ``Project`` in one call: discovery, the project's name, the merged document, the checks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migops.compose.consistency import check_consistency, check_container_names
from migops.compose.decode import decode
from migops.compose.discovery import DiscoveredProject, discover, invalid_name, normalize_name
from migops.compose.envfile import Containers
from migops.compose.layer import Layer
from migops.compose.layers import load_files
from migops.compose.model import ComposeOptions, Project
from migops.compose.normalize import normalize
from migops.compose.notes import Notes
from migops.compose.project import active, as_go_prints, build_project, uninterpolated
from migops.compose.required import reveal
from migops.compose.required import warning as required_warning
from migops.compose.scalars import quoted
from migops.compose.schema import unknown_keys
from migops.compose.template import InvalidTemplate, TemplateError, substitute
from migops.compose.tree import Map, Mark, refuse
from migops.compose.unknown import carry
from migops.compose.unread import EnvFiles, shown, warning
from migops.compose.yamlfile import Document, documents, read
from migops.core.errors import MigopsError
from migops.core.location import Location
from migops.core.redaction import learn
from migops.core.redaction.known import Known
from migops.core.text import with_hint


@dataclass(frozen=True, slots=True)
class _Way:
    """How a project is loaded: see ``load``."""

    interpolate: bool
    consistent: bool
    env_files: EnvFiles


def load(
    options: ComposeOptions,
    environment: Mapping[str, str],
    *,
    cwd: str | None = None,
    interpolate: bool = True,
    consistent: bool = True,
    env_files: EnvFiles = EnvFiles.REQUIRED,
) -> Project:
    """Load the project that ``docker compose`` with these options would load. Its refusal is raised as ``MigopsError``.

    ``environment`` is the process's environment, ``cwd`` its working directory. Without ``interpolate``, variables are
    not substituted, and only ``Project.resolved`` (the merged document) and the names are filled in. Without
    ``consistent``, an incomplete project passes: one with a service without an image, for example. With
    ``EnvFiles.OPTIONAL``, an ``env_file`` that cannot be read is a notice of the project, and what it could set is
    unknown (``Service.unread``); so is a required variable that is not set, where its value can be unknown.
    """
    notes = Notes()
    try:
        way = _Way(interpolate, consistent, env_files)
        return _load(options, environment, cwd or os.getcwd(), notes, way)  # noqa: PTH109
    except MigopsError as error:
        if notes.required:
            error.message = reveal(error.message)
        if error.hint or not notes.hint:
            raise
        raise MigopsError(error.message, at=error.at, hint=notes.hint) from None


def _load(options: ComposeOptions, environment: Mapping[str, str], cwd: str, notes: Notes, way: _Way) -> Project:
    if way.env_files is EnvFiles.OPTIONAL:
        notes.required = {}
    discovered = discover(options, environment, cwd, notes)
    files = [(file, documents(_read(file), file)) for file in discovered.files]
    name = _project_name(discovered, files, notes, interpolated=way.interpolate)
    known = {**discovered.environment, "COMPOSE_PROJECT_NAME": name}
    home = environment.get("HOME", "")
    layer = Layer(discovered.directory, discovered.directory, cwd, known, home, notes, interpolated=way.interpolate)
    tree = load_files(files, layer)
    first = Mark(discovered.files[0], 1)
    if not tree:
        raise refuse("empty compose file", first)
    if not name:
        raise refuse("project name must not be empty", first, "set one with -p, or with `name:` in the file")
    notes.unknown += unknown_keys(tree) if notes.has_unknown else ()
    for key in notes.unknown:
        notes.notices.append(key.warning(f"{shown(key.mark.file, cwd)}:{key.mark.line}"))
    normalize(tree, name, known, first)
    if not way.interpolate:
        return uninterpolated(name, discovered, known, tree, notes)
    document = decode(tree, notes)
    for key in notes.unknown:
        carry(document, key.path, as_go_prints(key.value))
    _check_profiles(options.profiles, document.get("services", {}), first)
    services, inactive = active(document.get("services", {}), discovered.profiles)
    document["services"] = services
    if way.consistent:
        check_consistency(document, inactive, tree)
    containers = Containers(known, notes, way.env_files, cwd)
    unread = {key: containers.resolve(service, tree["services"][key]) for key, service in services.items()}
    if way.consistent:
        check_container_names(services, tree)
    if notes.required:
        notes.notices.append(required_warning(notes.required, discovered.directory, cwd))
        reveal(document)
        reveal(inactive)
        reveal(tree)
    if containers.unread:
        notes.notices.append(warning(containers.unread, cwd))
    project = build_project(name, discovered, known, document, inactive, tree, notes, unread)
    learn(lambda: _secrets_of(project))
    return project


def _secrets_of(project: Project) -> Known:
    from migops.compose.secrets import secrets_of  # needed only if text from others is shown

    return secrets_of(project)


def _read(file: str) -> bytes:
    if file != "-":
        return read(file)
    import sys

    return sys.stdin.buffer.read()


def _check_profiles(asked: tuple[str, ...], services: Mapping[str, Any], mark: Mark) -> None:
    """Reject a ``--profile`` that no service has. Compose ignores it, and the intended service stays off."""
    known = sorted({profile for service in services.values() for profile in service.get("profiles", ())})
    for profile in asked:
        if profile not in known and profile != "*":
            listing = f"the profiles are: {', '.join(known)}" if known else "no service has a profile; omit --profile"
            hint = with_hint(profile, known, listing)
            raise refuse(f"no service has the profile {quoted(profile)}", mark, hint)


def _project_name(
    discovered: DiscoveredProject, files: list[tuple[str, list[Document]]], notes: Notes, *, interpolated: bool
) -> str:
    """``-p``, ``COMPOSE_PROJECT_NAME``, the last ``name:`` of the files, or the folder's name."""
    if discovered.project_name:
        if normalize_name(discovered.project_name) != discovered.project_name:
            raise invalid_name(discovered.project_name)
        return discovered.project_name
    named = ""
    location = None
    for _, parsed in files:
        for document in parsed:
            given = document.value.get("name") if isinstance(document.value, Map) else None
            if given not in (None, "") and not isinstance(given, (dict, list)):
                named, location = str(given), document.value.marks["name"].location
    if not named:
        return normalize_name(Path(discovered.directory).name)
    if interpolated:
        named = _interpolated_name(named, discovered, notes, location)
    return normalize_name(named)


def _interpolated_name(name: str, discovered: DiscoveredProject, notes: Notes, location: Location | None) -> str:
    try:
        return substitute(name, discovered.environment.get, notes.unset)
    except InvalidTemplate as error:
        message = "invalid interpolation format for name.\nYou may need to escape any $ with another $.\n"
        raise MigopsError(message + error.template, at=location) from None
    except TemplateError as error:
        raise MigopsError(f"error while interpolating name: {error}", at=location) from None
