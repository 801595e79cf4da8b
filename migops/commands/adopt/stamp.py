"""Stamps the proved revision: locked, journalled, and only if the database is still the one that was compared."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from migops.commands.adopt.inputs import AdoptInputs
from migops.commands.adopt.outcome import Outcome
from migops.commands.adopt.process import StampProcess
from migops.commands.failures import explain
from migops.core.errors import Aborted, Failed, ManualActionRequired
from migops.core.model import Location
from migops.database import DatabaseUrl
from migops.database.postgres.schema import DatabaseSchema, read
from migops.docker import Engine
from migops.runner.attempt import Handles, MigrationPolicy, MigrationRequest, attempt
from migops.runner.expected_run import ExpectedRun
from migops.runner.migration_lock import MigrationLock
from migops.sandbox import owned
from migops.state import journal

LOCK_TIMEOUT = 10.0  # seconds: if another session has locked the version table, the stamp gives up


@dataclass(frozen=True, slots=True)
class Stamped:
    """A finished stamp."""

    heads: tuple[str, ...]
    signal: int
    """The signal that was deferred meanwhile; 0 for none."""


def stamp(
    outcome: Outcome, live: DatabaseSchema, engine: Engine, lock: MigrationLock, say: Callable[[str], None]
) -> Stamped:  # fmt: skip
    """Have Alembic stamp the chosen revision, by the one runner, in a one-off container of the image.

    ``live``: the schema that was compared. ``lock`` has the locks of host and engine; the database's is taken here.
    Raises ``Locked`` if another run has locked the database; ``Aborted`` if the database has changed since; ``Failed``
    if Alembic wrote no row; ``ManualActionRequired`` if the rows are not the expected ones.
    """
    assert outcome.match is not None  # noqa: S101 - a caller that stamps has matched
    inputs, heads = outcome.inputs, outcome.match.chosen.heads
    with journal.begin(lock.folder, "adopt", [inputs.target.service]) as log:
        lock.take(0.0)
        _still_the_same(inputs, lock.rows(0.0), live, lock.timeout)
        log.note(
            "compare", "done", image=inputs.image.id, database=inputs.state.url, compared=dict(outcome.match.kinds)
        )
        with owned.held_back() as came:
            if outcome.baseline is not None:
                _write(outcome)
                log.note("write", "done", path=str(outcome.baseline.path))
            handles = Handles(engine, log, lock, say, lambda: bool(came))
            ended = attempt(_request(outcome), _policy(inputs, lock), handles, StampProcess(outcome, engine), 1)
        end = ended.end
        try:
            _check_outcome(outcome, end.exit_code, end.text, ended.rows or (), inputs.reached.url)
        except Failed as error:
            known = explain(end.text, inputs.target, engine, ("stamp",), code=end.exit_code)
            raise Failed("\n".join((error.message, *known)), hint=error.hint) from None
    return Stamped(heads, came[0] if came else 0)


def _request(outcome: Outcome) -> MigrationRequest:
    """The stamp of an empty version table. Nothing of the scripts is run, so none is named."""
    assert outcome.match is not None  # noqa: S101 - a caller that stamps has matched
    inputs = outcome.inputs
    expected = ExpectedRun((), tuple(sorted(outcome.match.chosen.heads)))
    status = inputs.target.commands.migops("status")
    return MigrationRequest(inputs.project.name, "adopt", "stamp", inputs.image.id, expected, status)


def _policy(inputs: AdoptInputs, lock: MigrationLock) -> MigrationPolicy:
    return MigrationPolicy(LOCK_TIMEOUT, lock.timeout, inputs.question.is_led_elsewhere, is_noted=False)


def _still_the_same(inputs: AdoptInputs, rows: tuple[str, ...], live: DatabaseSchema, timeout: float) -> None:
    if rows:
        raise Aborted(
            f"{inputs.state.url} was stamped {', '.join(rows)} by someone else meanwhile; nothing was changed"
        )
    if read(inputs.reached.url, timeout=timeout, strict=live.strict).schema != live.schema:
        raise Aborted(
            f"the schema of {inputs.state.url} was changed while it was compared; nothing was stamped",
            hint="stop whatever migrates it or creates its tables, and run adopt again",
        )


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
