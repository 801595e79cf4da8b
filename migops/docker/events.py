"""What the engine has noted of its containers: its events, and its clock, which need not be ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from migops.core.errors import Unavailable
from migops.docker.client import Engine

FEW = 100  # an engine remembers its last 256 events; of one that has no more than this, none is forgotten


@dataclass(frozen=True, slots=True)
class Events:
    """Container events, the oldest first. ``is_complete``: none of that time has been forgotten."""

    events: tuple[Mapping[str, Any], ...]
    is_complete: bool

    def actions(self, container: str) -> list[str]:
        """What happened to a container (by its ID), in order: kill, die, start, …"""
        mine = [each for each in self.events if (each.get("Actor") or {}).get("ID") == container]
        return [str(each.get("Action")) for each in mine]


def now(engine: Engine) -> float:
    """The engine's time, in seconds since the epoch. ``Unavailable`` where it does not say."""
    with engine.http.answer("GET", "/info", "asking the engine for its time") as answer:
        said = str(engine.http.json(answer, "asking the engine for its time", dict).get("SystemTime"))
    try:
        return seconds(said)
    except ValueError:
        raise Unavailable(f"the Docker Engine at {engine.endpoint.host} reports no valid time: {said!r}") from None


def since(engine: Engine, begin: float, end: float) -> Events:
    """What has happened between two moments of the engine's clock, as far as the engine still knows it."""
    query = urlencode({"since": "1", "until": f"{end:.9f}"})  # all that it knows: then it is seen what it has forgotten
    with engine.http.answer("GET", f"/events?{query}", "asking for the engine's events") as answer:
        engine.http.check(answer, "asking for the engine's events")
        with engine.http.translated("asking for the engine's events"):
            lines = answer.read().splitlines()
    found = [json.loads(line) for line in lines if line.strip()]
    times = [int(each.get("timeNano") or 0) / 1e9 for each in found]
    mine = [each for each, at in zip(found, times, strict=True) if at >= begin and each.get("Type") == "container"]
    return Events(tuple(mine), len(found) <= FEW or min(times) < begin)


def seconds(text: str) -> float:
    """A time as the engine writes it (RFC 3339, up to nanoseconds), in seconds since the epoch.

    Raises ValueError where it is none.
    """
    whole, dot, rest = text.replace("Z", "+00:00").partition(".")
    if not dot:
        return datetime.fromisoformat(whole).timestamp()
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    zone = rest[len(digits) :]
    return datetime.fromisoformat(f"{whole}{zone}").timestamp() + float(f"0.{digits}")
