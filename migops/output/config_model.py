"""The compose model, in the two formats of ``docker compose config`` and as plain values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from migops.compose import Project
from migops.compose.render import to_json, to_yaml

if TYPE_CHECKING:
    from migops.output import View


def as_json(project: Project, view: View) -> str:
    """The model as JSON. Raises MigopsError for a value that JSON cannot hold."""
    return f"{to_json(project)}\n"


def document(project: Project) -> dict[str, Any]:
    """The values of the JSON, each ``$`` doubled as there. Raises as ``as_json``."""
    values: dict[str, Any] = json.loads(to_json(project))
    return values


def as_yaml(project: Project, view: View) -> str:
    """The model as YAML, with its ``x-*`` keys."""
    return f"{to_yaml(project)}\n"
