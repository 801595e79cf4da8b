"""Dumps that nobody waits for any more: the engine lets a program go on when the one that started it has gone."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from migops.commands.backup.source import Source
from migops.database.postgres.direct import direct
from migops.database.postgres.dump_commands import APPLICATION

_SESSIONS = """
SELECT pid, application_name FROM pg_catalog.pg_stat_activity
WHERE datname = current_database() AND pg_catalog.starts_with(application_name, %s)
"""


def end_ours(source: Source, timeout: float) -> None:
    """End the sessions on the server of the programs that this process has started. ``Unavailable`` where it cannot."""
    _end(source, timeout, lambda pid: pid == os.getpid())


def end_orphans(source: Source, timeout: float) -> None:
    """End the sessions of programs whose process was killed. ``Unavailable`` where that cannot be done."""
    _end(source, timeout, _is_gone)


def _end(source: Source, timeout: float, chosen: Callable[[int], bool]) -> None:
    with direct(source.reached.url, timeout=timeout, name="migops") as connection:
        for session, name in connection.execute(_SESSIONS, (f"{APPLICATION} ",)).fetchall():
            pid, _, host = str(name).removeprefix(f"{APPLICATION} ").partition("@")
            if socket.gethostname().startswith(host) and pid.isdecimal() and chosen(int(pid)):
                connection.execute("SELECT pg_catalog.pg_terminate_backend(%s)", (session,))


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False
