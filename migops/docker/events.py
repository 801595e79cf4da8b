"""The engine's container events, and its clock, which may differ from ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from migops.core.errors import Unavailable
from migops.docker.client import Engine

FEW = 100  # an engine keeps its last 256 events; with no more than this number, none has been dropped


@dataclass(frozen=True, slots=True)
class Events:
    """Container events, the oldest first. ``is_complete``: the engine has dropped none of the period."""

    events: tuple[Mapping[str, Any], ...]
    is_complete: bool

    def actions(self, container: str) -> list[str]:
        """The events of a container (by ID), in order: kill, die, start, …"""
        mine = [event for event in self.events if (event.get("Actor") or {}).get("ID") == container]
        return [str(event.get("Action")) for event in mine]


def now(engine: Engine) -> float:
    """The engine's time, in seconds since the epoch. Raises ``Unavailable`` if it does not report it."""
    with engine.http.answer("GET", "/info", "asking the engine for its time") as answer:
        text = str(engine.http.json(answer, "asking the engine for its time", dict).get("SystemTime"))
    try:
        return seconds(text)
    except ValueError:
        raise Unavailable(f"the Docker Engine at {engine.endpoint.host} reports no valid time: {text!r}") from None


def since(engine: Engine, begin: float, end: float) -> Events:
    """The events between two times of the engine's clock (seconds since the epoch), as far as the engine has them."""
    query = urlencode({"since": "1", "until": f"{end:.9f}"})  # all of them, to see if some were dropped
    with engine.http.answer("GET", f"/events?{query}", "asking for the engine's events") as answer:
        engine.http.check(answer, "asking for the engine's events")
        with engine.http.translated("asking for the engine's events"):
            lines = answer.read().splitlines()
    events = [json.loads(line) for line in lines if line.strip()]
    times = [int(event.get("timeNano") or 0) / 1e9 for event in events]
    mine = [event for event, at in zip(events, times, strict=True) if at >= begin and event.get("Type") == "container"]
    return Events(tuple(mine), len(events) <= FEW or min(times) < begin)


def seconds(text: str) -> float:
    """Parse the engine's format of a time (RFC 3339, up to nanoseconds) to seconds since the epoch.

    Raises ValueError for any other text.
    """
    whole, dot, rest = text.replace("Z", "+00:00").partition(".")
    if not dot:
        return datetime.fromisoformat(whole).timestamp()
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    zone = rest[len(digits) :]
    return datetime.fromisoformat(f"{whole}{zone}").timestamp() + float(f"0.{digits}")
