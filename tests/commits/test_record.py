"""What the tracer takes a statement for, and how its record and the journals are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from migops.commits import inside
from migops.commits.earlier import told
from migops.commits.judging import Outcome, State
from migops.commits.record import Statement, read
from migops.commits.repeating import Doubt, Past, noted
from migops.safety import journal

WHOLE: list[dict[str, Any]] = [{"begun": 1}, {"watched": "2.0"}, {"alembic": 1}]


def recorded(*lines: dict[str, Any]) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in (*WHOLE, *lines)).encode()


@pytest.mark.parametrize(
    ("statement", "reads"),
    [
        ("SELECT version_num FROM alembic_version", True),
        ("  -- a note\n select count(*) from product where title in ('a', 'b')", True),
        ("/* by hand */ (SELECT pg_catalog.pg_table_is_visible(1))", True),
        ("SET LOCAL lock_timeout = 5", True),
        ("ROLLBACK TO SAVEPOINT one", True),
        ("SELECT 1;", True),
        ("SELECT double_all()", False),
        ('SELECT "Double"()', False),
        ("SELECT shop.double_all(1)", False),
        ("SELECT 1; UPDATE money SET n = n * 2", False),
        ("SELECT * INTO copy FROM product", False),
        ("SELECT setval('numbers', 1)", False),
        ("WITH gone AS (DELETE FROM product RETURNING *) SELECT * FROM gone", False),
        ("ROLLBACK", False),
        ("EXPLAIN ANALYZE UPDATE money SET n = 1", False),
        ("UPDATE money SET n = 1", False),
    ],
)
def test_what_surely_only_reads(statement: str, reads: bool) -> None:
    assert inside.only_reads(statement) is reads


@pytest.mark.parametrize(
    ("text", "may_end"),
    [
        ("UPDATE money SET n = n * 2;\nCOMMIT;\n", True),
        ("commit", True),
        ("end transaction", True),
        ("ROLLBACK", True),
        ("PREPARE TRANSACTION 'one'", True),
        ("ROLLBACK TO SAVEPOINT one", False),
        ("rollback work to one", False),
        ("UPDATE money SET committed = true, sender = 'x'", False),
    ],
)
def test_what_may_end_a_transaction(text: str, may_end: bool) -> None:
    assert bool(inside.ENDS.search(text)) is may_end


def test_the_first_words_hold_no_value() -> None:
    assert inside.begins("UPDATE users SET token = 'hush' WHERE id = 1") == "UPDATE users SET token"
    assert inside.begins("ALTER ROLE shop PASSWORD 'hush'") == "ALTER ROLE shop PASSWORD"
    assert inside.begins("-- a note\nDO $$ BEGIN hush; END $$") == "DO"


def test_a_record_of_which_nothing_is_missing() -> None:
    server = ["7", "1.0"]
    found = read(
        recorded(
            {"pid": 4}, {"opened": "psycopg"}, {"pooled": 1}, {"at": "b"},
            {"xid": 10, "server": server, "text": "CREATE TABLE alembic_version", "table": True, "step": ""},
            {"xid": 10, "server": server, "text": "INSERT INTO product", "table": False, "step": "b"},
            {"commit": 10, "step": "b"},
        )
        + b'{"xid": 11, "ser'
    )  # fmt: skip
    assert (found.missing, found.unseen, found.at, found.pids) == ("", [], "b", {4})
    assert list(found.transactions) == [10], "a line that was cut off is of what had not begun"
    one = found.transactions[10]
    assert (one.server, one.first, one.rest, one.sent) == (
        ("7", "1.0"),
        *[Statement("INSERT INTO product", "b")] * 2,
        True,
    )


def test_what_a_transaction_holds_since_it_noted_a_revision() -> None:
    lines = [
        {"xid": 1, "text": "INSERT INTO product", "table": False, "step": "a"},
        {"xid": 1, "text": "UPDATE alembic_version", "table": True, "step": "a"},
    ]
    assert read(recorded(*lines)).transactions[1].rest is None
    more = {"xid": 1, "text": "DELETE FROM product", "table": False, "step": "b"}
    assert read(recorded(*lines, more)).transactions[1].rest == Statement("DELETE FROM product", "b")


@pytest.mark.parametrize(
    ("data", "missing"),
    [
        (b"", "did not read PYTHONPATH"),
        (b'{"begun": 1}\n', "Alembic was not seen"),
        (b'{"begun": 1}\n{"alembic": 1}\n', "SQLAlchemy was not seen"),
    ],
)
def test_a_record_that_tells_nothing(data: bytes, missing: str) -> None:
    assert missing in read(data).missing


def test_a_connection_past_sqlalchemy_is_unseen() -> None:
    assert read(recorded({"opened": "psycopg"}, {"pooled": 1}, {"opened": "asyncpg"})).unseen
    assert read(recorded({"program": "psql"})).unseen == ["another program (psql)"]
    assert read(recorded({"program": "alembic"}, {"begun": 2})).unseen == [], "a Python, which was traced as well"
    assert read(recorded({"other": "mysql"})).elsewhere == "mysql"


def test_what_the_journals_tell(tmp_path: Path) -> None:
    def run(*notes: tuple[str, str, dict[str, Any]], end: bool = True) -> None:
        with journal.begin(tmp_path, "alembic upgrade", ["upgrade", "head"]) as log:
            for step, status, facts in notes:
                log.note(step, status, **facts)
            if not end:
                log.outcome = "not written"

    begun = {"revisions": ["a", "b"], "rows": [], "next_xid": 5}
    run(("alembic", "started", begun), ("alembic", "done", {}))
    run(("alembic", "started", begun), end=False)
    with journal.begin(tmp_path, "alembic upgrade") as log:
        assert noted(log, Outcome(State.SOMETHING, "1 transaction", ("b",)), "upgrade", ("a", "b")) == ""
        assert noted(log, Outcome(State.NOTHING), "upgrade", ("a", "b")) == ""
    doubts, killed = told(journal.runs(tmp_path), ())
    assert list(killed) == [2]
    assert doubts == {3: Doubt(3, "upgrade", ("b",), Outcome(State.SOMETHING, "1 transaction"))}
    run(("earlier", "settled", {"run": 2}), ("repeat", "noted", {"revisions": ["b"], "runs": [3]}))
    assert told(journal.runs(tmp_path), ()) == ({}, {})


def test_of_0_1_0_only_the_last_killed_runs_count(tmp_path: Path) -> None:
    with journal.begin(tmp_path, "rebuild-and-migrate") as log:
        log.note("container", "started", name="n", application="x", arguments=["upgrade", "head"])
        log.outcome = "not written"
    assert list(told(journal.runs(tmp_path), {1})[1]) == [1]
    assert told(journal.runs(tmp_path), ())[1] == {}


def test_what_stands_against_a_revision() -> None:
    one = Doubt(3, "upgrade", ("b",), Outcome(State.SOMETHING, "w"))
    past = Past((one,))
    assert past.about("upgrade", ("a", "b"), ()) == {"b": one}
    assert past.about("upgrade", ("a", "b"), ("b",)) == {}
    assert past.about("upgrade", ("c",), ()) == {}
    assert past.about("downgrade", ("b",), ()) == {}
    assert past.about("upgrade", None, ()) == {"b": one}, "what is to run is not known"
    unnamed = Doubt(1, "upgrade", (), Outcome(State.UNKNOWN, "w"))
    assert set(Past((unnamed,)).about("upgrade", ("a", "b"), ("a",))) == {"b"}


def test_what_was_judged_once_is_not_asked_again(tmp_path: Path) -> None:
    with journal.begin(tmp_path, "alembic upgrade", ["upgrade", "head"]) as log:
        log.note("alembic", "started", revisions=["b"], rows=[], next_xid=5)
        log.outcome = "not written"
    doubt = Doubt(1, "upgrade", ("b",), Outcome(State.SOMETHING, "1 statement"))
    with journal.begin(tmp_path, "alembic upgrade") as log:
        log.note("earlier", "judged", mark="m", **doubt.facts())
    assert told(journal.runs(tmp_path), ()) == ({1: doubt}, {}), "it stands, and needs no trace any more"
    with journal.begin(tmp_path, "alembic upgrade") as log:
        log.note("repeat", "noted", revisions=["b"], runs=[1])
    assert told(journal.runs(tmp_path), ()) == ({}, {})


def test_a_doubt_of_another_state_folder_names_it() -> None:
    there = Doubt(2, "upgrade", ("b",), Outcome(State.UNKNOWN, "w"), "/there", ("m",))
    assert there.sentence() == "run 2 of another state folder, /there, may have committed a part of it (w)"
    assert there.look("-f", "x") == ("docker", "volume", "inspect", "m")
    assert Doubt(2, "upgrade", ("b",), Outcome(State.SOMETHING, "w")).look("-f", "x") == (
        "migops",
        "log",
        "-f",
        "x",
        "2",
    )
    unread = Doubt(0, "", (), Outcome(State.UNKNOWN, "w"), "/there", ("m",))
    assert set(Past((unread,)).about("downgrade", ("a",), ())) == {"a"}, "what cannot be read stands against all"
