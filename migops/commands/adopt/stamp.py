"""Stamps the proved revision: locked, journalled, and only if the database is still the one that was compared."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

from migops.commands.adopt.inputs import AdoptInputs
from migops.commands.adopt.outcome import Outcome
from migops.commands.adopt.steps import copying
from migops.commands.failures import explain
from migops.core.errors import Aborted, Failed, ManualActionRequired, Unavailable
from migops.core.model import Location
from migops.database import DatabaseUrl
from migops.database.postgres.schema import DatabaseSchema, read
from migops.database.postgres.session import Session, open_session
from migops.docker import Engine
from migops.sandbox import one_off, owned
from migops.state import journal

_LOCK_TIMEOUT = (
    "-c lock_timeout=10s"  # in PGOPTIONS: if another session has locked the version table, the stamp gives up
)


@dataclass(frozen=True, slots=True)
class Stamped:
    """A finished stamp."""

    heads: tuple[str, ...]
    signal: int
    """The signal that was deferred meanwhile; 0 for none."""


def stamp(outcome: Outcome, live: DatabaseSchema, engine: Engine, folder: Path, timeout: float) -> Stamped:
    """Have Alembic stamp the chosen revision, in a one-off container of the image beside the live database.

    ``live``: the schema that was compared. ``folder``: the project's state folder, locked by the caller. Raises
    ``Locked`` if another run has locked the database; ``Aborted`` if the database has changed since; ``Failed`` if
    Alembic wrote no row; ``ManualActionRequired`` if the rows are not the expected ones.
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
            code, output, rows = _run_and_read(outcome, engine, session)
            log.noted("stamp", "done" if rows == tuple(sorted(heads)) else "failed", rows=list(rows), code=code)
        try:
            _check_outcome(outcome, code, output, rows, inputs.reached.url)
        except Failed as error:
            known = explain(output, inputs.target, engine, ("stamp",), code=code)
            raise Failed("\n".join((error.message, *known)), hint=error.hint) from None
    return Stamped(heads, came[0] if came else 0)


def _still_the_same(inputs: AdoptInputs, session: Session, live: DatabaseSchema, timeout: float) -> None:
    rows = session.rows()
    if rows:
        raise Aborted(
            f"{inputs.state.url} was stamped {', '.join(rows)} by someone else meanwhile; nothing was changed"
        )
    if read(inputs.reached.url, timeout=timeout, strict=live.strict).schema != live.schema:
        raise Aborted(
            f"the schema of {inputs.state.url} was changed while it was compared; nothing was stamped",
            hint="stop whatever migrates it or creates its tables, and run adopt again",
        )


def _run_and_read(outcome: Outcome, engine: Engine, session: Session) -> tuple[int, str, tuple[str, ...]]:
    """Run the stamp and read the version table, whatever became of the container."""
    try:
        code, output = _run(outcome, engine)
    except Unavailable as error:
        code, output = -1, error.message
    try:
        return code, output, session.rows() or ()
    except Unavailable as error:
        raise ManualActionRequired(
            f"`alembic stamp` ran, but whether it wrote the row is unknown: {error.message}",
            commands=[outcome.inputs.target.commands.migops("status")],
        ) from None


def _run(outcome: Outcome, engine: Engine) -> tuple[int, str]:
    """Run ``alembic stamp`` in a container like those of the disposable server."""
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


def _check_outcome(outcome: Outcome, code: int, output: str, rows: tuple[str, ...], url: DatabaseUrl) -> None:
    """Raise ``Failed`` or ``ManualActionRequired`` unless the version table has the stamped rows."""
    assert outcome.match is not None  # noqa: S101 - a caller that stamps has matched
    heads = outcome.match.chosen.heads
    if rows == tuple(sorted(heads)):
        return
    kept = f" ({outcome.baseline.path} was written and can stay)" if outcome.baseline else ""
    at = Location(str(outcome.baseline.path)) if outcome.baseline else None
    last = output.splitlines()[-1] if output else "no output"
    if rows:
        raise ManualActionRequired(
            f"the version table of {url.shown} has {', '.join(rows)} instead of {', '.join(heads)}: something else "
            "writes to it as well",
            commands=[outcome.inputs.target.commands.migops("status")], at=at,
        )  # fmt: skip
    if code == 0:
        raise ManualActionRequired(
            f"`alembic stamp` succeeded, but {url.shown} has no row: env.py uses another database than the one that "
            f"was compared, and stamped {', '.join(heads)} there{kept}",
            hint="check where env.py takes its URL from, and remove the row from that database",
        )
    raise Failed(f"`alembic stamp {' '.join(heads)}` ended with code {code}, and no row was written{kept}: {last}")


def _write(outcome: Outcome) -> None:
    """Write the baseline's file, atomically, with its folder's owner."""
    import hashlib

    from migops.commands import rescue
    from migops.core.model import MigrationFile

    baseline = outcome.baseline
    assert baseline is not None  # noqa: S101 - checked by the caller
    content = baseline.content.encode()
    digest = hashlib.sha256(content).hexdigest()
    file = MigrationFile(baseline.path.name, str(baseline.path), digest, len(content), content=content)
    rescue.write(rescue.Copy(file, baseline.revision, "", baseline.path))
