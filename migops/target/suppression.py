"""Rules that the compose file leaves out, each with a reason: ``x-migops: {ignore: {RULE: REASON}}``.

At the top of a file they count for the whole project, below a service for the reports on that service.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from migops.compose import Project
from migops.core.errors import MigopsError
from migops.core.model import Location, Silenced
from migops.core.text import with_hint

KEY = "x-migops"
_OF_PROJECT = ("ignore",)


def suppressed(project: Project, service: str) -> tuple[Silenced, ...]:
    """The entries that count for a report on the service, in order; in each, ``rule`` as it is written.

    MigopsError, with the line, for what is no mapping of a rule to a reason, and for an unknown key of the project's
    ``x-migops``. Whether there is such a rule is not checked here.
    """
    tree: Any = project.tree
    top = tree.get(KEY)
    if top is not None:
        _known_only(top, tree.marks[KEY].location)
    services = tree.get("services") or {}
    own = services.get(service) or {}
    found = [*_entries(top), *_entries(own.get(KEY))]
    return tuple({entry.rule: entry for entry in found}.values())


def _known_only(top: Any, at: Location) -> None:
    if not isinstance(top, Mapping):
        raise MigopsError(f"{KEY} of the project must be a mapping", at=at, hint="{ignore: {RULE: reason}}")
    for key in top:
        if key not in _OF_PROJECT:
            hint = "other settings belong to a service: write them below its x-migops"
            raise MigopsError(
                f"{KEY} of the project has an unknown key {key!r}", at=top.marks[key].location,  # type: ignore[attr-defined]
                hint=with_hint(str(key), _OF_PROJECT, hint),
            )  # fmt: skip


def _entries(extension: Any) -> Iterator[Silenced]:
    """The entries of one ``x-migops``; it may be anything that YAML has."""
    if not isinstance(extension, Mapping) or extension.get("ignore") is None:
        return
    entries, marks = extension["ignore"], getattr(extension, "marks", {})
    if not isinstance(entries, Mapping):
        raise MigopsError(
            f"{KEY}.ignore must be a mapping of each rule to the reason", at=marks["ignore"].location,
            hint='for example: ignore: {MIG802: "local stack only"}',
        )  # fmt: skip
    for rule, reason in entries.items():
        at = entries.marks[rule].location  # type: ignore[attr-defined]
        if not isinstance(reason, str) or not reason.strip():
            raise MigopsError(f"{KEY}.ignore.{rule} needs a reason", at=at, hint=f'{rule}: "why"')
        yield Silenced(str(rule), reason, at)
