"""The owner's record on a run's objects in the engine: its lock, and the containers in which Alembic runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from migops.state.process import Life, Who, known, ourselves

ONE_OFF = "migops.oneoff"
"""Label of every one-off container that migops starts: ``PID@HOST``, the only record in 0.1.0."""
OWNER = "migops.owner"
"""Label with the whole record as JSON, since 0.2."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A run that owns objects in the engine."""

    who: Who
    command: str  # without arguments that may be secret
    since: str  # ISO 8601, UTC
    folder: str  # its state folder, with its journal
    after: tuple[str, ...] = ()
    """State folders of runs whose lock it took over, for which the database server had not yet been asked."""
    token: str = ""

    def __str__(self) -> str:
        return f"`{self.command}` by {self.who}, since {self.since}"

    def record(self) -> str:
        """The record as a label's value."""
        more = {"command": self.command, "since": self.since, "folder": self.folder, "after": list(self.after)}
        return json.dumps({"schema": 1, **self.who.record(), **more, "token": self.token})


def now(command: str, folder: str, after: tuple[str, ...] = (), token: str = "") -> Owner:
    """The current process as an owner."""
    since = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return Owner(ourselves(), command, since, folder, after, token)


def read(text: str) -> Owner:
    """An owner from its record; an unreadable record gives an unknown process."""
    document: Any = None
    with suppress(ValueError):
        document = json.loads(text)
    record: Mapping[str, Any] = document if isinstance(document, dict) else {}
    after = record.get("after")
    return Owner(
        known(record), str(record.get("command") or "?"), str(record.get("since") or "?"),
        str(record.get("folder") or ""), tuple(map(str, after)) if isinstance(after, list) else (),
        str(record.get("token") or ""),
    )  # fmt: skip


def labels() -> dict[str, str]:
    """The labels of a one-off container of this process."""
    who = ourselves()
    return {ONE_OFF: f"{who.pid}@{who.host}", OWNER: json.dumps(who.record())}


def of_one_off(labels: Mapping[str, str] | None) -> Who | None:
    """The process that started a one-off container; None if migops did not create it."""
    given = labels or {}
    if OWNER in given:
        return read(given[OWNER]).who
    if ONE_OFF not in given:
        return None
    pid, _, host = given[ONE_OFF].partition("@")
    return known({"pid": pid, "host": host or "?"})


def life_of(who: Who) -> str:
    """The state of a process, as the end of a sentence about it."""
    if who.life is Life.LIVES:
        return "it is running"
    return "it is gone" if who.life is Life.GONE else f"whether it is running is unknown here ({_why(who)})"


def _why(who: Who) -> str:
    here = ourselves()
    if who.host != here.host or (who.namespace and who.machine != here.machine):
        return "it ran on another machine or in another container"
    if not who.namespace:
        return "an older migops did not record enough about it"
    if who.namespace != here.namespace:
        return "it ran in another container, or outside this one"
    return "this machine does not provide it"
