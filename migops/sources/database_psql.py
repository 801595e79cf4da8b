"""The ``psql`` command with which a user runs a statement on the database that migops has reached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from migops.sources.database_address import service_of
from migops.sources.database_read import Reached

if TYPE_CHECKING:
    from migops.compose import Project

_PORT = 5432


def psql(reached: Reached, project: Project | None, compose: Sequence[str], statement: str) -> tuple[str, ...]:
    """``psql`` with the statement: in the server's own container if it is a service of the project, else from here.

    ``compose`` is the compose CLI with the options of this call. The command contains no password: the official image's
    container needs none, and elsewhere psql prompts for it.
    """
    named, url = reached.named, reached.url
    user, database = url.url.username or "", url.url.database or ""
    whom = (*(("-U", user) if user else ()), *(("-d", database) if database else ()))
    if service := service_of(named.host, project):
        port = ("-p", str(named.port)) if named.port != _PORT else ()
        return (*compose, "exec", "-T", service, "psql", *port, *whom, "-c", statement)
    place = (*(("-h", url.host) if url.host else ()), "-p", str(url.port or _PORT))
    return ("psql", *place, *whom, "-c", statement)
