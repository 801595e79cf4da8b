"""Ends orphaned dumps: the engine keeps a program running after the process that started it has died."""

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
    """End the server's sessions of programs that this process started. ``Unavailable`` if that fails."""
    _end(source, timeout, lambda pid: pid == os.getpid())


def end_orphans(source: Source, timeout: float) -> None:
    """End the server's sessions of programs whose process was killed. ``Unavailable`` if that fails."""
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
