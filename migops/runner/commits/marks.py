"""Notes on the engine of migrations that leave, or may have left, a part: so that every state folder's runs see them.

A note is an empty volume that nothing mounts, with labels; it is no compose project's. One is made before a migration
begins, with all by which another run can judge it, and taken away when it is known that nothing stays. Where
something stays or may stay, another one takes its place that says so. Who removes it (``docker volume prune -a``)
leaves the journal alone to tell of it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from migops.core.errors import Unavailable
from migops.docker import Engine

LABEL = "migops.migration"
"""On the volume, with the project's name."""
RECORD = "migops.migration.record"
"""Beside it: the facts, as JSON."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A note: its volume's name, and its facts (none where they cannot be read)."""

    name: str
    facts: Mapping[str, Any]


def put(engine: Engine, project: str, facts: Mapping[str, Any]) -> str:
    """Make a note; its name. ``facts`` must be free of secrets. Raises ``Unavailable`` where the engine makes none."""
    name = f"migops-{project}-migration-{secrets.token_hex(6)}"
    labels = {LABEL: project, RECORD: json.dumps({"schema": 1, **facts}, default=str)}
    make_volume(engine, name, labels)
    return name


def found(engine: Engine, project: str) -> tuple[Mark, ...]:
    """The project's notes. Raises ``Unavailable`` where the engine does not list them."""
    listed = volumes(engine, LABEL, project)
    return tuple(Mark(name, _facts(labels.get(RECORD, ""))) for name, labels in sorted(listed.items()))


def drop(engine: Engine, name: str) -> None:
    """Take a note away. One that the engine does not remove stands, and stops the next run: that is the safe side."""
    with suppress(Unavailable):
        remove_volume(engine, name)


def make_volume(engine: Engine, name: str, labels: Mapping[str, str]) -> None:
    """Make a volume of that name."""
    body = {"Name": name, "Labels": dict(labels)}
    engine.http.call("POST", "/volumes/create", f"making the volume {name}", body=body)


def remove_volume(engine: Engine, name: str) -> None:
    """Remove a volume, unless it is in use."""
    with engine.http.answer("DELETE", f"/volumes/{quote(name)}", f"removing the volume {name}") as answer:
        answer.read()


def volumes(engine: Engine, label: str, value: str) -> dict[str, dict[str, str]]:
    """The labels of the volumes of which this label has that value, by name."""
    what = f"listing the volumes with the label {label}"
    query = urlencode({"filters": json.dumps({"label": [f"{label}={value}"]})})
    with engine.http.answer("GET", f"/volumes?{query}", what) as answer:
        listed = engine.http.json(answer, what, dict).get("Volumes") or ()
    return {str(each["Name"]): dict(each.get("Labels") or {}) for each in listed}


def _facts(text: str) -> Mapping[str, Any]:
    with suppress(ValueError):
        found = json.loads(text)
        if isinstance(found, dict):
            return found
    return {}
