"""Required variables (``${NAME:?…}``) that are not set: in a command that only reads, what depends on them is unknown.

Compose refuses such a file. A command that only reads goes on where the value can be unknown or left out without
changing what it judges: a variable of a service's environment is then unknown, the text of an image's name or a label
keeps ``${NAME}``, ports and limits are left out. Elsewhere (mounts, builds, commands, …) the file stays refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from migops.compose.tree import Map, Mark, Seq
from migops.compose.unread import example_of, shown

_OPEN, _CLOSE = "\ue000", "\ue001"
"""Around the variable's name while a document is read, when no other text can look like it: private characters."""
_UNKNOWN = re.compile(f"{_OPEN}(.*?){_CLOSE}")
_KEPT = frozenset({
    "image", "labels", "annotations", "container_name", "hostname", "domainname", "environment", "build.args",
    "build.labels", "deploy.labels", "healthcheck.test",
})  # fmt: skip
_LEFT_OUT = frozenset({
    "cpu_count", "cpu_percent", "cpu_shares", "cpu_quota", "cpu_period", "cpu_rt_period", "cpu_rt_runtime", "cpus",
    "cpuset", "dns", "dns_opt", "dns_search", "expose", "extra_hosts", "group_add", "healthcheck", "logging",
    "mac_address", "mem_limit", "mem_reservation", "mem_swappiness", "memswap_limit", "oom_score_adj", "pids_limit",
    "ports", "deploy.resources", "shm_size", "stop_grace_period", "stop_signal", "sysctls", "ulimits",
})  # fmt: skip


class Treatment(Enum):
    """What becomes of a value that depends on a required variable that is not set."""

    REFUSED = "refused"
    KEPT = "kept"
    """With ``${NAME}`` in its text; a variable of an environment is unknown."""
    LEFT_OUT = "left out"


def treatment(path: tuple[str, ...]) -> Treatment:
    """The treatment of the value at a path of the document."""
    if path[0].startswith("x-") or (path[0] == "networks" and path[2:] == ("name",)):
        return Treatment.KEPT
    if path[0] != "services" or len(path) < 3:
        return Treatment.REFUSED
    key = path[2]
    within = ".".join(path[2:4])
    if key in _KEPT or within in _KEPT or (key.startswith("x-") and key != "x-migops"):
        return Treatment.KEPT
    return Treatment.LEFT_OUT if key in _LEFT_OUT or within in _LEFT_OUT else Treatment.REFUSED


def placeholder(name: str) -> str:
    """The text in place of the variable's value until the document is read."""
    return f"{_OPEN}{name}{_CLOSE}"


def variable_in(text: str | None) -> str:
    """The first required variable that a text depends on; '' if it depends on none."""
    found = _UNKNOWN.search(text) if text else None
    return found[1] if found else ""


def reveal(value: Any) -> Any:
    """The value with ``${NAME}`` in place of each placeholder; containers are changed in place."""
    if isinstance(value, str):
        return _UNKNOWN.sub(r"${\1}", value) if _OPEN in value else value
    if isinstance(value, (Map, dict)):
        for key, entry in value.items():
            value[key] = reveal(entry)
    elif isinstance(value, (Seq, list)):
        for index, item in enumerate(value):
            value[index] = reveal(item)
    return value


def warning(marks: Mapping[str, list[Mark]], directory: str, cwd: str) -> str:
    """One sentence that names every variable with the lines that require it, and the fix."""
    parts = []
    for name, required in marks.items():
        lines = list(dict.fromkeys(f"{shown(mark.file, cwd)}:{mark.line}" for mark in required))
        more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
        parts.append(f"{name} ({lines[0]}{more})")
    verb = "are" if len(parts) > 1 else "is"
    dotenv = str(Path(directory) / ".env")
    example = "" if Path(dotenv).exists() else example_of(dotenv)
    fix = (
        f"cp {shown(example, cwd)} {shown(dotenv, cwd)}" if example else f"set {'them' if parts[1:] else 'it'} in .env"
    )
    them = "them" if len(parts) > 1 else "it"
    return f"{', '.join(parts)} {verb} required and not set; what depends on {them} is unknown\n  try: {fix}"
