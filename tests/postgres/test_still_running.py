"""Which sessions of a server are a past migration's: by what was noted of them, on a real PostgreSQL as well."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migops.compose import Project
from migops.core.errors import Aborted, ManualActionRequired
from migops.database import DatabaseUrl, parse_url
from migops.database.postgres.recorder import Recorder
from migops.database.postgres.server_session import ServerSession, recorded
from migops.database.postgres.session import Session, open_session
from migops.database.postgres.still_running import (
    PastMigration,
    ending,
    past_migrations,
    refuse_beside,
    refuse_to_judge,
    sessions_at_work,
)
from migops.migrations.version_table import VersionTable
from migops.sources.database_psql import psql
from migops.sources.database_read import Reached
from migops.state import journal
from tests.postgres.test_session import plain

SINCE, LATER = "2026-11-28T02:00:00.000000Z", "2026-11-28T02:00:01.000000Z"
ONE = ServerSession(7, LATER, "172.20.0.3", 40001, "", "shop", "shop", "active", LATER, LATER, "UPDATE t SET n = 1")
PAST = PastMigration(3, "rebuild-and-migrate", "migops-1", SINCE, ("172.20.0.3",), (ONE,))


@pytest.mark.parametrize(
    ("other", "own"),
    [
        (ONE, True),
        (replace(ONE, state="idle", query="SELECT 1"), True),
        (replace(ONE, pid=8), False),
        (replace(ONE, started="2026-11-28T02:00:01.000001Z"), False),
        (replace(ONE, address="172.20.0.4"), False),
        (replace(ONE, port=40002), False),
        (ServerSession(99, application="migops-1"), True),
        (ServerSession(7, user="shop"), False),
    ],
)
def test_all_four_must_match_or_the_name(other: ServerSession, own: bool) -> None:
    assert PAST.is_own(other) is own


@pytest.mark.parametrize(
    ("past", "other", "over"),
    [
        (replace(PAST, exit=0), replace(ONE, state="idle"), True),  # of a pooler, which keeps it
        (replace(PAST, exit=137), replace(ONE, state="idle"), True),
        (replace(PAST, exit=1), replace(ONE, state="idle in transaction"), False),
        (replace(PAST, exit=1), ONE, False),
        (replace(PAST, exit=1), replace(ONE, state=""), False),  # hidden
        (PAST, replace(ONE, state="idle"), False),  # its process may still run
    ],
)
def test_an_idle_session_does_nothing_for_a_process_that_has_ended(
    past: PastMigration, other: ServerSession, over: bool
) -> None:
    assert past.is_over(other) is over


def test_what_is_hidden_is_never_recognised() -> None:
    """Of another role's session the server shows neither start nor address: no two of them are told to be one."""
    hidden = ServerSession(7, user="other")
    assert not replace(PAST, sessions=(hidden,)).is_own(hidden)


@pytest.mark.parametrize(
    ("past", "other", "may_be"),
    [
        (PAST, replace(ONE, pid=8, port=40002), True),
        (PAST, replace(ONE, pid=8, started="2026-11-28T01:59:59.999999Z"), False),
        (PAST, replace(ONE, pid=8, address="172.20.0.4"), False),
        (replace(PAST, sessions=()), replace(ONE, pid=8, address="10.0.0.1"), True),
        (replace(PAST, sessions=()), replace(ONE, pid=8, address="10.0.0.1", database="other"), False),
        (replace(PAST, exit=137), replace(ONE, pid=8), True),
        (replace(PAST, exit=1), replace(ONE, pid=8), False),
        (replace(PAST, since=""), replace(ONE, pid=8), False),
    ],
)
def test_what_may_be_a_migrations(past: PastMigration, other: ServerSession, may_be: bool) -> None:
    assert past.may_be_own(other, "shop") is may_be


def test_a_session_that_has_moved_on_belongs_to_a_client_that_lives() -> None:
    assert ONE.is_at_the_same_work(ONE)
    assert ONE.is_at_the_same_work(replace(ONE, transaction="x")), "CREATE INDEX CONCURRENTLY has several transactions"
    assert ONE.is_at_the_same_work(replace(ONE, statement="x")), "executemany has several statements"
    assert not ONE.is_at_the_same_work(replace(ONE, statement="x", transaction="y"))
    assert not ONE.is_at_the_same_work(replace(ONE, state="idle"))
    assert ONE.is_at_the_same_work(replace(ONE, state="disabled", transaction="", statement="")), "it is not shown"
    assert replace(ONE, state="idle in transaction").is_at_the_same_work(replace(ONE, state="idle in transaction"))


def test_what_the_journals_tell(tmp_path: Path) -> None:
    with journal.begin(tmp_path, "rebuild-and-migrate") as log:
        log.note("container", "started", application="migops-1", since=SINCE)
        log.note_session("migops-1", addresses=["172.20.0.3"])
        log.note_session("migops-1", session=ONE.record())
        log.note("container", "done", exit=137)
    with journal.begin(tmp_path, "alembic upgrade") as log:
        log.note("alembic", "started", application="migops-2")  # as 0.1.0 wrote it
    with journal.begin(tmp_path, "backup"):
        pass
    runs = journal.runs(tmp_path)
    first, second = past_migrations(runs)
    noted = replace(ONE, state="", transaction="", statement="", query="")
    assert first == replace(PAST, run=1, sessions=(noted,), exit=137)
    assert second == PastMigration(2, "alembic upgrade", "migops-2")
    assert "UPDATE" not in runs[0].path.read_text(), "a statement may hold the user's data"
    assert runs[0].last["step"] == "container", "what is noted of sessions is no step"
    assert past_migrations([*runs[:1], *runs[2:] * 20]) == []


def test_a_session_that_is_noted_is_read_back() -> None:
    assert recorded(ONE.record()).is_same(ONE)
    assert recorded({**ONE.record(), "later": "unknown"}).is_same(ONE)


class Server:
    """What a ``Session`` shows, set by hand."""

    database = "shop"

    def __init__(self, *shown: ServerSession) -> None:
        self.shown = shown

    def sessions(self) -> list[ServerSession]:
        return list(self.shown)


def recorder(*shown: ServerSession, alone: bool, ports: Collection[int] = (), **more: Any) -> Recorder:
    server: Any = Server(*shown)
    made = Recorder(server, "migops-1", SINCE, alone, ports=lambda: ports, **more)
    made.come_from(["172.20.0.3"])
    return made


OLD = replace(ONE, pid=2, started="2026-11-28T01:00:00.000000Z")
NAMED = replace(ONE, pid=3, address="10.0.0.1", application="migops-1")
ELSEWHERE = replace(ONE, pid=4, address="10.0.0.1", port=40004)


@pytest.mark.parametrize(
    ("shown", "alone", "ports", "seen"),
    [
        ((ONE, OLD), True, (), [7]),
        ((ONE, OLD), False, (), []),
        ((ONE, replace(ONE, pid=8, port=40002), OLD), False, (40002,), [8]),
        ((NAMED, replace(NAMED, pid=5, started="", address="")), False, (), [3, 5]),
        ((ELSEWHERE, replace(ELSEWHERE, pid=6, port=40006)), True, (40004, 80), [4]),
        ((replace(ONE, address="", port=-1),), False, (40001,), []),
    ],
    ids=["by-address", "in-a-shared-container", "by-port", "by-name", "behind-nat", "a-socket"],
)
def test_whose_sessions_are_noted(
    shown: tuple[ServerSession, ...], alone: bool, ports: Collection[int], seen: list[int]
) -> None:
    lines: list[dict[str, Any]] = []
    made = recorder(*shown, alone=alone, ports=ports, note=lambda **facts: lines.append(facts))
    made.look()
    made.look()
    assert lines[0] == {"addresses": ["172.20.0.3"]}
    assert sorted(line["session"]["pid"] for line in lines[1:]) == seen == sorted(one.pid for one in made.seen.values())


def test_a_session_whose_name_comes_late() -> None:
    """A server may show it before it shows its name: whoever was taken for another's is looked at again."""
    made = recorder(ELSEWHERE, alone=True, ports=(80,))
    made.look()
    assert not made.seen
    server: Any = made.session
    server.shown = (named := replace(ELSEWHERE, application="migops-1"),)
    made.look()
    assert list(made.seen.values()) == [named]


def test_the_container_is_asked_only_about_what_is_not_clear() -> None:
    asked: list[int] = []

    def ports() -> Collection[int]:
        asked.append(len(asked))
        return (80,)

    server: Any = Server(ONE, OLD, NAMED)
    Recorder(server, "migops-1", SINCE, alone=True, ports=ports, addresses=("172.20.0.3",)).look()
    assert not asked
    made = Recorder(server, "migops-1", SINCE, alone=False, ports=ports, addresses=("172.20.0.3",))
    for _ in range(5):
        made.look()
    assert len(asked) == 1


def test_another_roles_session() -> None:
    """The server hides what would tell it: it stops the next run where it came while the migration ran, and is never
    taken for its own."""
    was, came, other = (
        ServerSession(1, user="owner", database="shop"),
        ServerSession(2, user="owner", database="shop"),
        3,
    )
    server: Any = Server(was)
    made = Recorder(server, "migops-1", SINCE, alone=True)
    made.look()
    server.shown = (was, came, ServerSession(other, user="owner", database="another"))
    made.look()
    assert list(made.seen.values()) == [came]
    past = PastMigration(1, "alembic upgrade", "migops-1", SINCE, (), (came,))
    assert not past.is_own(came)
    assert past.may_be_own(came, "shop")
    assert not past.may_be_own(was, "shop")
    assert not replace(past, exit=0).may_be_own(came, "shop")
    assert came.is_at_the_same_work(came)


def test_a_journal_that_takes_no_line_is_tried_again() -> None:
    lines: list[dict[str, Any]] = []
    full = True

    def note(**facts: Any) -> None:
        if full:
            raise Aborted("cannot write the journal")
        lines.append(facts)

    made = recorder(ONE, alone=True, note=note)
    with pytest.raises(Aborted):
        made.look()
    assert len(made.seen) == 1, "it is known all the same"
    full = False
    made.look()
    assert [*lines[0], *lines[1]] == ["addresses", "session"]


def test_the_command_that_is_typed() -> None:
    def reached(text: str, at: str) -> Reached:
        named = parse_url(text)
        return Reached(named.at(at, 5555), named, VersionTable(), "", "")

    service: Any = type("Service", (), {"container_name": "", "raw": {}, "name": "db"})()
    project: Any = type("Of", (), {"services": {"db": service}})()
    compose = ("docker", "compose", "-f", "x.yml")
    inside = psql(reached("postgresql+asyncpg://shop:s3cret@db:5433/sh%20op", "10.0.0.2"), project, compose, "SELECT 1")
    assert inside == (
        *compose,
        *["exec", "-T", "db", "psql", "-p", "5433", "-U", "shop", "-d"],
        "sh op",
        "-c",
        "SELECT 1",
    )
    nobody: Project | None = None
    outside = psql(reached("postgresql://shop:s3cret@db.example/shop", "10.0.0.2"), nobody, compose, "SELECT 1")
    assert outside == ("psql", *["-h", "10.0.0.2", "-p", "5555", "-U", "shop", "-d", "shop", "-c"], "SELECT 1")


def command(statement: str) -> tuple[str, ...]:
    return ("psql", "-c", statement)


def server_session(ours: Session, connection: psycopg.Connection[Any]) -> ServerSession:
    (found,) = [each for each in ours.sessions() if each.pid == connection.info.backend_pid]
    return found


@contextmanager
def busy(connection: psycopg.Connection[Any], statement: str) -> Iterator[list[Exception]]:
    """At a statement for the ``with``; what it raised."""
    raised: list[Exception] = []

    def run() -> None:
        try:
            connection.execute(statement)
        except psycopg.Error as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield raised
    finally:
        if not connection.closed:
            connection.cancel()
        thread.join(60)


def at_statement(ours: Session, connection: psycopg.Connection[Any]) -> ServerSession:
    until = time.monotonic() + 60
    while "pg_sleep" not in (found := server_session(ours, connection)).query or found.state != "active":
        assert time.monotonic() < until
        time.sleep(0.05)
    return found


@pytest.mark.engine
def test_on_a_server(url: DatabaseUrl, tmp_path: Path) -> None:
    with open_session(url) as ours, plain(url) as migration, plain(url) as other:
        with busy(migration, "SELECT pg_sleep(600)") as raised, busy(other, "SELECT pg_sleep(600)"):
            one, two = at_statement(ours, migration), at_statement(ours, other)
            assert one.address == two.address != "", "only number, start and port tell them apart"
            known = PastMigration(1, "rebuild-and-migrate", "migops-1", one.started, (one.address,), (one,))
            found = sessions_at_work(ours, [replace(known, exit=1)], look=0.4)
            assert [each.pid for _, each in found.own] == [one.pid]
            assert not found.possible, "it ended by itself, so only what surely is its own counts"

            with journal.begin(tmp_path, "rebuild-and-migrate") as log:
                log.note("container", "started", application="migops-1", since=one.started)
                log.note_session("migops-1", addresses=[one.address])
                with pytest.raises(
                    ManualActionRequired, match=f"session {one.pid}, {two.pid} may be its own"
                ) as unclear:
                    refuse_beside(ours, tmp_path, command)
                assert "terminate" not in f"{unclear.value.commands} {unclear.value.hint} {unclear.value}"
                log.note_session("migops-1", session=one.record())
            with pytest.raises(ManualActionRequired, match=f"though the run has gone: pid {one.pid}, user") as refused:
                refuse_beside(ours, tmp_path, command)
            (typed,) = refused.value.commands
            assert typed == command(ending(known, one))

            reused = ending(known, replace(one, started="2026-11-28T02:00:01.000000Z"))
            assert ours.connection.execute(reused.encode()).fetchall() == [], "a number that was given again is not hit"
            assert ours.connection.execute(typed[-1].encode()).fetchall() == [(True,)]
            until = time.monotonic() + 60
            while not raised:
                assert time.monotonic() < until
                time.sleep(0.05)
            assert server_session(ours, other).state == "active"
            with pytest.raises(ManualActionRequired, match=f"session {two.pid} may be its own"):
                refuse_beside(ours, tmp_path, command)
            with pytest.raises(ManualActionRequired, match="Alembic has ended with code 137; the database"):
                refuse_to_judge(nullcontext(ours), replace(known, exit=137), command, "009", ("migops", "status"))
        refuse_beside(ours, tmp_path, command)  # a session that is idle is at nothing
