"""The project that is deployed again and again, with an application that writes all the while."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from tests.deploy.stack import PRICE, Stack, stack
from tests.engine.sandbox import Sandbox
from tests.faults.deploying import address

HEALTH = '    healthcheck: {test: ["CMD", "true"], interval: 1s, timeout: 5s, retries: 30}\n'
ORDINARY = "op.execute(\"insert into applied values ('{0}')\")\n    op.execute('select pg_sleep({1:.2f})')"
AUTOCOMMIT = (
    "with op.get_context().autocommit_block():\n"
    "        op.execute(\"insert into applied values ('{0}')\")\n"
    "    op.execute('select pg_sleep({1:.2f})')"
)
_PAUSE = 0.05  # seconds between two writes of the application


@dataclass
class Project:
    """A running stack with one more migration for every round. ``revisions`` are all that were written, in order."""

    stack: Stack
    revisions: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"postgresql://shop:{self.stack.password}@{address(self.stack)}/shop"

    def add(self, chance: random.Random) -> str:
        """Write the next migration: it inserts one row, a third of them in an autocommit block. Returns its ID."""
        name = f"c{len(self.revisions) + 1:011}"
        body = AUTOCOMMIT if chance.random() < 1 / 3 else ORDINARY
        parent = self.revisions[-1] if self.revisions else PRICE
        self.stack.write(name, parent, body.format(name, chance.uniform(0.1, 1.5)))
        self.revisions.append(name)
        return name

    def applied(self) -> list[str]:
        """The rows that the migrations have inserted: each should be there once."""
        return self.stack.query("select r from applied order by r").split()


def start(box: Sandbox) -> Project:
    """The example built, started and migrated, with a table that the migrations fill and one for the application."""
    found = stack(box, more=HEALTH)
    found.query("create table applied (r text)")
    found.query("create table orders (n integer)")
    return Project(found)


@contextmanager
def writing(url: str) -> Iterator[list[int]]:
    """An application that inserts numbered orders; the list holds those whose insert was acknowledged."""
    acknowledged: list[int] = []
    over = threading.Event()

    def write() -> None:
        number = 0
        while not over.is_set():
            try:
                with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
                    while not over.wait(_PAUSE):
                        number += 1
                        connection.execute("insert into orders values (%s)", (number,))
                        acknowledged.append(number)
            except psycopg.Error:
                time.sleep(_PAUSE)  # the server restarts, say; what was not acknowledged does not count

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield acknowledged
    finally:
        over.set()
        thread.join()
