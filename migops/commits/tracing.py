"""The trace of one run: begun before it, collected after it, and what it comes to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from migops.commits import carrying
from migops.commits.carrying import Carried
from migops.commits.judging import Outcome, State, judge, next_xid
from migops.commits.record import Record, read, untraced
from migops.engine import Engine
from migops.errors import NoVerdict

if TYPE_CHECKING:
    from migops.database import DatabaseUrl

STILL_AT_WORK = "the server was still at work on its statement when its container had ended"
NO_RUN = "its record could not be read"


@dataclass(slots=True)
class Trace:
    """``carried`` is None where the tracer could not be brought there, and ``record`` says why.

    ``since`` is the server's next transaction number before the run; ``url`` is None where no PostgreSQL can be asked.
    ``entrypoint``: the image's is run before Alembic, which nothing traces.
    """

    engine: Engine
    url: DatabaseUrl | None = None
    timeout: float = 20.0
    since: int | None = None
    entrypoint: bool = False
    carried: Carried | None = None
    record: Record = field(default_factory=lambda: untraced("it was not traced"))

    def mount(self) -> tuple[str, ...]:
        """The words for ``docker compose run`` by which the tracer is there."""
        return self.carried.mount() if self.carried else ()

    def environment(self, python_path: str) -> dict[str, str]:
        """What the process is told so that it is traced."""
        return self.carried.environment(python_path) if self.carried else {}

    def noted(self) -> dict[str, Any]:
        """What the journal needs so that the next run can judge this one, should it be killed."""
        trace = self.carried.noted() if self.carried else None
        return {"trace": trace, "next_xid": self.since, "entrypoint": self.entrypoint}

    def collect(self, container: str) -> None:
        """Read the record while the container is still there."""
        if self.carried is None:
            return
        try:
            self.record = read(carrying.record_of(self.engine, container, self.carried))
        except NoVerdict as error:
            self.record = untraced(f"{NO_RUN}: {error.message}")

    def drop(self) -> None:
        """Take the tracer away, from the engine or from the container that runs on."""
        if self.carried is not None:
            carrying.drop(self.engine, self.carried)

    def outcome(self, *, moved: bool, backends: Collection[int] = ()) -> Outcome:
        """What has been committed. ``moved`` as for ``judge``; ``backends`` are the sessions that the watch saw."""
        if self.url is None:
            return Outcome(State.UNKNOWN, "only PostgreSQL tells what became of each transaction")
        others = not set(backends) <= self.record.pids
        return judge(
            self.record, self.url, self.timeout, since=self.since, moved=moved, others=others,
            entrypoint=self.entrypoint,
        )  # fmt: skip


def begin(engine: Engine, url: DatabaseUrl | None, timeout: float, *, entrypoint: bool = False) -> Trace:
    """A trace that is not carried anywhere yet. ``url`` is where migops itself reaches the database."""
    if url is None or url.dialect != "postgresql":
        return Trace(engine)
    return Trace(engine, url, timeout, next_xid(url, timeout), entrypoint)


def into_a_volume(trace: Trace, project: str, image: str) -> None:
    """For a container that is made for the run."""
    if trace.url is None:
        return
    try:
        trace.carried = carrying.in_a_volume(trace.engine, project, image)
    except NoVerdict as error:
        trace.record = untraced(f"the tracer could not be brought into its container: {error.message}")


def into_memory(trace: Trace, container: str) -> None:
    """For a container that runs anyway."""
    if trace.url is None:
        return
    try:
        trace.carried = carrying.in_memory(trace.engine, container)
    except NoVerdict as error:
        trace.record = untraced(error.message)
