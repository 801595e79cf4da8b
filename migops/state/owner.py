"""The owner's record on what a run leaves in the engine: its lock, and the containers in which Alembic runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from migops.state.process import Life, Who, known, ourselves

ONE_OFF = "migops.oneoff"
"""On every one-off container that migops starts: ``PID@HOST``, all that 0.1.0 noted of its owner."""
OWNER = "migops.owner"
"""Beside it since 0.2: the whole record, as JSON."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A run by its process, its command (without arguments that may be secret) and its begin (ISO 8601, UTC).

    ``folder`` is its state folder, with its journal; ``after`` are the state folders of runs whose lock it took over
    and of which it had not yet found out whether the database server is done with them.
    """

    who: Who
    command: str
    since: str
    folder: str
    after: tuple[str, ...] = ()
    token: str = ""

    def __str__(self) -> str:
        return f"`{self.command}` by {self.who}, since {self.since}"

    def record(self) -> str:
        """As a label has it."""
        more = {"command": self.command, "since": self.since, "folder": self.folder, "after": list(self.after)}
        return json.dumps({"schema": 1, **self.who.record(), **more, "token": self.token})


def now(command: str, folder: str, after: tuple[str, ...] = (), token: str = "") -> Owner:
    """This process as an owner."""
    since = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return Owner(ourselves(), command, since, folder, after, token)


def read(text: str) -> Owner:
    """An owner by its record. One that cannot be read is a process that nobody knows."""
    found: Any = None
    with suppress(ValueError):
        found = json.loads(text)
    record: Mapping[str, Any] = found if isinstance(found, dict) else {}
    after = record.get("after")
    return Owner(
        known(record), str(record.get("command") or "?"), str(record.get("since") or "?"),
        str(record.get("folder") or ""), tuple(map(str, after)) if isinstance(after, list) else (),
        str(record.get("token") or ""),
    )  # fmt: skip


def labels() -> dict[str, str]:
    """What a one-off container of this process carries."""
    who = ourselves()
    return {ONE_OFF: f"{who.pid}@{who.host}", OWNER: json.dumps(who.record())}


def of_one_off(labels: Mapping[str, str] | None) -> Who | None:
    """The process that started a one-off container; None where it is none of migops."""
    given = labels or {}
    if OWNER in given:
        return read(given[OWNER]).who
    if ONE_OFF not in given:
        return None
    pid, _, host = given[ONE_OFF].partition("@")
    return known({"pid": pid, "host": host or "?"})


def life_of(who: Who) -> str:
    """What is known of a process, as the end of a sentence about it."""
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
