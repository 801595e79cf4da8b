"""Failures by what a session may do, must wait for, or is allowed to take."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migops.commands.failures.causes import memory_limit, sqlite_file, states, url_of
from migops.commands.failures.database_place import psql
from migops.commands.failures.failure import Changes, Failure, Step
from migops.commands.failures.grants import grant, owned_by
from migops.commands.failures.inputs import FailureInputs

_RECOVERY = (
    "SELECT pg_is_in_recovery() AS standby, current_setting($$default_transaction_read_only$$) AS read_only_by_default"
)


def _standby(match: re.Match[str], inputs: FailureInputs) -> Iterator[Step]:
    if command := psql(inputs, _RECOVERY):
        yield Step("see which of the two it is", command)
        yield Step(
            "a standby: write the primary's host into the URL; read-only by default: take that setting away from "
            "the role, the database, or the URL's options"
        )


SESSION: tuple[Failure, ...] = (
    Failure(
        "permission-denied",
        re.compile(
            r"permission denied (?:for|to) (?P<kind>schema|table|relation|sequence|database|view|function|type|"
            r"language|"
            r"large object|column|foreign server|create extension|create role|create database|set role|[a-z ]{1,40}?)"
            r"(?: [\"']?(?P<name>[\w.$-]{1,63})[\"']?)?(?=[\s'\",}]|$)|"
            r"must be (?:owner|a member|superuser|able to)[^\n]{0,100}|InsufficientPrivilege|"
            r"command denied to user|Access denied; you need"
        ),
        "the database's user may not do that: it does not own the object, or has no such privilege",
        cause=owned_by,
        look=grant,
        fix=(Step("as the object's owner or a superuser, grant it (GRANT … ON … TO …), or migrate as the owner"),),
        changes=Changes.NOTHING,
    ),
    Failure(
        "read-only",
        re.compile(
            r"cannot execute [\w ]{1,60} in a read-only transaction|ReadOnlySqlTransaction|--read-only option|"
            r"in a READ ONLY transaction|cannot execute [\w ]{1,60} during recovery"
        ),
        "the connection is read-only: a standby server, or a setting that makes transactions read-only",
        cause=url_of,
        look=_standby,
        fix=(Step("migrate on the primary server, with a role whose transactions are not read-only"),),
        changes=Changes.NOTHING,
    ),
    Failure(
        "statement-timeout",
        re.compile(
            r"canceling statement due to statement timeout|maximum statement execution time exceeded|"
            r"max_statement_time exceeded"
        ),
        "a statement of the migration ran longer than statement_timeout allows; this step was rolled back",
        fix=(
            Step(
                'in the script, first of all: op.execute("SET LOCAL statement_timeout = 0"); it is set again after the '
                "transaction (MySQL: SET SESSION max_execution_time, MariaDB: max_statement_time)"
            ),
        ),
    ),
    Failure(
        "lock-timeout",
        re.compile(r"canceling statement due to lock timeout|LockNotAvailable|Lock wait timeout exceeded"),
        "the migration waited for a lock that another session holds, and gave up; this step was rolled back",
        fix=(Step("wait until that session has ended"),),
        changes=Changes.NOTHING,
    ),
    Failure(
        "deadlock",
        re.compile(r"deadlock detected|Deadlock found when trying to get lock|DeadlockDetected"),
        "the migration and another session each waited for the other's lock, so the server ended the migration's step",
        fix=(Step("if it happens again, stop the application while the migration runs"),),
        changes=Changes.NOTHING,
    ),
    Failure(
        "sqlite-cannot-open",
        re.compile(r"unable to open database file"),
        "the SQLite file cannot be opened where Alembic runs: its folder does not exist there, or the container's user "
        "may not write to it",
        cause=sqlite_file,
        fix=(
            Step(
                "mount a folder or volume where the file is to be (the container loses it otherwise), or create "
                "it in the "
                "Dockerfile, for the container's user; sqlite:////data/app.db (four slashes) is an absolute path"
            ),
        ),
        changes=Changes.SERVICE,
    ),
    Failure(
        "sqlite-locked",
        re.compile(r"database (?:table )?is locked"),
        "another process has the SQLite file locked, often the application: SQLite has one writer at a time",
        cause=states,
        fix=(
            Step(
                "migrate while nothing else writes to the file; for short waits, in env.py's create_engine: "
                "connect_args=dict(timeout=30)"
            ),
        ),
        changes=Changes.NOTHING,
    ),
    Failure(
        "sqlite-read-only",
        re.compile(r"attempt to write a readonly database"),
        "the SQLite file, or its folder, cannot be written where Alembic runs: a read-only mount, or another owner",
        cause=sqlite_file,
        fix=(Step("give file and folder to the container's user, and mount the folder without :ro"),),
        changes=Changes.SERVICE,
    ),
    Failure(
        "transaction-aborted",
        re.compile(r"current transaction is aborted|InFailedSqlTransaction|Can't reconnect until invalid transaction"),
        "an earlier statement of the same transaction failed, and the script or env.py went on: that first error "
        "is the "
        "cause",
        fix=(
            Step("let the first error stop the migration: find what catches it in the script or env.py (try, finally)"),
        ),
        is_consequence=True,
    ),
    Failure(
        "killed",
        re.compile(
            r"^(?:.{0,80}: line \d+: +\d+ )?Killed(?: .{0,200})?$|exit(?:ed)?(?: with)? (?:code|status) 137\b",
            re.MULTILINE,
        ),
        "Alembic was killed from outside (exit code 137): its container was stopped or removed while it ran, or "
        "it took "
        "more memory than it may",
        cause=memory_limit,
        fix=(
            Step("see which revision the database is at now", ("migops", "alembic", "current")),
            Step(
                "see that nobody stops the container meanwhile; if it was the memory, raise the limit, or change "
                "rows in portions"
            ),
        ),
        is_consequence=True,
        codes=(137,),
        changes=Changes.NOTHING,
    ),
)
