"""Traces a migration from inside the Python that runs it, by SQLAlchemy's events; ``hooks`` brings it there.

For each transaction that writes it records the server's ID of it, before anything can have committed; for each
statement in autocommit, the statement's first words; and each way past SQLAlchemy, where it cannot see. The record is a
file beside this one, a line of JSON each. The migration must never notice: every failure of ours is swallowed, and
recorded as "blind". It is no part of migops's own process: standard library alone, kept to what old Pythons read.
"""

import contextlib
import functools
import json
import os
import re
from typing import Any

# The old names: servers from 10 to 18 have them, the new ones came with 13. They answer the same numbers.
ASK = "SELECT pg_catalog.txid_current_if_assigned()::pg_catalog.text, pg_catalog.pg_backend_pid()"
ASSIGN = "SELECT pg_catalog.txid_current()::pg_catalog.text, pg_catalog.pg_backend_pid()"
STARTED = "SELECT extract(epoch FROM pg_catalog.pg_postmaster_start_time())::pg_catalog.numeric(20, 3)::pg_catalog.text"
LONGEST, OLDEST = 20000, (10,)  # characters that a plain read may have; the first server with these functions
SERVER = "SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()"
ENDS = re.compile(r"(?i)\b(commit|end|abort|prepare\s+transaction|rollback(?!\s+(work\s+|transaction\s+)?to\b))\b")
"""In a text that may end a transaction: a multi-statement string, a lone COMMIT. (Also in others: CASE … END.)"""
COMMENTS = re.compile(r"(?s)\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/|\()+")
READS = re.compile(r"(?i)(select|show|set|reset|values|begin|start|savepoint|release|lock|fetch|close|rollback\s+to)\b")
WRITES = re.compile(r"(?i)\b(into|nextval|setval|dblink\w*)\b|;\s*\S|\"\s*\(")
CALLS = re.compile(r"([A-Za-z_][\w.$]*)\s*\(")
HARMLESS = re.compile(
    r"(?i)(pg_catalog\.)?(in|and|or|not|exists|any|all|some|as|on|where|from|select|case|when|then|else|using|values|over"
    r"|filter|join|by|having|union|except|intersect|with|ordinality|count|coalesce|max|min|sum|avg|cast|array|row|lower"
    r"|upper|length|nullif|greatest|least|now|version|array_agg|string_agg|json_build_object|json_agg|unnest|generate_\w+"
    r"|current_\w+|to_reg\w+|format_type|quote_ident|quote_literal|set_config|obj_description|col_description|row_number"
    r"|has_\w+_privilege|array_position|array_upper|varchar|char|numeric|interval|timestamp|substring|trim|replace|split_part"
    r"|pg_(get_\w+|\w+_is_visible|(try_)?advisory_\w+|sleep\w*|backend_pid|is_in_recovery|\w*_size|current_\w+|typeof))"
)
state: Any = {"step": "", "raw": False, "fd": -1}
tables = {"alembic_version"}


def tell(**facts: Any) -> None:
    """A line of the record, on disk before the migration goes on. A record that cannot be kept whole is emptied."""
    try:
        data = (json.dumps({**facts, "step": state["step"]}) + "\n").encode()
        if os.write(state["fd"], data) < len(data):
            os.ftruncate(state["fd"], 0)
        if "commit" in facts or "auto" in facts:
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
            tell(blind=type(error).__name__)

    return safe


def begins(statement: str) -> str:
    """The first words of a statement, without anything that may be a value."""
    bare = re.split(r"['$]|\s--", COMMENTS.sub("", statement[:LONGEST]), maxsplit=1)[0]
    return " ".join(re.sub(r"[^\w.\" ]", " ", bare).split()[:4])


def only_reads(statement: str) -> bool:
    """Whether a statement surely writes nothing: no function but known ones is called."""
    bare = COMMENTS.sub("", statement[:LONGEST]).rstrip().rstrip(";")
    if len(statement) > LONGEST or not READS.match(bare) or WRITES.search(bare):
        return False
    return all(HARMLESS.fullmatch(name) for name in CALLS.findall(bare))


class Link:
    """What is known of one connection: the ID of its transaction, whether it has written since a revision was noted."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self.begin()

    def begin(self) -> None:
        """The transaction has ended, or none has begun yet."""
        self.xid, self.wrote, self.is_mixed = "", False, False


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
    found = conn.info.get("migops")
    if found is None:
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
        found = conn.info["migops"] = Link([str(system), str(started)])
        tell(pid=int(pid))
    return found


def asked_for_system(conn: Any) -> str:
    """The cluster's own number; '' where the role may not know it."""
    try:
        return str(first_row(conn, SERVER)[0])
    except Exception:  # noqa: BLE001 - of any driver; the caller rolls back
        return ""


def ask(conn: Any, query: str, statement: str) -> None:
    """Record the transaction's ID, where it has one."""
    found = link(conn)
    try:
        xid, pid = first_row(conn, query)
    except Exception as error:
        if "25P02" in (getattr(error, "sqlstate", ""), getattr(error, "pgcode", "")) or "25P02" in str(error.args):
            return  # it has failed: whatever ends it now, nothing of it stays
        raise
    if xid:
        found.xid = xid
        tell(xid=int(xid), pid=int(pid), server=found.server, text=begins(statement), table=notes(statement))


def notes(statement: str) -> bool:
    """Whether a statement is one of the version table's own."""
    return any(re.search(r"\b" + re.escape(name) + r"\b", statement) for name in tables)


@harmless
def connected(conn: Any, *_: Any) -> None:
    """A connection is given out."""
    if conn.dialect.name == "postgresql":
        link(conn)


@harmless
def before(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
    """A statement is about to run."""
    if only_reads(statement):
        return
    if conn.dialect.name != "postgresql":
        tell(other=conn.dialect.name)
        return
    if "dblink" in statement:
        unseen("dblink")
    if is_autocommit(conn):
        tell(auto=begins(statement), table=notes(statement))
    elif ENDS.search(statement):
        ask(conn, ASSIGN, statement)


@harmless
def after(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
    """A statement has run."""
    if only_reads(statement) or conn.dialect.name != "postgresql" or is_autocommit(conn):
        return
    found = link(conn)
    if ENDS.search(statement):
        found.begin()
    found.wrote = True
    of_table = notes(statement)
    if not found.xid:
        ask(conn, ASK, statement)
    elif of_table or not found.is_mixed:
        tell(xid=int(found.xid), server=found.server, text=begins(statement), table=of_table)
    found.is_mixed = bool(found.xid) and not of_table


@harmless
def commits(conn: Any, *_: Any) -> None:
    """A transaction is about to be committed (or prepared)."""
    if conn.dialect.name != "postgresql":
        return
    found = link(conn)
    if not is_autocommit(conn):
        if not found.xid and (found.wrote or state["raw"]):
            ask(conn, ASK, "")
        if found.xid:
            tell(commit=int(found.xid))
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
