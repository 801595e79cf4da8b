"""Writes down what was proved: under the locks, in the journal, on a database that is still what was compared."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from migops.commands.adopt.inputs import AdoptInputs
from migops.commands.adopt.outcome import Outcome
from migops.commands.adopt.steps import copying
from migops.core.errors import Aborted, Failed, ManualActionRequired, Unavailable
from migops.core.model import Location
from migops.database import DatabaseUrl
from migops.database.postgres.schema import Found, read
from migops.database.postgres.session import Session, open_session
from migops.docker import Engine
from migops.sandbox import one_off, owned
from migops.state import journal

_LOCK_TIMEOUT = "-c lock_timeout=10s"  # by libpq's own variable: a version table that someone holds stops us, not them


@dataclass(frozen=True, slots=True)
class Stamped:
    """What was noted, and the signal (0: none) that came meanwhile and has waited."""

    heads: tuple[str, ...]
    signal: int


def stamp(outcome: Outcome, live: Found, engine: Engine, folder: Path, timeout: float) -> Stamped:
    """Have Alembic note the chosen revision, in a one-off container of the image beside the live database.

    ``live`` is the schema that was compared; ``folder`` is the project's state folder, whose lock the caller has.
    Raises ``Locked`` where another run has the database's; ``Aborted`` where the database is no longer that one;
    ``Failed`` where Alembic did not note it; ``ManualActionRequired`` where the rows are others than they should be.
    """
    assert outcome.match is not None  # noqa: S101 - a caller that stamps has matched
    inputs, heads = outcome.inputs, outcome.match.chosen.heads
    table = inputs.reached.table
    with (
        journal.begin(folder, "adopt", [inputs.target.service]) as log,
        open_session(
            inputs.reached.url, table=table.name, schema=table.schema, timeout=timeout, label="migops adopt"
        ) as session,
    ):
        session.lock()
        _still_the_same(inputs, session, live, timeout)
        log.note(
            "compare", "done", image=inputs.image.id, database=inputs.state.url, compared=dict(outcome.match.kinds)
        )
        with owned.held_back() as came:
            if outcome.baseline is not None:
                _write(outcome)
                log.note("write", "done", path=str(outcome.baseline.path))
            log.note("stamp", "started", revisions=list(heads))
            session.check()
            code, said, rows = _run_and_look(outcome, engine, session)
            log.noted("stamp", "done" if rows == tuple(sorted(heads)) else "failed", rows=list(rows), code=code)
        _judge(outcome, code, said, rows, inputs.reached.url)
    return Stamped(heads, came[0] if came else 0)


def _still_the_same(inputs: AdoptInputs, session: Session, live: Found, timeout: float) -> None:
    rows = session.rows()
    if rows:
        raise Aborted(f"meanwhile someone has noted {', '.join(rows)} in {inputs.state.url}; nothing was changed")
    if read(inputs.reached.url, timeout=timeout, strict=live.strict).schema != live.schema:
        raise Aborted(
            f"the schema of {inputs.state.url} was changed while it was compared; nothing was stamped",
            hint="see that nothing migrates it or makes its tables, and run it again",
        )


def _run_and_look(outcome: Outcome, engine: Engine, session: Session) -> tuple[int, str, tuple[str, ...]]:
    """Run it, and whatever became of the container, see what the database says now."""
    try:
        code, said = _run(outcome, engine)
    except Unavailable as error:
        code, said = -1, error.message
    try:
        return code, said, session.rows() or ()
    except Unavailable as error:
        raise ManualActionRequired(
            f"`alembic stamp` was run, and whether the row is written cannot be told: {error.message}",
            commands=[outcome.inputs.target.commands.migops("status")],
        ) from None


def _run(outcome: Outcome, engine: Engine) -> tuple[int, str]:
    """Alembic's own stamp, in a container like those that the migrations were tried in."""
    inputs, baseline = outcome.inputs, outcome.baseline
    assert outcome.match is not None  # noqa: S101 - a caller that stamps has matched
    environment = {"PGOPTIONS": f"{inputs.options} {_LOCK_TIMEOUT}".strip()}
    words = [*inputs.alembic, "stamp", *outcome.match.chosen.heads]
    name = f"migops-adopt-{secrets.token_hex(6)}"
    if baseline is None:
        code, data = one_off.run(engine, inputs.app, words, inputs.network, name, environment=environment)
    else:
        new = copying(inputs.versions, {baseline.path.name: baseline.content}, inputs.python_path)
        more = {**new, "environment": {**new["environment"], **environment}}
        code, data = one_off.run(engine, inputs.app, words, inputs.network, name, **more)
    return code, inputs.reached.url.redact(data.decode("utf-8", "replace")).strip()


def _judge(outcome: Outcome, code: int, said: str, rows: tuple[str, ...], url: DatabaseUrl) -> None:
    assert outcome.match is not None  # noqa: S101 - a caller that stamps has matched
    heads = outcome.match.chosen.heads
    if rows == tuple(sorted(heads)):
        return
    kept = f" ({outcome.baseline.path} is written, and may stay)" if outcome.baseline else ""
    at = Location(str(outcome.baseline.path)) if outcome.baseline else None
    last = said.splitlines()[-1] if said else "it said nothing"
    if rows:
        raise ManualActionRequired(
            f"{url.shown} has the rows {', '.join(rows)}, not {', '.join(heads)}: someone else writes there, too",
            commands=[outcome.inputs.target.commands.migops("status")], at=at,
        )  # fmt: skip
    if code == 0:
        raise ManualActionRequired(
            f"`alembic stamp` has ended well, but {url.shown} has no row: env.py goes to another database than the one "
            f"that was compared, and has noted {', '.join(heads)} there{kept}",
            hint="look where env.py takes its URL from, and take the row away there",
        )
    raise Failed(f"`alembic stamp {' '.join(heads)}` ended with code {code}, and no row was written{kept}: {last}")


def _write(outcome: Outcome) -> None:
    """The baseline's file, whole or not at all, for the owner of its folder."""
    import hashlib

    from migops.commands import rescue
    from migops.core.model import MigrationFile

    baseline = outcome.baseline
    assert baseline is not None  # noqa: S101 - the caller has looked
    content = baseline.content.encode()
    digest = hashlib.sha256(content).hexdigest()
    file = MigrationFile(baseline.path.name, str(baseline.path), digest, len(content), content=content)
    rescue.write(rescue.Copy(file, baseline.revision, "", baseline.path))
