"""Swaps the names of two databases, so that the restored one replaces the current one."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from migops.commands.backup.external_sessions import Container
from migops.commands.backup.replacement import Replacement
from migops.commands.backup.undo_commands import psql, starting
from migops.core.errors import Failed, ManualActionRequired, MigopsError, Unavailable
from migops.core.text import listed
from migops.core.wait import until
from migops.database.postgres import swap_statements
from migops.database.postgres.maintenance import Maintenance, maintenance
from migops.docker import Engine, execs, making
from migops.docker.containers import inspect
from migops.state.journal import Journal
from migops.state.process import ourselves
from migops.state.signals import held_back

_EMPTY = 15.0  # seconds until all ended sessions must be closed
_STEADY = 1.0  # seconds that a started container must keep running


@dataclass(frozen=True, slots=True)
class Swapped:
    """A finished swap."""

    kept: bool
    """True if there was a database, which is kept under another name."""
    down: tuple[Container, ...]
    """The containers that did not start again."""
    signals: tuple[int, ...]
    """Signals that were deferred meanwhile."""
    seconds: float
    """Time for which the services were stopped."""


@dataclass(slots=True)
class Swap:
    """The swap and its undo."""

    engine: Engine
    planned: Replacement
    log: Journal
    oid: int
    """The new database's OID."""
    release: Callable[[], None]
    """Ends migops's own session in the current database, which would block the rename."""
    stopped: list[Container] = field(default_factory=list)

    def run(self) -> Swapped:
        """Swap or undo completely, and defer all signals meanwhile.

        ``Failed`` if everything was undone, ``ManualActionRequired`` if undoing failed.
        """
        began = time.monotonic()
        with held_back() as came:
            error = self._try()
            if error is not None and not self._has_happened():
                self._undo(error)
            down = tuple(each for each in self.stopped if not self._start(each))
            down = self._settled(down)
            self._open_kept()
            seconds = time.monotonic() - began
            self._note("start", "done", down=[each.name for each in down])
        return Swapped(self.planned.properties is not None, down, tuple(came), seconds)

    def _try(self) -> MigopsError | None:
        """Stop the services and swap the names. Returns any error, since the services must be started in any case."""
        try:
            self._stop()
            self._rename()
        except MigopsError as error:
            return error
        except Exception as error:  # noqa: BLE001 - see above
            return Unavailable(f"an internal error of migops: {error!r}")
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
                end_sessions(server, planned.new)
                server.run(swap_statements.rename(planned.new, planned.database))
            else:
                server.run(swap_statements.close(planned.database))
                self.release()
                end_sessions(server, planned.database, planned.new)
                server.together(
                    swap_statements.rename(planned.database, planned.old),
                    swap_statements.rename(planned.new, planned.database),
                )
        self._note("swap", "done")

    def _open_kept(self) -> None:
        """Reopen the kept database, so that data written since the backup can be looked up."""
        planned = self.planned
        if planned.properties is not None and planned.properties.open:
            with suppress(MigopsError), self._server() as server:
                server.run(swap_statements.reopen(planned.old))

    def _has_happened(self) -> bool:
        """True if the names were swapped in spite of an error: the answer to a COMMIT can be lost."""
        try:
            with self._server() as server:
                now = server.properties(self.planned.database)
        except MigopsError as error:
            raise self._needs_action(
                f"whether {self.planned.database} was replaced is unknown: {error.message}", self._manual_steps()
            ) from None
        return now is not None and now.oid == self.oid

    def _undo(self, error: MigopsError) -> None:
        """Undo everything and raise the result."""
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
        left += [f"{each.name} is not running" for each in down]
        if left:
            raise self._needs_action(f"{error.message}; undoing failed: {'; '.join(left)}", self._manual_steps())
        self._note("swap", "undone")
        running = ", and the services are running again" if self.stopped else ""
        raise Failed(
            f"the database was not replaced: {error.message}. It is as before{running}", hint=error.hint
        ) from None

    def _manual_steps(self) -> list[tuple[str, ...]]:
        planned = self.planned
        sql = [swap_statements.reopen(planned.database)] if planned.properties and planned.properties.open else []
        return [*([psql(planned.source, sql)] if sql else []), *starting(self.stopped)]

    def _needs_action(self, message: str, commands: Sequence[Sequence[str]]) -> ManualActionRequired:
        self._note("swap", "failed", message=message, commands=[list(each) for each in commands])
        return ManualActionRequired(message, commands=commands)

    def _start(self, container: Container) -> bool:
        try:
            making.start(self.engine, container.id)
        except Unavailable as error:
            self._note("start", "failed", container=container.id, message=error.message)
            return False
        return True

    def _settled(self, down: tuple[Container, ...]) -> tuple[Container, ...]:
        """The containers of ``down``, and those that ended soon after their start."""
        if not self.stopped:
            return down
        time.sleep(_STEADY)
        running = {each.id for each in self.stopped if self._runs(each)}
        return tuple(each for each in self.stopped if each in down or each.id not in running)

    def _runs(self, container: Container) -> bool:
        try:
            state: dict[str, Any] = (inspect(self.engine, container.id) or {}).get("State") or {}
        except Unavailable:
            return False
        return bool(state.get("Running"))

    def _server(self) -> Any:
        who = ourselves()
        return maintenance(self.planned.source.reached.url, f"migops restore {who.pid}@{who.host}")

    def _note(self, step: str, status: str, **facts: Any) -> None:
        """Write to the journal; a failure to write does not stop the swap."""
        with suppress(MigopsError):
            self.log.note(step, status, **facts)


def end_sessions(server: Maintenance, *databases: str) -> None:
    """End all sessions in these databases and wait until they are closed: an open session blocks a rename."""

    def end() -> list[tuple[str, str]]:
        server.run(swap_statements.end_sessions(*databases))
        return server.sessions(*databases)

    if left := until(end, operator.not_, seconds=_EMPTY, pause=0.1):
        names = ", ".join(sorted({name or "an unnamed session" for _, name in left}))
        raise Unavailable(f"sessions in {listed(databases)} do not end: {names}")
