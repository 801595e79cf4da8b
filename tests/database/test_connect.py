"""Connections: they read, they write nothing, they make nothing, and what goes wrong has a reason."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import text

from migops.core.errors import Unavailable
from migops.database import connect, parse_url
from migops.database.postgres.direct import direct


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "a b?.db"  # characters that mean something in a URI
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE product (id INTEGER)")
    connection.close()
    return path


def test_it_reads(database: Path) -> None:
    with connect(parse_url("sqlite:///x").on_file(str(database)), timeout=5) as connection:
        assert connection.execute(text("SELECT count(*) FROM product")).scalar() == 0


def test_it_cannot_write(database: Path) -> None:
    url = parse_url("sqlite:///x").on_file(str(database))
    with pytest.raises(Unavailable, match="readonly"), connect(url, timeout=5) as connection:
        connection.execute(text("INSERT INTO product VALUES (1)"))


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    url = parse_url("sqlite:///x").on_file(str(tmp_path / "none.db"))
    with pytest.raises(Unavailable, match="unable to open"), connect(url, timeout=5):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    path.write_bytes(b"no database at all, but long enough to look like one" * 20)
    with (
        pytest.raises(Unavailable, match="not a database"),
        connect(parse_url("sqlite:///x").on_file(str(path)), timeout=5) as connection,
    ):
        connection.execute(text("SELECT * FROM sqlite_master"))


def test_a_fault_of_ours_stays_one(database: Path) -> None:
    """Only what a driver raises is an unreadable database; a bug is a bug."""
    with pytest.raises(KeyError), connect(parse_url("sqlite:///x").on_file(str(database)), timeout=5):
        raise KeyError("ours")


def test_a_driver_that_is_not_there() -> None:
    with (
        pytest.raises(Unavailable, match="cockroachdb") as caught,
        connect(parse_url("cockroachdb://u@h/d"), timeout=5),
    ):
        pass
    assert "PostgreSQL" in caught.value.hint


def test_a_server_that_accepts_and_says_nothing_is_given_up(unused_tcp_server: int) -> None:
    started = time.monotonic()
    url = parse_url(f"postgresql://u:p@127.0.0.1:{unused_tcp_server}/d")
    with pytest.raises(Unavailable), connect(url, timeout=2):
        pass
    assert time.monotonic() - started < 60


@pytest.fixture
def unused_tcp_server() -> object:
    """A port that accepts connections and never answers: what a frozen server looks like."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    kept.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for each in kept:
            each.close()


def test_variables_of_our_own_shell_do_not_lead_to_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """PGHOSTADDR beats the host of a URL in libpq: what is meant for a disposable server must not reach another."""
    monkeypatch.setenv("PGHOSTADDR", "127.0.0.9")
    url = parse_url("postgresql://app:canary@127.0.0.1:1/app")
    with pytest.raises(Unavailable, match=r'at "127\.0\.0\.1"'), connect(url, timeout=2):
        pass
    with pytest.raises(Unavailable, match=r'at "127\.0\.0\.1"'), direct(url, timeout=2, name="test"):
        pass
