"""The throwaway server while it lives: it is made, asked whether it is ready, used, and taken away whatever happens."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from migops.core.errors import Unavailable
from migops.database import DatabaseUrl
from migops.database.postgres.direct import direct
from migops.docker import Engine, execs, making
from migops.docker.containers import inspect
from migops.sandbox import one_off, owned
from migops.sandbox.app import App
from migops.sandbox.bodies import server_body, server_environment
from migops.sandbox.live import Live

READY = 90.0  # seconds for the server's first start; one that runs scripts of its own may need them
_PAUSE = 0.05  # seconds between two attempts to connect
_PATIENCE = 8.0  # seconds after which an error that is no "not yet" is final
_NOT_YET = ("Connection refused", "starting up", "shutting down", "closed the connection", "No route", "reset by peer")
_PLAIN = "postgres"  # the database that every server has, to stand in while another one is made anew


@dataclass(frozen=True, slots=True)
class Ran:
    """How a one-off container ended: its exit code, and the end of what it wrote, without secrets."""

    code: int
    output: str


Seeds = Sequence[tuple[str, Sequence[str]]]
"""Statements to prepare a database with; each ``{}`` stands for the next of the identifiers that follow."""


@dataclass(slots=True)
class Server:
    """A server that is being made, or there. Only ``server`` makes one.

    ``seeds`` are run in the empty database, before anything else is: when the server is ready, and when the database
    is made anew.
    """

    engine: Engine
    live: Live
    app: App
    on_disk: bool = False
    token: str = field(default_factory=lambda: secrets.token_hex(6))
    swept: tuple[str, ...] = ()
    seeds: Seeds = ()
    number: int = 0
    making: bool = False
    address: str = ""
    admin: DatabaseUrl | None = field(default=None, repr=False)
    is_ready: bool = False

    @property
    def name(self) -> str:
        """The server container's name, and its network's."""
        return f"migops-throwaway-{self.token}"

    @property
    def url(self) -> DatabaseUrl:
        """The database as it is reached from here, once ``ready`` has come back."""
        return self.live.url.at(self.address, self.live.url.port)

    def begin(self) -> None:
        """Make the network and start the server; it is not waited for."""
        self.swept = tuple(owned.sweep(self.engine))
        environment, self.admin = server_environment(self.live)
        self.making = True  # where that is interrupted, the engine may make it all the same
        making.create_network(self.engine, self.name, owned.labels())
        body = server_body(self.live, environment, self.name, owned.labels(), on_disk=self.on_disk)
        making.create_container(self.engine, self.name, body)
        making.start(self.engine, self.name)
        self.making = False
        self.address = self._address()
        if self.admin is not None:
            self.admin = self.admin.at(self.address, self.live.url.port)

    def ready(self, timeout: float = READY) -> None:
        """Wait until the server answers over TCP; the answer on its socket comes during its first start already.

        Raises ``Unavailable`` with what it said where it ends instead, or has not come up within ``timeout`` seconds.
        """
        began = time.monotonic()
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
            self._sow()

    def _prepare(self) -> None:
        """Connect once; where the URL's user is not the one that the first start made, make that one too."""
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
        """Make the database anew, empty. What the server's own first start had put into it is gone then, too."""
        from psycopg import sql

        self.ready()
        url = self.admin or self.url
        name = sql.Identifier(self.live.url.url.database or "")
        with direct(url, timeout=30.0, name="migops throwaway", database=_PLAIN) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
            owner = sql.Identifier(self.live.url.url.username or "")
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, owner))
        self._sow()

    def _sow(self) -> None:
        if not self.seeds:
            return
        from psycopg import sql

        with direct(self.url, timeout=30.0, name="migops throwaway") as connection:
            for text, names in self.seeds:
                connection.execute(sql.SQL(text).format(*map(sql.Identifier, names)))

    def run(self, words: Sequence[str], go: str = "", **more: Any) -> Ran:
        """Run ``words`` in a one-off container of the application, on this network alone: see ``one_off.run``.

        With ``go`` it is started at once, and waits until there is a file of that name, which is written when the
        server is ready.
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
        """Take all of it away. What cannot be reached now is swept by the next run."""
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
            raise Unavailable(f"the engine gave the throwaway server {self.name} no address")
        return address

    def _see_that_it_runs(self) -> None:
        state = (inspect(self.engine, self.name) or {}).get("State") or {}
        if not state.get("Running"):
            said = self.live.url.redact(making.said(self.engine, self.name)).strip()
            raise Unavailable(
                f"the throwaway server ended with code {state.get('ExitCode')} instead of coming up: "
                f"{said.splitlines()[-1] if said else 'it said nothing'}",
                hint=f"it is made like {self.live.container}, but with a data folder of its own: docker logs "
                f"{self.live.container} shows how that one came up",
            )

    def _not_ready(self, error: Unavailable) -> Unavailable:
        probe = ("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.live.url.port))
        if "timeout" in error.message and execs.run_quietly(self.engine, self.name, probe) == 0:
            return Unavailable(
                f"the throwaway server is up, but its address {self.address} is not reached from here",
                hint="run migops on the machine (or in the virtual machine) that the engine runs on",
            )
        return Unavailable(f"the throwaway server cannot be used: {error.message}", hint=error.hint)


@contextmanager
def server(engine: Engine, live: Live, app: App, *, on_disk: bool = False) -> Iterator[Server]:
    """A server like ``live``, empty, and started but not waited for; and one-off containers of ``app`` beside it.

    Its data is in memory, or (for as much as a copy of the live data) in an anonymous volume on the engine's disk.
    Nothing of it outlives the ``with``, however that is left. Raises ``Unavailable`` where the engine cannot make it.
    """
    found = Server(engine, live, app, on_disk)
    try:
        found.begin()
        yield found
    finally:
        found.end()
