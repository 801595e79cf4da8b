"""Traces a migration from inside the Python that runs it, by SQLAlchemy's events; ``hooks`` brings it there.

For each transaction that writes it records the server's ID of it, before anything can have committed: the server is
asked, whatever the texts look like. It records the first words of each statement in autocommit that does not surely
read alone, and each way past SQLAlchemy, where it cannot see. The record is a
file beside this one, a line of JSON each. The migration must never notice: every failure of ours is swallowed, and
recorded as "blind". It is no part of migops's own process: standard library alone, kept to what old Pythons read.
"""

import contextlib
import functools
import json
import os
from typing import Any

try:
    import migops_reading as reading  # type: ignore[import-not-found]  # its name in the container
except ImportError:  # not there, but in a test
    from migops.runner.commits import reading

# The old names: servers from 10 to 18 have them, the new ones came with 13. They answer the same numbers.
ASK = "SELECT pg_catalog.txid_current_if_assigned()::pg_catalog.text, pg_catalog.pg_backend_pid()"
ASSIGN = "SELECT pg_catalog.txid_current()::pg_catalog.text, pg_catalog.pg_backend_pid()"
STARTED = "SELECT extract(epoch FROM pg_catalog.pg_postmaster_start_time())::pg_catalog.numeric(20, 3)::pg_catalog.text"
OLDEST = (10,)  # the first server with these functions
SERVER = "SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()"
state: Any = {"step": "", "raw": False, "fd": -1}
tables = {"alembic_version"}


def tell(**facts: Any) -> None:
    """A line of the record, on disk before the migration goes on. A record that cannot be kept whole is emptied."""
    try:
        data = (json.dumps({**facts, "step": state["step"]}) + "\n").encode()
        if os.write(state["fd"], data) < len(data):
            os.ftruncate(state["fd"], 0)
        if "commit" in facts or "auto" in facts or "maybe" in facts:
            os.fsync(state["fd"])
    except (OSError, ValueError, TypeError):
        with contextlib.suppress(OSError):
            os.ftruncate(state["fd"], 0)


def unseen(what: str) -> None:
    """Something may have been done where nothing of it is seen."""
    tell(unseen=what)


def harmless(function: Any) -> Any:
    """Nothing that goes wrong in here reaches the migration."""

    @functools.wraps(function)
    def safe(*words: Any) -> None:
        try:
            function(*words)
        except Exception as error:  # noqa: BLE001 - whatever it is, the trace no longer sees all
            tell(undetermined=type(error).__name__)

    return safe


class Link:
    """What is known of one connection: the ID of its transaction, whether a part of a revision is noted of it."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.begin()

    def begin(self) -> None:
        """The transaction has ended, or none has begun yet."""
        self.xid, self.is_mixed = "", False


def driver_of(conn: Any) -> Any:
    """The connection of the driver, or SQLAlchemy's adapter of one."""
    fairy = conn.connection
    return getattr(fairy, "dbapi_connection", None) or fairy.connection


def is_idle(driver: Any) -> bool:
    """Whether it is surely in no transaction."""
    inner = getattr(driver, "_connection", driver)
    if hasattr(inner, "is_in_transaction"):
        return not inner.is_in_transaction()
    if hasattr(inner, "info"):
        return int(inner.info.transaction_status) == 0
    return getattr(inner, "_in_transaction", None) is False


def is_autocommit(conn: Any) -> bool:
    """Whether a statement commits by itself: as set, or because a COMMIT in a text has left asyncpg without one."""
    driver = driver_of(conn)
    inner: Any = getattr(driver, "_connection", None)
    if getattr(driver, "_started", False) and hasattr(inner, "is_in_transaction"):
        return not inner.is_in_transaction()
    return bool(driver.autocommit)


def first_row(conn: Any, query: str) -> Any:
    """The first row that a query of ours gives, on the migration's connection."""
    cursor = conn.connection.cursor()
    try:
        cursor.execute(query)
        row = cursor.fetchone()
    finally:
        cursor.close()
    return list(row.values()) if hasattr(row, "values") else row


def link(conn: Any) -> Any:
    """What is known of the connection; its server is asked for where that can harm no transaction."""
    known = conn.info.get("migops")
    if known is None:
        if (conn.dialect.server_version_info or ()) < OLDEST:
            raise LookupError("a server of which nothing is known")
        driver = driver_of(conn)
        was_idle = is_idle(driver)
        system = ""
        try:
            pid = first_row(conn, ASK)[1]
            started = first_row(conn, STARTED)[0]
            if was_idle:
                system = asked_for_system(conn)
        finally:
            if was_idle:
                driver.rollback()
        known = conn.info["migops"] = Link([str(system), str(started)])
        tell(pid=int(pid))
    return known


def asked_for_system(conn: Any) -> str:
    """The cluster's own number; '' where the role may not know it."""
    try:
        return str(first_row(conn, SERVER)[0])
    except Exception:  # noqa: BLE001 - of any driver; the caller rolls back
        return ""


def ask(conn: Any, query: str) -> None:
    """Ask for the transaction's ID, and keep it: it has one once it has written."""
    found = link(conn)
    try:
        found.xid = str(first_row(conn, query)[0] or "")
    except Exception as error:
        if "25P02" in (getattr(error, "sqlstate", ""), getattr(error, "pgcode", "")) or "25P02" in str(error.args):
            if query is ASSIGN:
                unseen("several statements at once in a transaction that had failed")
            return  # it has failed: whatever ends it now, nothing of it stays
        raise


def note(found: Link, statement: str) -> None:
    """Record a statement of a transaction that has written, as far as the record needs it."""
    of_table = reading.of_table(statement, tables)
    if of_table or not found.is_mixed:
        tell(xid=int(found.xid), server=found.server, text=reading.begins(statement), table=of_table)
    found.is_mixed = not of_table


def about_to_end(conn: Any, query: str, statement: str) -> None:
    """Record what the transaction is that ``statement`` ('': a commit of SQLAlchemy's) may commit.

    Whatever the texts before it were taken for: what has an ID has written.
    """
    known = link(conn)
    was_known = bool(known.xid)
    if not was_known:
        ask(conn, query)
    if known.xid and (statement or not was_known):
        note(known, statement)
    if known.xid:
        tell(commit=int(known.xid))


@harmless
def connected(conn: Any, *_: Any) -> None:
    """A connection is given out."""
    if conn.dialect.name == "postgresql":
        link(conn).begin()


@harmless
def before(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
    """A statement is about to run."""
    if reading.only_reads(statement, tables, conn.dialect.name):
        return
    if conn.dialect.name != "postgresql":
        tell(other=conn.dialect.name)
        return
    if "dblink" in statement.lower():
        unseen("dblink")
    if is_autocommit(conn):
        kind = "maybe" if reading.is_query(statement) else "auto"
        tell(**{kind: reading.begins(statement)}, table=reading.of_table(statement, tables))
    elif reading.may_end(statement):
        if not reading.is_lone_end(statement):
            about_to_end(conn, ASSIGN, statement)
            if reading.goes_on(statement):
                unseen("several statements at once, of which one ends a transaction and others follow")
        elif not reading.rolls_back(statement):
            about_to_end(conn, ASK, "")
        link(conn).begin()  # also where it fails half-way: what comes then is asked about anew


@harmless
def after(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
    """A statement has run."""
    if conn.dialect.name != "postgresql" or reading.only_reads(statement, tables) or is_autocommit(conn):
        return
    if reading.is_lone_end(statement):
        return
    found = link(conn)
    if not found.xid:
        ask(conn, ASK)
    if found.xid:
        note(found, statement)


@harmless
def commits(conn: Any, *_: Any) -> None:
    """A transaction is about to be committed (or prepared)."""
    if conn.dialect.name != "postgresql":
        return
    found = link(conn)
    if not is_autocommit(conn) and not is_idle(driver_of(conn)):
        about_to_end(conn, ASK, "")
    found.begin()


@harmless
def ends(conn: Any, *_: Any) -> None:
    """A transaction is rolled back."""
    if "migops" in conn.info:
        conn.info["migops"].begin()


def watch(engine: Any, event: Any) -> None:
    """Listen to every engine that the process makes."""
    listened = {
        "engine_connect": connected, "before_cursor_execute": before, "after_cursor_execute": after,
        "commit": commits, "rollback": ends, "prepare_twophase": commits,
    }  # fmt: skip
    for name, function in listened.items():
        event.listen(engine, name, function)
