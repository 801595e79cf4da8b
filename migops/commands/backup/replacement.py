"""The part of a plan that the swap of two databases needs: a restore has one, and a reset."""

from __future__ import annotations

from typing import Protocol

from migops.commands.backup.external_sessions import Container
from migops.commands.backup.source import Source
from migops.database.postgres.swap_statements import Properties


class Replacement(Protocol):
    """A database that is to be replaced by another one of the same server: the part of a plan that a swap needs."""

    @property
    def source(self) -> Source:
        """Where the database is."""

    @property
    def properties(self) -> Properties | None:
        """Those of the current database; None if there is none."""

    @property
    def database(self) -> str:
        """The name that both of them have, one after the other."""

    @property
    def new(self) -> str:
        """The name of the database that takes its place."""

    @property
    def old(self) -> str:
        """The name under which the current database is kept."""

    @property
    def stopping(self) -> tuple[Container, ...]:
        """The containers that stop during the swap."""
