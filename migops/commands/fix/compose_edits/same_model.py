"""The proof of an edit: the edited files mean what the old ones meant, plus exactly the intended change."""

from __future__ import annotations

import copy
import shlex
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from migops.analysis.evidence import Evidence
from migops.commands.fix.compose_edits.nodes import NotEditable
from migops.compose import ComposeOptions, EnvFiles, Project, load
from migops.compose.tree import plain
from migops.compose.verify import Difference, differences
from migops.compose.yamlfile import instead
from migops.core.errors import MigopsError
from migops.core.text import listed

Change = Callable[[dict[str, Any]], None]
"""Makes the intended change in the services of the old model, in place."""


def prove(project: Project, contents: Mapping[str, bytes], services: set[str], change: Change) -> None:
    """Raise ``NotEditable`` unless the contents change the model as intended, and nothing else of the project.

    ``services`` are those that the change is about.
    """
    try:
        old, new = read(project, {}), read(project, contents)
    except MigopsError as error:
        raise NotEditable(f"the edited file would not be read: {error.message}") from None
    change(old["services"])
    different = differences(old, new)
    if different:
        raise NotEditable(_reason(different, services))


def applied_by(evidence: Evidence, services: Iterable[str]) -> str:
    """The sentence with the command that applies an edit, and the services that it recreates."""
    up = shlex.join((*evidence.commands.compose, "up", "-d"))
    return f"`{up}` applies the change of the compose file; it recreates {listed(list(dict.fromkeys(services)))}"


def read(project: Project, contents: Mapping[str, bytes]) -> dict[str, Any]:
    """The project's services, active and not, with its other sections, if files had these contents."""
    with instead(contents):
        loaded = load(options_of(project), project.environment, cwd=project.directory, env_files=EnvFiles.OPTIONAL)
    document = {key: plain(value) for key, value in loaded.resolved.items() if not key.startswith("x-")}
    document["inactive"] = {name: plain(service.raw) for name, service in loaded.inactive.items()}
    return copy.deepcopy(document)


def options_of(project: Project) -> ComposeOptions:
    """The options that lead to this project again, from its own folder."""
    known = {profile for each in (*project.services.values(), *project.inactive.values()) for profile in each.profiles}
    return ComposeOptions(
        files=tuple(project.files),
        project_name=project.name,
        env_files=tuple(file for file in project.env_files if Path(file).is_file()),
        profiles=tuple(each for each in project.profiles if each in known or each == "*"),
        project_directory=project.directory,
    )


def _reason(different: list[Difference], services: set[str]) -> str:
    """Why the edit is not made: other services would change too, or the file would mean something else."""
    others = dict.fromkeys(
        each.path[1]
        for each in different
        if each.path[0] in ("services", "inactive") and len(each.path) > 1 and each.path[1] not in services
    )
    if others:
        return (
            f"{listed(list(others))} would change too: they share the lines (an anchor, or a service that is extended)"
        )
    return f"the edited file would also change {'.'.join(different[0].path)}"
