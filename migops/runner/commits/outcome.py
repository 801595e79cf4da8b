"""What has become of a migration's transactions, as the server itself tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from migops.core import wait
from migops.core.errors import MigopsError
from migops.core.text import counted, first_few
from migops.runner.commits.record import Record, Statement

if TYPE_CHECKING:
    from migops.database import DatabaseUrl

SETTLE = 5.0  # seconds for a session whose client has gone to end its transaction
PAUSE = 0.2
MOST = 10_000  # transactions of everybody that are looked through for one that has committed
# A server that crashed forgets the numbers of what it had not committed, and gives them again.
_STATUS = """
SELECT n, CASE WHEN n < pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot())
               THEN pg_catalog.txid_status(n) ELSE 'aborted' END
FROM pg_catalog.unnest(CAST(%(ids)s AS bigint[])) AS t (n)
"""
_NEXT = "SELECT pg_catalog.txid_snapshot_xmax(pg_catalog.txid_current_snapshot())"
_STARTED = "SELECT extract(epoch FROM pg_catalog.pg_postmaster_start_time())::numeric(20, 3)::text"
_SYSTEM = "SELECT system_identifier::text FROM pg_catalog.pg_control_system()"


class State(Enum):
    """Whether something else than the note of finished revisions has been committed."""

    NOTHING = "nothing"
    SOMETHING = "committed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """``why`` says what was committed, or why it is not known. ``steps`` are the revisions of which a part may stay.

    Where nothing has stayed, ``why`` says what the trace did not see, while the server knows that nobody has committed.
    """

    state: State
    why: str = ""
    steps: tuple[str, ...] = ()
    rolled_back: int = 0
    """Transactions that have written and that the server rolled back, where nothing has stayed."""

    @property
    def is_nothing(self) -> bool:
        """Whether it is known that nothing has stayed."""
        return self.state is State.NOTHING

    @property
    def may_be_repeated(self) -> bool:
        """Whether nothing has stayed, and the trace has seen all."""
        return self.is_nothing and not self.why


def next_xid(url: DatabaseUrl, timeout: float) -> int | None:
    """The number that the server's next transaction will have; None where that cannot be asked."""
    from migops.database import connect

    try:
        with connect(url, timeout=timeout) as connection:
            return int(connection.exec_driver_sql(_NEXT).scalar() or 0)
    except MigopsError:
        return None


def judge(
    record: Record, url: DatabaseUrl, timeout: float, *, since: int | None, moved: bool = False, others: bool = False,
    entrypoint: bool = False,
) -> Outcome:  # fmt: skip
    """Ask the server about every transaction of the record.

    ``moved``: the rows of the version table are others than before, so that whole revisions were committed as well.
    ``since`` is what ``next_xid`` said before the run: where the trace does not tell, nothing has been committed if
    nobody at all has committed since. ``others``: sessions were seen that the trace has not.
    ``entrypoint``: the image's was run before Alembic, and what it does is not traced.
    """
    beside = ["sessions of its container were seen that the trace has not"] if others else []
    if entrypoint:
        beside.append("what the entrypoint that x-migops keeps has done is not traced")
    try:
        return _judged(record, url, timeout, since, moved, beside)
    except MigopsError as error:
        return Outcome(State.UNKNOWN, f"the server could not be asked: {error.message}", _steps(record))


def _judged(
    record: Record, url: DatabaseUrl, timeout: float, since: int | None, moved: bool, beside: Sequence[str]
) -> Outcome:  # fmt: skip
    """``beside`` are doubts that the record does not have."""
    from migops.database import connect

    with connect(url, timeout=timeout) as connection:
        server = (_system(connection), str(connection.exec_driver_sql(_STARTED).scalar()))
    ours = [number for number, each in record.transactions.items() if _same(each.server, server)]
    foreign = [each for number, each in record.transactions.items() if number not in ours and each.sent]
    status = _settled(ours, url, timeout)
    stayed = [record.transactions[number] for number in ours if status.get(number) == "committed"]
    parts = [part for each in (*stayed, *foreign) if (part := each.rest if moved else each.first)]
    if parts or record.autocommitted:
        return _something(parts, record.autocommitted)
    doubts = [] if not record.missing else [record.missing]
    doubts += [f"the migration has used {each}" for each in dict.fromkeys(record.unseen)]
    if record.maybe:
        doubts.append(f"whether {_shown(record.maybe)}, run outside of a transaction, has written is not known")
    doubts += beside
    if any(status.get(number) == "in progress" for number in ours):
        doubts.append("a transaction of it has not ended yet")
    if any(status.get(number) not in ("committed", "aborted", "in progress") for number in ours):
        doubts.append("the server does not remember its transactions any more")
    if record.elsewhere:
        return Outcome(
            State.UNKNOWN, f"it has written to a database of another kind ({record.elsewhere})", _steps(record)
        )
    if not doubts or (since is not None and _nobody_committed(since, url, timeout)):
        rolled_back = sum(status.get(number) == "aborted" for number in ours)
        return Outcome(State.NOTHING, "; ".join(doubts), rolled_back=rolled_back)
    return Outcome(State.UNKNOWN, "; ".join(doubts), _steps(record))


def _something(parts: Sequence[Statement], autocommitted: Sequence[Statement]) -> Outcome:
    """``parts`` are the first statements of transactions that were committed."""
    steps = tuple(dict.fromkeys(each.step for each in (*parts, *autocommitted) if each.step))
    told = []
    if parts:
        told.append(
            f"{counted(len(parts), 'transaction')} of it committed apart from the version table: {_shown(parts)}"
        )
    if autocommitted:
        told.append(
            f"{counted(len(autocommitted), 'statement')} of it ran outside of a transaction: {_shown(autocommitted)}"
        )
    return Outcome(State.SOMETHING, "; ".join(told), steps)


def _shown(found: Sequence[Statement]) -> str:
    return first_few(list(dict.fromkeys(map(str, found))))


def _steps(record: Record) -> tuple[str, ...]:
    return (record.at,) if record.at else ()


def _same(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Whether two identities are of one server: by its own number, else by when it started."""
    return one[0] == other[0] if one[0] and other[0] else one[1] == other[1]


def _system(connection: Any) -> str:
    import sqlalchemy

    try:
        with connection.begin_nested():
            return str(connection.exec_driver_sql(_SYSTEM).scalar())
    except sqlalchemy.exc.DBAPIError:
        return ""


def _settled(ids: Sequence[int], url: DatabaseUrl, timeout: float) -> dict[int, str]:
    """The status of each, once none is in progress any more, or time is up."""
    return wait.until(
        lambda: _status(ids, url, timeout),
        lambda states: "in progress" not in states.values(),
        seconds=SETTLE,
        pause=PAUSE,
    )


def _status(ids: Sequence[int], url: DatabaseUrl, timeout: float) -> dict[int, str]:
    from migops.database import connect

    if not ids:
        return {}
    with connect(url, timeout=timeout) as connection:
        rows = connection.exec_driver_sql(_STATUS, {"ids": list(ids)})
        return {int(number): str(status or "") for number, status in rows}


def _nobody_committed(since: int, url: DatabaseUrl, timeout: float) -> bool:
    """Whether each transaction of the whole server that began since has been rolled back."""
    upto = next_xid(url, timeout)
    if upto is None or not 0 <= upto - since <= MOST:
        return False
    return all(status == "aborted" for status in _status(range(since, upto), url, timeout).values())
