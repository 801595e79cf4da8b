"""The secrets of a compose project, recognised by name or place, for the redaction of output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from migops.compose.model import Project
from migops.core.redaction.forms import secrets_in
from migops.core.redaction.known import Known
from migops.core.redaction.naming import of_environment, parts

_LARGEST = 64 * 1024  # bytes read of a secret's file


def secrets_of(project: Project) -> Known:
    """Secrets of all services: environment and env files, build args, secrets, and passwords in URLs anywhere else.

    Includes the variables that are substituted into the files. A secret's file that cannot be read is skipped.
    """
    services = [*project.services.values(), *project.inactive.values()]
    environments = [of_environment(project.environment)]
    for service in services:
        environments.append(of_environment(service.environment))
        environments += [of_environment(hook.environment) for hook in service.pre_start]
        if service.build:
            environments.append(of_environment(service.build.args))
    environments += [of_environment(_environment(job)) for job in (project.resolved.get("jobs") or {}).values()]
    texts = {text for service in services for text in _texts([service.raw, service.extensions])}
    secrets = {each for text in texts for each in secrets_in(text)}
    secrets |= {part for text in _declared(project) for part in parts(text)}
    public = {project.name, *(service.name for service in services), *project.volumes, *project.networks}
    return Known(
        frozenset(chain(secrets, *(each.secrets for each in environments))),
        frozenset(chain(public, *(each.public for each in environments))),
    )


def _environment(job: Any) -> Mapping[str, str | None]:
    """The variables of a job, which is kept as it is written."""
    given = job.get("environment") if isinstance(job, Mapping) else None
    if isinstance(given, Mapping):
        return {name: None if value is None else str(value) for name, value in given.items()}
    return dict(str(item).split("=", 1) for item in given or () if "=" in str(item))


def _declared(project: Project) -> Iterator[str]:
    """The text of each secret that a service or a build receives."""
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
        for entry in value.values():
            yield from _texts(entry)
    elif isinstance(value, (list, tuple)):
        for entry in value:
            yield from _texts(entry)
