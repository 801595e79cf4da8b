"""Commands for the user: return to the kept database, or drop it. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from migops.commands.backup.external_sessions import Container
from migops.commands.backup.source import Source
from migops.database.postgres import swap_statements

if TYPE_CHECKING:
    from migops.commands.backup.replacement import Replacement


def psql(source: Source, sql: Sequence[str]) -> tuple[str, ...]:
    """The command that runs SQL statements on the server, in another database than the application's."""
    named = source.reached.named
    user = named.url.username or "postgres"
    database = "postgres" if source.database != "postgres" else "template1"
    if source.container:
        words: tuple[str, ...] = ("docker", "exec", source.name, "psql", "-p", str(named.port))
    elif source.image:
        words = (*_one_off(source), "-h", named.host, "-p", str(named.port))
    else:
        words = ("psql", "-h", named.host, "-p", str(named.port))
    commands = tuple(word for each in sql for word in ("-c", each))
    return (*words, "-U", user, "-d", database, "-P", "pager=off", "-v", "ON_ERROR_STOP=1", *commands)


def _one_off(source: Source) -> tuple[str, ...]:
    """psql in a container of the image with the programs, on a network where the server's name resolves.

    It asks for the password at the terminal, unless PGPASSWORD is set.
    """
    networks = tuple(word for each in source.networks for word in ("--network", each))
    hosts = tuple(word for each in source.hosts for word in ("--add-host", each))
    return ("docker", "run", "--rm", "-it", "-e", "PGPASSWORD", *networks, *hosts, "--entrypoint", "psql", source.image)


def starting(containers: Sequence[Container]) -> list[tuple[str, ...]]:
    """The command that starts these containers again."""
    return [("docker", "start", *(each.name for each in containers))] if containers else []


def back(planned: Replacement) -> list[tuple[str, ...]]:
    """The commands that swap the restored database with the kept one again; the restored one is then kept."""
    names = tuple(each.name for each in planned.stopping)
    stopping = [("docker", "stop", *names)] if names else []
    sql = swap_statements.back(planned.database, planned.old, planned.new)
    return [*stopping, psql(planned.source, sql), *starting(planned.stopping)]


def removing(planned: Replacement) -> tuple[str, ...]:
    """The command that drops the kept database."""
    return psql(planned.source, [swap_statements.drop(planned.old)])
