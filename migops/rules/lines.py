"""The lines that an edit is made at: of the compose file, of the Dockerfile, of a start script."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from migops.analysis.evidence import Evidence
from migops.core.model import Location

if TYPE_CHECKING:
    from migops.compose import Service

_LINE = re.compile(r"(/.+):(\d+)")


def line_of(text: str) -> Location | None:
    """``/path/file:line`` as a location; None for any other text."""
    found = _LINE.fullmatch(text)
    return Location(found[1], int(found[2])) if found else None


def of_service(evidence: Evidence, name: str = "") -> Location | None:
    """The line of a service (the checked one by default) in the compose file; None if it was not read."""
    service = _service(evidence, name)
    return service.location if service else None


def of_mount(evidence: Evidence, target: str) -> Location | None:
    """The line of the checked service's mount at ``target``; None if the files do not have it (any more)."""
    service = _service(evidence, "")
    mounts = service.volumes if service else ()
    return next((each.location for each in mounts if each.target.rstrip("/") == target.rstrip("/")), None)


def of_start(evidence: Evidence, at: Location, place: str) -> Location | None:
    """The line of a start's command at ``at`` of ``place``, if it is in a file of this machine."""
    if place == "Dockerfile":
        return evidence.command_at
    return at if place in ("host", "compose file") else None


def _service(evidence: Evidence, name: str) -> Service | None:
    project = evidence.setup.project if evidence.setup else None
    return project.services.get(name or evidence.commands.service) if project else None
