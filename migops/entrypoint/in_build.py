"""Upgrades of a database in a Dockerfile's RUN, read from its text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from migops.dockerfile.state import Run
from migops.entrypoint.follow import Follower
from migops.entrypoint.model import Change, File

_OWN_SERVER = re.compile(
    r"\bsqlite|\bpg_ctl|\bpostgres +-D|\bmysqld|\bmariadbd|\b(service|rc-service) +(postgres|mysql|maria)"
)
"""Words of a build that has a database of its own: a file, or a server that this RUN starts."""


def in_build(runs: Sequence[Run], files: Callable[[str], File | None]) -> tuple[Change, ...]:
    """The upgrades that the build certainly runs, unless they are of a database that the build makes itself."""
    return tuple(dict.fromkeys(change for run in runs if not _has_own_server(run) for change in _upgrades(run, files)))


def _upgrades(run: Run, files: Callable[[str], File | None]) -> Iterator[Change]:
    follower = Follower(files, run.env.get("PATH", "").split(":"), run.env)
    follower.start((*run.shell, run.script), run.workdir, run.at, "Dockerfile")
    yield from (change for change in follower.record.changes if change.upgrade and not change.condition)


def _has_own_server(run: Run) -> bool:
    return bool(_OWN_SERVER.search(run.script)) or any(value.startswith("sqlite") for value in run.env.values())
