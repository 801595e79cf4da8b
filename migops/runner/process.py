"""What the runner asks of a command: how Alembic's process is started, followed, and named in the journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from migops.core.errors import ManualActionRequired, Unavailable
from migops.database.postgres.watch import Watched
from migops.runner.commits.tracing import Trace


class ProcessEnd(Protocol):
    """How Alembic's process ended."""

    @property
    def exit_code(self) -> int:
        """Alembic's own exit code."""
        ...

    @property
    def text(self) -> str:
        """The end of what it wrote."""
        ...

    @property
    def stopped(self) -> bool:
        """Whether a signal stopped it."""
        ...


E_co = TypeVar("E_co", bound=ProcessEnd, covariant=True)


class AlembicProcess(Protocol[E_co]):
    """One way to run Alembic: attached in a one-off or a running container, or detached and followed."""

    @property
    def step(self) -> str:
        """The journal's name for the step: ``alembic`` or ``container``."""
        ...

    @property
    def container(self) -> str:
        """The ID or the name of the container in which the next attempt runs."""
        ...

    @property
    def is_alone(self) -> bool:
        """Whether nobody else connects from that container: it is a one-off."""
        ...

    @property
    def is_entrypoint_kept(self) -> bool:
        """Whether the image's entrypoint runs before Alembic, which nothing traces."""
        ...

    def prepare(self) -> None:
        """Choose the container of the next attempt."""

    def carry(self, trace: Trace) -> None:
        """Bring the tracer to where Alembic will find it."""

    def variable(self, name: str) -> str:
        """The value of a variable where Alembic runs; '' where it has none."""
        ...

    def ready(self, environment: Mapping[str, str], trace: Trace) -> None:
        """Do all that may fail before it is started. Raises ``Aborted``."""

    def begin_facts(self, number: int, shared: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the journal has of an attempt that begins: ``shared``, and what only this command notes."""
        ...

    def run(self, watched: Watched) -> E_co:
        """Run it to its end.

        Raises ``NotStarted`` where it was not started, ``Unavailable`` where how it goes on cannot be seen.
        """
        ...

    def lock_lost(self) -> None:
        """Stop it: another run could begin now. May be called from any thread."""

    def rows_unread(self, error: Unavailable, code: int) -> None:
        """Alembic has ended with ``code``, and the rows cannot be read. May raise: then its trace and container stay
        for the next run to judge."""

    def collect(self, trace: Trace) -> None:
        """Read what was recorded, where that was not done before the container went."""

    def end_note(self, rows: tuple[str, ...] | None, watched: Watched) -> tuple[str, Mapping[str, Any]]:
        """The journal's status and facts of an attempt that has ended."""
        ...

    def remove(self) -> None:
        """Remove its container, where that is still there."""

    def failed_at(self) -> Sequence[str]:
        """The migrations that the last attempt may have failed at."""
        ...

    def out_of_sight(self, error: Unavailable, watched: Watched) -> ManualActionRequired:
        """What to tell the user where nobody sees any more how it goes on."""
        ...
