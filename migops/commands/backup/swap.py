"""Two databases change names, so that the restored one takes the place of the one that was there."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from migops.commands.backup.external_sessions import Container
from migops.commands.backup.undo_commands import psql, starting
from migops.core.errors import Failed, ManualActionRequired, MigopsError, Unavailable
from migops.database.postgres import swap_statements
from migops.database.postgres.maintenance import Maintenance, maintenance
from migops.docker import Engine, execs, making
from migops.docker.containers import inspect
from migops.state.journal import Journal
from migops.state.process import ourselves
from migops.state.signals import held_back

if TYPE_CHECKING:
    from migops.commands.backup.restore_plan import Restore

_EMPTY = 15.0  # seconds in which the sessions that were ended must have gone
_STEADY = 1.0  # seconds after which a container that was started still runs, or does not


@dataclass(frozen=True, slots=True)
class Swapped:
    """It is done. ``down`` are the containers that did not come up again; ``signals`` came meanwhile, and waited.

    ``kept`` is whether there was a database to keep. ``seconds`` is for how long the services were stopped.
    """

    kept: bool
    down: tuple[Container, ...]
    signals: tuple[int, ...]
    seconds: float


@dataclass(slots=True)
class Swap:
    """The change of names and its undoing. ``oid`` is the restored database's number; ``release`` ends our session in
    the one that is there, which would keep it from being renamed."""

    engine: Engine
    planned: Restore
    log: Journal
    oid: int
    release: Callable[[], None]
    stopped: list[Container] = field(default_factory=list)

    def run(self) -> Swapped:
        """Do it to its end, whatever signal comes, or put everything back.

        ``Failed`` where all was put back, ``ManualActionRequired`` where that failed too.
        """
        began = time.monotonic()
        with held_back() as came:
            error = self._tried()
            if error is not None and not self._has_happened():
                self._undo(error)
            down = tuple(each for each in self.stopped if not self._start(each))
            down = self._settled(down)
            self._open_kept()
            seconds = time.monotonic() - began
            self._note("start", "done", down=[each.name for each in down])
        return Swapped(self.planned.properties is not None, down, tuple(came), seconds)

    def _tried(self) -> MigopsError | None:
        """Stop the services and change the names; what went wrong, whatever it was: nothing may stay stopped."""
        try:
            self._stop()
            self._rename()
        except MigopsError as error:
            return error
        except Exception as error:  # noqa: BLE001 - see above
            return Unavailable(f"an error of migops itself: {error!r}")
        return None

    def _stop(self) -> None:
        for each in self.planned.stopping:
            self.log.note("stop", "started", container=each.id, name=each.name)
            self.stopped.append(each)
            execs.stop(self.engine, each.id)
        self.log.note("stop", "done", containers=[each.name for each in self.stopped])

    def _rename(self) -> None:
        planned = self.planned
        self.log.note("swap", "started", database=planned.database, kept=planned.old, new=planned.new)
        with self._server() as server:
            if planned.properties is None:
                _end_sessions(server, planned.new)
                server.run(swap_statements.rename(planned.new, planned.database))
            else:
                server.run(swap_statements.close(planned.database))
                self.release()
                _end_sessions(server, planned.database, planned.new)
                server.together(
                    swap_statements.rename(planned.database, planned.old),
                    swap_statements.rename(planned.new, planned.database),
                )
        self._note("swap", "done")

    def _open_kept(self) -> None:
        """What was written since the backup is looked up in the database that was kept: it is as open as it was."""
        planned = self.planned
        if planned.properties is not None and planned.properties.open:
            with suppress(MigopsError), self._server() as server:
                server.run(swap_statements.reopen(planned.old))

    def _has_happened(self) -> bool:
        """Whether the names have changed although we were told of an error: the answer to a COMMIT can be lost."""
        try:
            with self._server() as server:
                now = server.properties(self.planned.database)
        except MigopsError as error:
            raise self._operator(
                f"whether {self.planned.database} was replaced is not known: {error.message}", self._put_back()
            ) from None
        return now is not None and now.oid == self.oid

    def _undo(self, error: MigopsError) -> None:
        """Put everything back, and raise what that comes to."""
        self._note("swap", "failed", message=error.message)
        planned = self.planned
        left: list[str] = []
        try:
            with self._server() as server:
                if planned.properties is not None and planned.properties.open:
                    server.run(swap_statements.reopen(planned.database))
                server.run(swap_statements.close(planned.new), swap_statements.end_sessions(planned.new))
                server.run(swap_statements.drop(planned.new))
        except MigopsError as also:
            left.append(also.message)
        down = self._settled(tuple(each for each in self.stopped if not self._start(each)))
        left += [f"{each.name} does not run" for each in down]
        if left:
            raise self._operator(f"{error.message}; putting it back failed: {'; '.join(left)}", self._put_back())
        self._note("swap", "undone")
        raise Failed(
            f"the database was not replaced: {error.message}. It is as it was, and the services run again",
            hint=error.hint,
        ) from None

    def _put_back(self) -> list[tuple[str, ...]]:
        planned = self.planned
        words = [swap_statements.reopen(planned.database)] if planned.properties and planned.properties.open else []
        return [*([psql(planned.source, words)] if words else []), *starting(self.stopped)]

    def _operator(self, message: str, commands: Sequence[Sequence[str]]) -> ManualActionRequired:
        self._note("swap", "failed", message=message, commands=[list(each) for each in commands])
        return ManualActionRequired(message, commands=commands)

    def _start(self, each: Container) -> bool:
        try:
            making.start(self.engine, each.id)
        except Unavailable as error:
            self._note("start", "failed", container=each.id, message=error.message)
            return False
        return True

    def _settled(self, down: tuple[Container, ...]) -> tuple[Container, ...]:
        """With those that were started and have ended again."""
        if not self.stopped:
            return down
        time.sleep(_STEADY)
        running = {each.id for each in self.stopped if self._runs(each)}
        return tuple(each for each in self.stopped if each in down or each.id not in running)

    def _runs(self, each: Container) -> bool:
        try:
            state: dict[str, Any] = (inspect(self.engine, each.id) or {}).get("State") or {}
        except Unavailable:
            return False
        return bool(state.get("Running"))

    def _server(self) -> Any:
        who = ourselves()
        return maintenance(self.planned.source.reached.url, f"migops restore {who.pid}@{who.host}")

    def _note(self, step: str, status: str, **facts: Any) -> None:
        """A line of the journal where nothing must be given up because it cannot be written."""
        with suppress(MigopsError):
            self.log.note(step, status, **facts)


def _end_sessions(server: Maintenance, *databases: str) -> None:
    """End all sessions in these databases, and wait until they have gone: a rename fails with one open."""
    until = time.monotonic() + _EMPTY
    while True:
        server.run(swap_statements.end_sessions(*databases))
        left = server.sessions(*databases)
        if not left:
            return
        if time.monotonic() >= until:
            names = ", ".join(sorted({name or "a session without a name" for _, name in left}))
            raise Unavailable(f"sessions that do not end are open in {' and '.join(databases)}: {names}")
        time.sleep(0.1)
