"""What a shell completes: services from the compose file and rules, from what lies on disk alone.

Only a call by which a shell asks for completions imports this.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from migops.core.errors import MigopsError

Names = Callable[[click.Context], Iterable[str]]


def complete(command: click.Command) -> None:
    """Have the command's services and rules completed."""
    by_parameter: dict[str, Names] = {
        "service": services, "services": services, "select": rules, "ignore": rules, "name": rules,
    }  # fmt: skip
    for parameter in command.params:
        names = by_parameter.get(parameter.name or "")
        if names is not None and (parameter.name != "name" or command.name == "explain"):
            parameter.shell_complete = partial(_items, names)  # type: ignore[method-assign]


def _items(names: Names, context: click.Context, incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names(context) if name.lower().startswith(incomplete.lower())]


def services(context: click.Context) -> list[str]:
    """The services of the compose project; none if it cannot be read: a shell has no place for an error."""
    from migops.compose import ComposeOptions, EnvFiles, load

    given = context.params
    options = ComposeOptions(
        tuple(given.get("files") or ()), given.get("project_name") or "", tuple(given.get("env_files") or ()),
        tuple(given.get("profiles") or ()), given.get("project_directory") or "",
    )  # fmt: skip
    try:
        return sorted(load(options, os.environ, cwd=str(Path.cwd()), env_files=EnvFiles.OPTIONAL).services)
    except MigopsError:
        return []


def rules(context: click.Context) -> list[str]:
    """The ids and the names of the rules."""
    from migops.rules import RULES

    return [word for rule in RULES for word in (rule.id, rule.name)]
