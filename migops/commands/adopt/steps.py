"""The schema after each migration, observed inside one ``alembic upgrade`` on the disposable server."""

from __future__ import annotations

import json
import posixpath
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migops.core import progress
from migops.core.errors import Unavailable
from migops.database.postgres.schema import CATALOGUE, STRICT_CATALOGUE, Item, Schema
from migops.docker import execs
from migops.runner.commits import importing
from migops.sandbox import Ran, Server

_KEPT = 64 * 1024  # bytes kept of the end of Alembic's output
_CARRIED = {
    "sitecustomize.py": Path(__file__).parent / "inside.py", f"{importing.NAME}.py": Path(importing.__file__),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """The state of the database after one migration of the upgrade."""

    heads: tuple[str, ...]
    """The rows of the version table."""
    schema: Schema


@dataclass(frozen=True, slots=True)
class Made:
    """A revision file that Alembic wrote in the container."""

    path: str
    revision: str
    content: str


class MigrationsFailed(Unavailable):
    """Alembic failed on the disposable server. ``output`` is the end of what it wrote, ``code`` its exit code."""

    def __init__(self, message: str, *, output: str, code: int, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.output, self.code = output, code


@dataclass(slots=True)
class Watched:
    """The observations of ``inside``, filtered out of a one-off's output."""

    mark: str
    """The beginning of a line of ``inside``."""
    steps: list[Step] = field(default_factory=list)
    made: Made | None = None
    output: bytearray = field(default_factory=bytearray)
    """The end of Alembic's own output."""
    rest: bytes = b""
    """An incomplete last line."""
    now: dict[tuple[str, str], Item] = field(default_factory=dict)
    """The schema after the last step."""

    def take(self, stream: int, data: bytes) -> None:
        """Take a piece of output: marked lines are observations, the rest is Alembic's output and is kept."""
        if stream != execs.STDOUT:
            self._keep(data)
            return
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            if line.startswith(self.mark.encode()):
                self._observe(line[len(self.mark) :])
            elif line:
                self._keep(line + b"\n")

    def _keep(self, data: bytes) -> None:
        progress.output(data)
        self.output += data
        del self.output[:-_KEPT]

    def _observe(self, text: bytes) -> None:
        try:
            facts: Mapping[str, Any] = json.loads(text)
        except ValueError:
            raise Unavailable(
                "the effect of a migration could not be read: something else wrote to standard output at the same time",
                hint="check what env.py or the migrations start in the background",
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
    """Arguments for ``one_off.run`` that observe Alembic and put the scripts ``new`` alone into ``versions``.

    The folder is a tmpfs, so that it is writable whatever is mounted there and whoever the container's user is.
    ``python_path``: the container's own PYTHONPATH. ``strict``: read all kinds of items.
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
    """Run Alembic's ``words`` in a one-off beside the disposable server and observe it: see ``copying``."""
    observed = Watched(f"migops-{secrets.token_hex(8)} ")
    more = copying(versions, new or {}, python_path, observed.mark, strict=strict)
    ran = server.run(words, take=observed.take, go=f"{more['folders'][0]}/go", **more)
    return ran, observed


def upgrade(server: Server, alembic: Sequence[str], **more: Any) -> tuple[Step, ...]:
    """Upgrade the empty database to all heads; return its states, from before the first migration to after the last.

    Raises ``MigrationsFailed`` if the upgrade fails, ``Unavailable`` if it could not be observed.
    """
    ran, observed = watched(server, [*alembic, "upgrade", "heads"], **more)
    if ran.code:
        at = f" after {', '.join(observed.steps[-1].heads)}" if observed.steps and observed.steps[-1].heads else ""
        raise MigrationsFailed(
            f"the migrations do not run on an empty database: `{' '.join(alembic)} upgrade heads` ended with code "
            f"{ran.code}{at}:\n{last(observed, server)}",
            output=output(observed, server),
            code=ran.code,
            hint="the migrations must run on an empty database for adopt to work",
        )
    if not observed.steps:
        raise Unavailable(
            f"`{' '.join(alembic)} upgrade heads` ran, but its effect could not be observed",
            hint="the image needs a Python that reads PYTHONPATH, and Alembic 0.9.3 or newer",
        )
    return tuple(observed.steps)


def last(observed: Watched, server: Server, lines: int = 12) -> str:
    """The last lines of Alembic's output, without secrets."""
    return "\n".join(output(observed, server).splitlines()[-lines:])


def output(observed: Watched, server: Server) -> str:
    """The end of Alembic's output, without secrets."""
    return server.live.url.redact(observed.output.decode("utf-8", "replace")).strip()
