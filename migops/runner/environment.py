"""The environment that Alembic's process gets beyond the service's own, for drivers that read libpq's variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from migops.runner.expected_run import ExpectedRun

Variable = Callable[[str], str]
"""The value that a variable has in the service's containers anyway; '' where it has none."""


def environment(
    application: str, lock_timeout: float, trace: Callable[[str], Mapping[str, str]], variable: Variable
) -> dict[str, str]:
    """The session's name, the server's lock timeout in seconds (0: not set), and the path of the trace.

    What the service sets already is kept, with ours after it.
    """
    made = {"PGAPPNAME": application} if application else {}
    if lock_timeout:
        milliseconds = max(1, round(lock_timeout * 1000))
        made["PGOPTIONS"] = f"{variable('PGOPTIONS')} -c lock_timeout={milliseconds}".strip()
    return {**made, **trace(variable("PYTHONPATH"))}


def server_lock_timeout(seconds: float, expected: ExpectedRun, *, led_elsewhere: bool) -> float:
    """The lock timeout in seconds that the server is to be given; 0 where the watch alone must decide.

    A migration with CREATE INDEX CONCURRENTLY has to wait for old transactions, and leaves an invalid index where it
    is cut off: the watch can tell this wait from others. ``led_elsewhere``: migops reaches the database by a URL of its
    own, so that the application may stand behind a pooler, which refuses a connection with options.
    """
    return 0.0 if led_elsewhere or expected.waits_for_old_transactions else seconds
