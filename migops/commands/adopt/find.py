"""Finds the revision: runs the migrations on a disposable server and compares each schema with the database."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from migops import collect, sandbox
from migops.commands import rescue
from migops.commands.adopt.inputs import AdoptInputs, look
from migops.commands.adopt.match import match
from migops.commands.adopt.noop import is_noop
from migops.commands.adopt.outcome import Baseline, Outcome
from migops.commands.adopt.prerequisites import search_path_of, try_upgrade
from migops.commands.adopt.stale import compared, hint, refuse
from migops.commands.adopt.steps import Made, MigrationsFailed, Step, last, output, watched
from migops.commands.failures import Data, explain
from migops.core import progress
from migops.core.errors import MigopsError, Unavailable
from migops.core.terminal import shell_line
from migops.core.text import counted
from migops.database.postgres.schema import DatabaseSchema
from migops.database.postgres.schema import read as read_schema
from migops.docker import Engine
from migops.sources.database import read
from migops.sources.database_state import DatabaseState
from migops.target import Target

Reporter = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The user's options."""

    revision: str = ""
    """The only revision to compare with; empty for all."""
    baseline: bool = False
    """Generate the first migration."""
    message: str = "baseline"
    """The baseline's message."""
    timeout: float = 20.0
    """Seconds for each query."""
    dry_run: bool = False
    strict: bool = False
    """Compare the kinds of ``schema.STRICT`` as well."""


def find(target: Target, engine: Engine, wanted: Wanted, say: Reporter) -> tuple[Outcome, DatabaseSchema | None]:
    """The outcome, and the database's schema (None if nothing had to be compared).

    The database is only read. ``say`` reports progress to the user. Raises MigopsError if there is nothing to adopt,
    ``Unavailable`` if the revision cannot be determined.
    """
    inputs = look(target, engine, wanted.timeout)
    if inputs.state.rows:
        return Outcome(inputs, None, dry_run=wanted.dry_run), None
    _refuse_nothing_to_adopt(inputs, wanted)
    stale = compared(inputs, engine)
    if stale is not None:
        say(f"{stale.sentence}; build first: {shell_line(stale.commands[0])}")
    say(f"trying the migrations of {inputs.image.ref} on a disposable server like {inputs.live.container}")
    with progress.step("try the migrations"), sandbox.server(engine, inputs.live, inputs.app) as server:
        for name in server.swept:
            say(f"removed {name}, left by a killed run")
        live = read_schema(inputs.reached.url, timeout=wanted.timeout, strict=wanted.strict)
        server.prerequisites = search_path_of(inputs, live)
        baseline = _write(server, inputs, engine, wanted) if wanted.baseline else None
        new = {"new": {baseline.path.name: baseline.content}, "versions": inputs.versions} if baseline else {}
        try:
            steps, notes = try_upgrade(
                server, inputs, live, python_path=inputs.python_path, strict=wanted.strict, **new
            )
        except MigrationsFailed as error:
            error.hint = hint(stale) or error.hint
            raise _explained(error, inputs, engine, ("upgrade", "heads")) from None
        check_observed(server, inputs, steps)
    table = inputs.reached.table
    revision = baseline.revision if baseline else wanted.revision
    revisions = inputs.migrations.revisions
    noops = frozenset(each.id for each in revisions if is_noop(inputs.text_of(each)))
    matched = match(steps, live, table.name, table.schema, wanted=revision, noops=noops)
    outcome = Outcome(inputs, matched, dry_run=wanted.dry_run, baseline=baseline, notes=notes, stale=stale)
    refuse(outcome)
    return outcome, live


def _refuse_nothing_to_adopt(inputs: AdoptInputs, wanted: Wanted) -> None:
    say = inputs.target.commands.say
    if not inputs.state.tables:
        raise MigopsError(
            f"{inputs.state.url} is empty: there is nothing to adopt",
            hint=f"`{say('alembic', 'upgrade', 'head')}` creates its tables",
        )
    number = len(inputs.migrations.revisions)
    if number and wanted.baseline:
        raise MigopsError(
            f"{inputs.image.ref} already has {counted(number, 'migration')}; --baseline generates the first one",
            hint=say("adopt"),
        )
    if not number and not wanted.baseline:
        raise MigopsError(
            f"{inputs.image.ref} has no migration yet to compare the database with",
            hint=f"{say('adopt', '--baseline')} generates the first one "
            "from the models; or build the image, if the host has migrations",
        )


def _explained(
    error: MigrationsFailed, inputs: AdoptInputs, engine: Engine, arguments: Sequence[str]
) -> MigrationsFailed:
    """The error, with what migops knows of such a failure below Alembic's own words."""
    known = explain(
        error.output,
        inputs.target,
        engine,
        arguments,
        code=error.code,
        data=Data.EMPTY,
        again=inputs.target.commands.adopt(),
    )
    message = "\n".join((error.message, *known))
    return MigrationsFailed(message, output=error.output, code=error.code, hint=error.hint)


def _write(server: sandbox.Server, inputs: AdoptInputs, engine: Engine, wanted: Wanted) -> Baseline:
    """Have Alembic generate the first migration from the models alone: the server is empty."""
    host = collect.host(inputs.target).migrations
    if host.revisions:
        raise MigopsError(
            f"the host has {len(host.revisions)} migrations, but the image has none: build it first",
            hint=shlex.join(inputs.target.commands.build()),
        )
    words = [*inputs.alembic, "revision", "--autogenerate", "-m", wanted.message]
    ran, observed = watched(server, words, python_path=inputs.python_path, versions=inputs.versions)
    if ran.code or not isinstance(observed.made, Made):
        failed = MigrationsFailed(
            f"Alembic generated no migration: `{' '.join(words)}` ended with code {ran.code}:\n"
            f"{last(observed, server)}",
            output=output(observed, server), code=ran.code,
            hint="--baseline needs target_metadata in env.py, to compare the models with an empty database",
        )  # fmt: skip
        raise _explained(failed, inputs, engine, words[len(inputs.alembic) :])
    name = posixpath.join(posixpath.basename(inputs.versions), posixpath.basename(observed.made.path))
    to = rescue.place_of(host, name)
    if to.exists():
        raise MigopsError(
            f"{to} already exists and is not a migration", hint="move it away, or choose another --message"
        )
    return Baseline(to, observed.made.revision, wanted.message, observed.made.content)


def check_observed(server: sandbox.Server, inputs: AdoptInputs, steps: tuple[Step, ...]) -> None:
    """Check that the upgrade ran on the disposable server and started with an empty version table."""
    if steps[0].heads:
        raise MigopsError(
            f"a new server like {inputs.live.container} is stamped {', '.join(steps[0].heads)} by its first start, "
            "so it does not show what the migrations create",
            hint="check the scripts in /docker-entrypoint-initdb.d",
        )
    state = read(replace(inputs.reached, url=server.url), timeout=20.0)
    if not isinstance(state, DatabaseState) or state.rows != steps[-1].heads:
        raise Unavailable(
            "Alembic upgraded another database than the one on the disposable server: env.py does not use "
            f"{inputs.state.url} ({inputs.state.origin})",
            hint="set the URL that env.py uses: x-migops: {database-url: URL} under the service",
        )
