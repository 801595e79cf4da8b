"""The disposable server's life: created, waited for, used, and removed whatever happens."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from migops.core import progress
from migops.core.errors import Unavailable
from migops.database import DatabaseUrl
from migops.database.postgres.direct import direct
from migops.docker import Engine, execs, making
from migops.docker.containers import inspect
from migops.sandbox import one_off, owned
from migops.sandbox.app import App
from migops.sandbox.bodies import server_body, server_environment
from migops.sandbox.live import Live

READY = 90.0  # seconds for the server's first start, which may run scripts of its own
_PAUSE = 0.05  # seconds between two connection attempts
_PATIENCE = 8.0  # seconds after which an error that does not mean "not yet" is final
_NOT_YET = ("Connection refused", "starting up", "shutting down", "closed the connection", "No route", "reset by peer")
_PLAIN = "postgres"  # a database that every server has, to connect to while the other one is recreated


@dataclass(frozen=True, slots=True)
class Ran:
    """The end of a one-off container."""

    code: int
    """Its exit code."""
    output: str
    """The end of its output, without secrets."""


Prerequisites = Sequence[tuple[str, Sequence[str]]]
"""SQL statements that prepare a database, each with the identifiers for its ``{}`` in order."""


@dataclass(slots=True)
class Server:
    """A disposable server, starting or ready. Only ``server`` creates one."""

    engine: Engine
    live: Live
    app: App
    on_disk: bool = False
    """True: data on the engine's disk, in an anonymous volume; False: in memory."""
    token: str = field(default_factory=lambda: secrets.token_hex(6))
    swept: tuple[str, ...] = ()
    """Names of the containers and networks of killed runs that ``begin`` removed."""
    prerequisites: Prerequisites = ()
    """Run in the empty database before anything else: when the server is ready, and when the database is recreated."""
    number: int = 0
    """The one-off containers so far."""
    making: bool = False
    """True while the engine creates the server."""
    address: str = ""
    admin: DatabaseUrl | None = field(default=None, repr=False)
    """The superuser's URL, if the first start does not create the URL's user."""
    is_ready: bool = False

    @property
    def name(self) -> str:
        """The server container's name, and its network's."""
        return f"migops-throwaway-{self.token}"

    @property
    def url(self) -> DatabaseUrl:
        """The database's URL from here, valid after ``ready``."""
        return self.live.url.at(self.address, self.live.url.port)

    def begin(self) -> None:
        """Create the network and start the server, without waiting for it."""
        self.swept = tuple(owned.sweep(self.engine))
        environment, self.admin = server_environment(self.live)
        self.making = True  # a signal may interrupt the request, and the engine may create it all the same
        making.create_network(self.engine, self.name, owned.labels())
        body = server_body(self.live, environment, self.name, owned.labels(), on_disk=self.on_disk)
        making.create_container(self.engine, self.name, body)
        making.start(self.engine, self.name)
        self.making = False
        self.address = self._address()
        if self.admin is not None:
            self.admin = self.admin.at(self.address, self.live.url.port)

    def ready(self, timeout: float = READY) -> None:
        """Wait until the server answers over TCP. Its socket already answers during the first start.

        Raises ``Unavailable`` with its last output if it ends, or is not ready within ``timeout`` seconds.
        """
        began = time.monotonic()
        with progress.step("wait for the disposable server"):
            while not self.is_ready:
                try:
                    self._prepare()
                except Unavailable as error:
                    self._see_that_it_runs()
                    waited = time.monotonic() - began
                    early = any(words in error.message for words in _NOT_YET)
                    if waited > (timeout if early else min(timeout, _PATIENCE)):
                        raise self._not_ready(error) from None
                    time.sleep(_PAUSE)
                    continue
                self.is_ready = True
                self._run_prerequisites()

    def _prepare(self) -> None:
        """Connect once, and create the URL's user if the first start did not."""
        if self.admin is None:
            with direct(self.url, timeout=2.0, name="migops throwaway") as connection:
                connection.execute("SELECT 1")
            return
        from psycopg import sql

        user, password = self.live.url.url.username or "", str(self.live.url.url.password or "")
        with direct(self.admin, timeout=5.0, name="migops throwaway") as connection:
            role, database = sql.Identifier(user), sql.Identifier(self.live.url.url.database or user)
            known = connection.execute("SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = %s", (user,)).fetchone()
            verb = sql.SQL("ALTER" if known else "CREATE")
            connection.execute(
                sql.SQL("{} ROLE {} LOGIN SUPERUSER PASSWORD {}").format(verb, role, sql.Literal(password))
            )
            connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO {}").format(database, role))

    def fresh_database(self) -> None:
        """Drop and recreate the database, empty; this also drops what the server's first start had created in it."""
        from psycopg import sql

        self.ready()
        url = self.admin or self.url
        name = sql.Identifier(self.live.url.url.database or "")
        with direct(url, timeout=30.0, name="migops throwaway", database=_PLAIN) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
            owner = sql.Identifier(self.live.url.url.username or "")
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, owner))
        self._run_prerequisites()

    def _run_prerequisites(self) -> None:
        if not self.prerequisites:
            return
        from psycopg import sql

        with direct(self.url, timeout=30.0, name="migops throwaway") as connection:
            for text, names in self.prerequisites:
                connection.execute(sql.SQL(text).format(*map(sql.Identifier, names)))

    def run(self, words: Sequence[str], go: str = "", **more: Any) -> Ran:
        """Run ``words`` in a one-off container of the application, on this network alone: see ``one_off.run``.

        With ``go`` the container starts at once and waits for a file of that name, which is written when the server is
        ready.
        """
        if not go:
            self.ready()
        self.number += 1
        name = f"{self.name}-{self.number}"

        def started() -> None:
            if go:
                self.ready()
                making.put(self.engine, name, {go: b""})

        code, output = one_off.run(self.engine, self.app, words, self.name, name, started=started, **more)
        return Ran(code, self.live.url.redact(output.decode("utf-8", "replace")))

    def end(self) -> None:
        """Remove everything. The next run removes what cannot be removed now."""
        with owned.unhurried():
            if self.making:
                time.sleep(one_off.SETTLE)
            with suppress(Unavailable):
                execs.remove(self.engine, self.name)
            with suppress(Unavailable):
                making.remove_network(self.engine, self.name)

    def _address(self) -> str:
        state = inspect(self.engine, self.name) or {}
        networks = (state.get("NetworkSettings") or {}).get("Networks") or {}
        address = str((networks.get(self.name) or {}).get("IPAddress") or "")
        if not address:
            self._see_that_it_runs()
            raise Unavailable(f"the disposable server {self.name} got no address from the engine")
        return address

    def _see_that_it_runs(self) -> None:
        state = (inspect(self.engine, self.name) or {}).get("State") or {}
        if not state.get("Running"):
            output = self.live.url.redact(making.said(self.engine, self.name)).strip()
            raise Unavailable(
                f"the disposable server did not start, exit code {state.get('ExitCode')}: "
                f"{output.splitlines()[-1] if output else 'no output'}",
                hint=f"it is created like {self.live.container}, but with an empty data folder; for comparison: "
                f"docker logs {self.live.container}",
            )

    def _not_ready(self, error: Unavailable) -> Unavailable:
        probe = ("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.live.url.port))
        if "timeout" in error.message and execs.run_quietly(self.engine, self.name, probe) == 0:
            return Unavailable(
                f"the disposable server is up, but its address {self.address} cannot be reached from here",
                hint="run migops on the machine (or in the virtual machine) of the engine",
            )
        return Unavailable(f"the disposable server cannot be used: {error.message}", hint=error.hint)


@contextmanager
def server(engine: Engine, live: Live, app: App, *, on_disk: bool = False) -> Iterator[Server]:
    """An empty server like ``live``, started but not yet ready, for one-off containers of ``app`` beside it.

    Its data is in memory or, with ``on_disk`` (a copy of the live data), in an anonymous volume on the engine's disk.
    Everything is removed at the end of the ``with``. Raises ``Unavailable`` if the engine cannot create it.
    """
    disposable = Server(engine, live, app, on_disk)
    try:
        disposable.begin()
        yield disposable
    finally:
        disposable.end()
