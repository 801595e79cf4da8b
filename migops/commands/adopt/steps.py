"""The schema after each migration: one run of Alembic's own upgrade on the throwaway server, watched from inside."""

from __future__ import annotations

import json
import posixpath
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migops.core.errors import Unavailable
from migops.database.postgres.schema import CATALOGUE, STRICT_CATALOGUE, Item, Schema
from migops.docker import execs
from migops.runner.commits import importing
from migops.sandbox import Ran, Server

_KEPT = 64 * 1024  # bytes of the end of what Alembic says that are kept
_CARRIED = {
    "sitecustomize.py": Path(__file__).parent / "inside.py", f"{importing.NAME}.py": Path(importing.__file__),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """What an upgrade passes on its way: the rows that the version table then has, and the schema."""

    heads: tuple[str, ...]
    schema: Schema


@dataclass(frozen=True, slots=True)
class Made:
    """A revision file that Alembic wrote in the container."""

    path: str
    revision: str
    content: str


@dataclass(slots=True)
class Watched:
    """Reads what ``inside`` tells out of all that a one-off writes."""

    mark: str
    steps: list[Step] = field(default_factory=list)
    made: Made | None = None
    said: bytearray = field(default_factory=bytearray)
    rest: bytes = b""
    now: dict[tuple[str, str], Item] = field(default_factory=dict)

    def take(self, stream: int, data: bytes) -> None:
        """Take a piece of output: marked lines are ours, all else is Alembic's and is kept."""
        if stream != execs.STDOUT:
            self._keep(data)
            return
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            if line.startswith(self.mark.encode()):
                self._told(line[len(self.mark) :])
            elif line:
                self._keep(line + b"\n")

    def _keep(self, data: bytes) -> None:
        self.said += data
        del self.said[:-_KEPT]

    def _told(self, text: bytes) -> None:
        try:
            facts: Mapping[str, Any] = json.loads(text)
        except ValueError:
            raise Unavailable(
                "what a migration did could not be read: something else wrote to its standard output at the same time",
                hint="look what env.py or the migrations start in the background",
            ) from None
        if "made" in facts:
            self.made = Made(facts["made"], facts["revision"], facts["content"])
            return
        for key in facts["gone"]:
            self.now.pop(tuple(key), None)
        for row in facts["changed"]:
            item = Item(*row)
            self.now[item.key] = item
        self.steps.append(Step(tuple(facts["heads"]), dict(self.now)))


def copying(
    versions: str, new: Mapping[str, str], python_path: str, mark: str = "", *, strict: bool = False
) -> dict[str, Any]:
    """What ``one_off.run`` takes so that the folder ``versions`` holds the scripts ``new`` alone, by their names.

    It is in memory, so that it takes them whatever is mounted there and whoever the container's user is.
    ``python_path`` is the PYTHONPATH that the container has anyway. ``strict``: all kinds of items are read.
    """
    folder, catalogue = f"/migops-{secrets.token_hex(8)}", STRICT_CATALOGUE if strict else CATALOGUE
    files = {f"{folder}/{name}": path.read_bytes() for name, path in _CARRIED.items()}
    files[f"{folder}/catalogue.sql"] = catalogue.encode()
    files |= {f"{folder}/new/{posixpath.basename(name)}": text.encode() for name, text in new.items()}
    return {
        "files": files,
        "folders": [folder, *([f"{folder}/new"] if new else [])],
        "memory": [versions] if versions else [],
        "environment": {
            "PYTHONPATH": f"{folder}:{python_path}".rstrip(":"), "MIGOPS_MARK": mark, "MIGOPS_VERSIONS": versions,
        },
    }  # fmt: skip


def watched(
    server: Server,
    words: Sequence[str],
    *,
    python_path: str = "",
    new: Mapping[str, str] | None = None,
    versions: str = "",
    strict: bool = False,
) -> tuple[Ran, Watched]:
    """Run Alembic's ``words`` in a one-off beside the throwaway server, and watch: see ``copying``."""
    found = Watched(f"migops-{secrets.token_hex(8)} ")
    more = copying(versions, new or {}, python_path, found.mark, strict=strict)
    ran = server.run(words, take=found.take, go=f"{more['folders'][0]}/go", **more)
    return ran, found


def upgrade(server: Server, alembic: Sequence[str], **more: Any) -> tuple[Step, ...]:
    """Upgrade the empty database to all heads; what it passes, from before the first migration to after the last.

    Raises ``Unavailable`` where the upgrade fails, or could not be watched.
    """
    ran, found = watched(server, [*alembic, "upgrade", "heads"], **more)
    if ran.code:
        at = f" after {', '.join(found.steps[-1].heads)}" if found.steps and found.steps[-1].heads else ""
        raise Unavailable(
            f"the migrations do not run on an empty database: `{' '.join(alembic)} upgrade heads` ended with code "
            f"{ran.code}{at}:\n{last(found, server)}",
            hint="a history that does not build the schema from nothing cannot tell which revision a database has",
        )
    if not found.steps:
        raise Unavailable(
            f"`{' '.join(alembic)} upgrade heads` has run, but what it did could not be watched",
            hint="it takes a Python that reads PYTHONPATH, and Alembic 0.9.3 or newer, in the image",
        )
    return tuple(found.steps)


def last(found: Watched, server: Server, lines: int = 12) -> str:
    """The last that Alembic said, without secrets."""
    said = server.live.url.redact(found.said.decode("utf-8", "replace")).strip()
    return "\n".join(said.splitlines()[-lines:])
