"""Finds the revision: the migrations run on a throwaway server, and the database is held against each schema there."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace

from migops import collect, sandbox
from migops.commands import rescue
from migops.commands.adopt.inputs import AdoptInputs, look
from migops.commands.adopt.match import match
from migops.commands.adopt.noop import does_nothing
from migops.commands.adopt.outcome import Baseline, Outcome
from migops.commands.adopt.prerequisites import path_of, tried
from migops.commands.adopt.steps import Made, Step, last, watched
from migops.core.errors import MigopsError, Unavailable
from migops.core.text import counted
from migops.database.postgres.schema import Found
from migops.database.postgres.schema import read as read_schema
from migops.docker import Engine
from migops.sources.database import read
from migops.sources.database_state import DatabaseState
from migops.target import Target

Reporter = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user said: a revision, that there is none yet (``baseline``, with its message), the time limit, and
    ``strict``: to compare also what hardly any migration makes (``schema.STRICT``)."""

    revision: str = ""
    baseline: bool = False
    message: str = "baseline"
    timeout: float = 20.0
    dry_run: bool = False
    strict: bool = False


def find(target: Target, engine: Engine, wanted: Wanted, say: Reporter) -> tuple[Outcome, Found | None]:
    """What adopting comes to, and the schema that the database has (None where nothing had to be compared).

    The database is only read. ``say`` tells the user what takes its time. Raises MigopsError where there is nothing
    that could be adopted, ``Unavailable`` where it could not be found out.
    """
    inputs = look(target, engine, wanted.timeout)
    if inputs.state.rows:
        return Outcome(inputs, None, dry_run=wanted.dry_run), None
    _refuse_nothing_to_adopt(inputs, wanted)
    say(f"trying the migrations of {inputs.image.ref} on a throwaway server like {inputs.live.container}")
    with sandbox.server(engine, inputs.live, inputs.app) as server:
        for name in server.swept:
            say(f"removed {name}, which a run that was killed had left")
        live = read_schema(inputs.reached.url, timeout=wanted.timeout, strict=wanted.strict)
        server.seeds = path_of(inputs, live)
        baseline = _write(server, inputs, wanted) if wanted.baseline else None
        new = {"new": {baseline.path.name: baseline.content}, "versions": inputs.versions} if baseline else {}
        steps, notes = tried(server, inputs, live, python_path=inputs.python_path, strict=wanted.strict, **new)
        _see_that_it_was_there(server, inputs, steps)
    table = inputs.reached.table
    revision = baseline.revision if baseline else wanted.revision
    idle = frozenset(each.id for each in inputs.held.revisions if does_nothing(inputs.text_of(each)))
    found = match(steps, live, table.name, table.schema, wanted=revision, idle=idle)
    return Outcome(inputs, found, dry_run=wanted.dry_run, baseline=baseline, notes=notes), live


def _refuse_nothing_to_adopt(inputs: AdoptInputs, wanted: Wanted) -> None:
    say = inputs.target.commands.say
    if not inputs.state.tables:
        raise MigopsError(
            f"{inputs.state.url} is empty: there is nothing to adopt",
            hint=f"`{say('alembic', 'upgrade', 'head')}` makes its tables",
        )
    number = len(inputs.held.revisions)
    if number and wanted.baseline:
        raise MigopsError(
            f"{inputs.image.ref} has {counted(number, 'migration')} already; --baseline writes the first",
            hint=say("adopt"),
        )
    if not number and not wanted.baseline:
        raise MigopsError(
            f"{inputs.image.ref} has no migration yet that the database could be held against",
            hint=f"{say('adopt', '--baseline')} writes the first one, "
            "from the models; or build the image, if the host has migrations",
        )


def _write(server: sandbox.Server, inputs: AdoptInputs, wanted: Wanted) -> Baseline:
    """Have Alembic write the first migration, by the models alone: the server is empty."""
    host = collect.host(inputs.target).migrations
    if host.revisions:
        raise MigopsError(
            f"the host has {len(host.revisions)} migrations, the image none: build it first",
            hint=shlex.join(inputs.target.commands.build()),
        )
    words = [*inputs.alembic, "revision", "--autogenerate", "-m", wanted.message]
    ran, found = watched(server, words, python_path=inputs.python_path, versions=inputs.versions)
    if ran.code or not isinstance(found.made, Made):
        raise Unavailable(
            f"Alembic wrote no migration: `{' '.join(words)}` ended with code {ran.code}:\n{last(found, server)}",
            hint="--baseline needs target_metadata in env.py: it compares the models with an empty database",
        )
    name = posixpath.join(posixpath.basename(inputs.versions), posixpath.basename(found.made.path))
    to = rescue.place_of(host, name)
    if to.exists():
        raise MigopsError(f"{to} exists already, and is no migration", hint="move it away, or choose another --message")
    return Baseline(to, found.made.revision, wanted.message, found.made.content)


def _see_that_it_was_there(server: sandbox.Server, inputs: AdoptInputs, steps: tuple[Step, ...]) -> None:
    """See that the upgrade was watched on the throwaway server, from an empty version table on."""
    if steps[0].heads:
        raise MigopsError(
            f"a new server like {inputs.live.container} has {', '.join(steps[0].heads)} noted from its first start on, "
            "so it does not show what the migrations make",
            hint="look at the scripts in /docker-entrypoint-initdb.d",
        )
    state = read(replace(inputs.reached, url=server.url), timeout=20.0)
    if not isinstance(state, DatabaseState) or state.rows != steps[-1].heads:
        raise Unavailable(
            "Alembic has upgraded another database than the one on the throwaway server: env.py does not use "
            f"{inputs.state.url} ({inputs.state.origin})",
            hint="say which one it uses: x-migops: {database-url: URL} under the service",
        )
