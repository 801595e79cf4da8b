"""The trace of one run: begun before it, collected after it, and what it comes to."""

from __future__ import annotations

import tarfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from migops.core.errors import Unavailable
from migops.docker import Engine
from migops.runner.commits import carrying, marks
from migops.runner.commits.carrying import Carried
from migops.runner.commits.outcome import Outcome, State, judge, next_xid
from migops.runner.commits.record import Record, read, untraced
from migops.state.process import ourselves

if TYPE_CHECKING:
    from migops.database import DatabaseUrl

STILL_AT_WORK = "the server was still at work on its statement when its container had ended"
NO_RUN = "its record could not be read"


@dataclass(slots=True)
class Trace:
    """``carried`` is None where the tracer could not be brought there, and ``record`` says why.

    ``since`` is the server's next transaction number before the run; ``url`` is None where no PostgreSQL can be asked.
    ``entrypoint``: the image's is run before Alembic, which nothing traces.
    ``mark`` is the run's note on the engine ('' none), ``facts`` is what that says.
    """

    engine: Engine
    url: DatabaseUrl | None = None
    timeout: float = 20.0
    since: int | None = None
    entrypoint: bool = False
    carried: Carried | None = None
    record: Record = field(default_factory=lambda: untraced("it was not traced"))
    mark: str = ""
    project: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def mount(self) -> tuple[str, ...]:
        """The words for ``docker compose run`` by which the tracer is there."""
        return self.carried.mount() if self.carried else ()

    def environment(self, python_path: str) -> dict[str, str]:
        """What the process is told so that it is traced."""
        return self.carried.environment(python_path) if self.carried else {}

    def noted(self) -> dict[str, Any]:
        """What the journal needs so that the next run can judge this one, should it be killed."""
        trace = self.carried.noted() if self.carried else None
        return {"trace": trace, "next_xid": self.since, "entrypoint": self.entrypoint, "mark": self.mark}

    def note_on_engine(self, project: str, **facts: Any) -> str:
        """Have the engine tell other state folders' runs of this one, before it begins; a sentence where it cannot.

        ``facts`` must be free of secrets.
        """
        if self.url is None:
            return ""
        self.project = project
        self.facts = {"by": str(ourselves()), "database": self.url.shown, **self.noted(), **facts}
        try:
            self.mark = marks.put(self.engine, project, self.facts)
        except Unavailable as error:
            return f"other state folders' runs will not know of this migration: {error.message}"
        return ""

    def replace_on_engine(self, **facts: Any) -> tuple[str, str]:
        """Have the engine tell what has become of it; the note's name, and a sentence where there is none."""
        if not self.project:
            return "", ""
        try:
            name = marks.put(self.engine, self.project, {**self.facts, **facts})
        except Unavailable as error:  # the note that it has begun stands, and counts as a doubt
            lacks = f"other state folders' runs will not know of this: {error.message}"
            return self.mark, "" if self.mark else lacks
        self.settle_on_engine()
        self.mark = name
        return name, ""

    def settle_on_engine(self) -> None:
        """Nothing has stayed: nobody needs to know of it."""
        if self.mark:
            marks.drop(self.engine, self.mark)
            self.mark = ""

    def collect(self, container: str) -> None:
        """Read the record while the container is still there."""
        if self.carried is None:
            return
        try:
            self.record = read(carrying.record_of(self.engine, container, self.carried))
        except Unavailable as error:
            self.record = untraced(f"{NO_RUN}: {error.message}")
        except (tarfile.TarError, ValueError, TypeError, LookupError) as error:  # damaged: nothing is known from it
            self.record = untraced(f"{NO_RUN}: {type(error).__name__}: {error}")

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
    except Unavailable as error:
        trace.record = untraced(f"the tracer could not be copied into its container: {error.message}")


def into_memory(trace: Trace, container: str) -> None:
    """For a container that runs anyway."""
    if trace.url is None:
        return
    try:
        trace.carried = carrying.in_memory(trace.engine, container)
    except Unavailable as error:
        trace.record = untraced(error.message)
