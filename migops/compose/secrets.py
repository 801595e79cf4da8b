"""What of a compose project nobody may see: the values whose name or place says secret, for the redaction of output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from migops.compose.model import Project
from migops.core.redaction.forms import secrets_in
from migops.core.redaction.known import Known
from migops.core.redaction.naming import of_environment, parts

_LARGEST = 64 * 1024  # bytes of a secret's file that are read


def secrets_of(project: Project) -> Known:
    """Of all services: environment and env files, build args, secrets, and passwords in URLs anywhere else.

    Also of the variables that the files are filled in from. A secret's file that cannot be read is passed over.
    """
    services = [*project.services.values(), *project.inactive.values()]
    found = [of_environment(project.environment)]
    for service in services:
        found.append(of_environment(service.environment))
        if service.build:
            found.append(of_environment(service.build.args))
    texts = {text for service in services for text in _texts([service.raw, service.extensions])}
    secrets = {each for text in texts for each in secrets_in(text)}
    secrets |= {part for text in _declared(project) for part in parts(text)}
    public = {project.name, *(service.name for service in services), *project.volumes, *project.networks}
    return Known(
        frozenset(chain(secrets, *(each.secrets for each in found))),
        frozenset(chain(public, *(each.public for each in found))),
    )


def _declared(project: Project) -> Iterator[str]:
    """The text of each secret that a service or a build is given."""
    for entry in (project.resolved.get("secrets") or {}).values():
        if entry.get("file"):
            try:
                with Path(entry["file"]).open("rb") as file:
                    yield file.read(_LARGEST).decode("utf-8", "replace")
            except OSError:
                continue
        elif entry.get("content"):
            yield str(entry["content"])
        elif text := project.environment.get(str(entry.get("environment") or "")):
            yield text


def _texts(value: Any) -> Iterator[str]:
    """Every text in a document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)
