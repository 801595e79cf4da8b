"""What the tracer takes a statement for, and how its record and the journals are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from migops.core.printed import Commands
from migops.runner.commits import reading
from migops.runner.commits.carrying import Carried
from migops.runner.commits.earlier import told
from migops.runner.commits.outcome import Outcome, State
from migops.runner.commits.record import Statement, read
from migops.runner.commits.repeating import Doubt, EarlierRuns, noted
from migops.runner.commits.tracing import Trace
from migops.state import journal

WHOLE: list[dict[str, Any]] = [{"begun": 1}, {"watched": "2.0"}, {"alembic": 1}]


def recorded(*lines: dict[str, Any]) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in (*WHOLE, *lines)).encode()


TABLES = {"alembic_version"}


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT alembic_version.version_num \nFROM alembic_version",
        'select version_num from shop."alembic_version"',
        "select pg_catalog.version()",
        "SELECT version()",
        "select current_schema()",
        "show standard_conforming_strings",
        "SET LOCAL lock_timeout = 5",
        "ROLLBACK TO SAVEPOINT one",
        "SELECT 1;",
        "-- a note\nSELECT pg_advisory_lock(7)",
        "SELECT CAST('a' AS TEXT), $1::VARCHAR",
        "SELECT count(*) FROM pg_indexes WHERE indexname = 'one'",
        "SELECT pg_catalog.pg_class.relname FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON "
        "pg_catalog.pg_namespace.oid = pg_catalog.pg_class.relnamespace WHERE pg_catalog.pg_class.relkind = ANY (ARRAY["
        "%(a)s::VARCHAR]) AND pg_catalog.pg_table_is_visible(pg_catalog.pg_class.oid) AND relname IN (%(b)s)",
    ],
)
def test_what_surely_only_reads(statement: str) -> None:
    assert reading.only_reads(statement, TABLES)


def test_what_sqlalchemy_asks_the_catalogue_surely_only_reads() -> None:
    from sqlalchemy.dialects.postgresql import psycopg

    dialect: Any = psycopg.dialect()  # type: ignore[no-untyped-call]
    dialect.server_version_info, dialect.default_schema_name = (15, 3), "public"
    asked: list[str] = []

    class Asked(Exception):
        """Its question is known, and there is nobody to answer."""

    class Connection:
        def execute(self, statement: Any, *_: Any, **__: Any) -> None:
            asked.append(str(statement.compile(dialect=dialect)))
            raise Asked

        scalars = scalar = execute

    connection = Connection()
    connection.dialect = dialect  # type: ignore[attr-defined]
    calls = [
        *[(getattr(dialect, f"get_{name}"), ("product",)) for name in ("columns", "pk_constraint", "foreign_keys")],
        *[(getattr(dialect, f"get_{name}_names"), ()) for name in ("table", "view", "schema", "sequence")],
        (dialect.has_sequence, ("numbers",)), (dialect.has_type, ("colour",)),
        (dialect._load_enums, ()), (dialect._load_domains, ()),
    ]  # fmt: skip
    for call, words in calls:
        with pytest.raises(Asked):
            call(connection, *words)
    assert len(asked) == len(calls)
    assert [each for each in asked if not reading.only_reads(each, TABLES)] == []


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT generate_invoices()",
        "SELECT current_bump()",
        "SELECT to_regions(), has_no_privilege(), pg_my_size()",
        "SELECT max(1)",
        "SELECT trim('a')",
        "SELECT version(1)",
        "SELECT left('a', 1)",
        "SELECT by(1)",
        "SELECT пересчёт()",
        "SELECT \u00a0bump()",
        'SELECT "Double"()',
        "SELECT shop.double_all(1)",
        "SELECT pg_catalog.nextval('numbers')",
        "SELECT pg_catalog.query_to_xml('SELECT bump()', true, true, '')",
        "SELECT * FROM v_bump",
        "SELECT 1 FROM pg_catalog.pg_class, v_bump",
        "SELECT 1 FROM (SELECT 1) AS one, v_bump",
        "SELECT 1 FROM (v_bump)",
        "SELECT 1 UNION TABLE v_bump",
        "SELECT one.bump FROM alembic_version one",
        "SELECT alembic_version.bump FROM alembic_version",
        "SELECT 1 ### 2",
        "SELECT 1 OPERATOR(shop.+) 2",
        "SELECT 'a'::shop.mine",
        "SELECT CAST('a' AS mine)",
        "SELECT mine 'a'",
        "SELECT E'\\'', bump() --'",
        "SELECT /* a */ 1",
        "/* a /* b */ SELECT 1 */ DELETE FROM money",
        "-- a\rDELETE FROM money\n; SELECT 1",
        "SELECT 1; UPDATE money SET n = n * 2",
        "SET a = 1; UPDATE money SET n = n * 2",
        "SELECT * INTO copy FROM pg_class",
        "WITH gone AS (DELETE FROM product RETURNING *) SELECT * FROM gone",
        "ROLLBACK",
        "ROLLBACK -- to the beginning",
        "EXPLAIN ANALYZE UPDATE money SET n = 1",
        "UPDATE money SET n = 1",
    ],
)
def test_what_may_write(statement: str) -> None:
    assert not reading.only_reads(statement, TABLES)


def test_of_what_may_write_a_query_is_only_doubted() -> None:
    assert reading.is_query("SELECT * FROM v_bump")
    assert not reading.is_query("WITH gone AS (DELETE FROM product RETURNING *) SELECT * FROM gone")
    assert not reading.is_query("SELECT 1; DROP TABLE money")
    found = read(recorded({"maybe": "SELECT FROM v_bump", "step": "b"}))
    assert (found.maybe, found.autocommitted) == ([Statement("SELECT FROM v_bump", "b")], [])


@pytest.mark.parametrize(
    ("statement", "is_alembics"),
    [
        ("INSERT INTO alembic_version (version_num) VALUES ('b') RETURNING alembic_version.version_num", True),
        ("UPDATE shop.alembic_version SET version_num='b' WHERE shop.alembic_version.version_num = 'a'", True),
        ('DELETE FROM "alembic_version" WHERE "alembic_version".version_num = %(a)s::VARCHAR', True),
        ("DELETE FROM alembic_version", True),
        ("\nCREATE TABLE alembic_version (\n\tversion_num VARCHAR(32) NOT NULL, \n\tCONSTRAINT alembic_version_pkc "
         "PRIMARY KEY (version_num)\n)\n\n", True),
        ("UPDATE money SET n=n*2 WHERE EXISTS (SELECT 1 FROM alembic_version)", False),
        ("UPDATE money SET n = n * 2 /* see alembic_version */", False),
        ("UPDATE alembic_version SET version_num = bump() WHERE version_num = 'a'", False),
        ("UPDATE alembic_version SET version_num = 'a' WHERE version_num = 'b' OR bump()", False),
        ("DELETE FROM alembic_version USING v_bump", False),
        ("DELETE FROM alembic_version WHERE version_num = 'a'; UPDATE money SET n = 1", False),
        ("INSERT INTO alembic_version (version_num) SELECT bump()", False),
        ("INSERT INTO alembic_version_log (version_num) VALUES ('b')", False),
        ("CREATE TABLE alembic_version (a) AS (SELECT bump())", False),
        ("CREATE TABLE alembic_version (a int); UPDATE money SET n = (1)", False),
    ],
)  # fmt: skip
def test_what_alembic_itself_writes_to_its_table(statement: str, is_alembics: bool) -> None:
    assert reading.of_table(statement, TABLES) is is_alembics


@pytest.mark.parametrize(
    ("text", "may_end", "alone"),
    [
        ("UPDATE money SET n = n * 2;\nCOMMIT;\n", True, False),
        ("commit", True, True),
        ("/* a /* b */ SELECT 1 */ COMMIT;", True, True),
        ("end transaction", True, True),
        ("ROLLBACK", True, True),
        ("PREPARE TRANSACTION 'one'", True, True),
        ("ROLLBACK TO SAVEPOINT one", False, False),
        ("rollback work to one", False, False),
        ("UPDATE money SET committed = true, sender = 'x'", False, False),
        ("SELECT CASE WHEN true THEN 1 END", False, False),
    ],
)
def test_what_may_end_a_transaction(text: str, may_end: bool, alone: bool) -> None:
    assert (reading.may_end(text), reading.is_lone_end(text)) == (may_end, alone)


@pytest.mark.parametrize(
    ("text", "goes_on"),
    [
        ("ROLLBACK; UPDATE money SET n = n * 2; COMMIT", True),
        ("/* $$ */ ROLLBACK; UPDATE money SET n = 2 /* $$ */", True),
        ("/* a /* b */ ' */ ROLLBACK; UPDATE money SET n = 2 -- '", True),
        ("UPDATE money SET n = n * 2;\nCOMMIT;\n", False),
        ("CREATE FUNCTION a() RETURNS int LANGUAGE plpgsql AS $a$ BEGIN RETURN 1; END; $a$; SELECT 1", False),
        ("INSERT INTO told VALUES ('one; rollback; it''s'); SELECT 1", False),
        ("INSERT INTO told VALUES (E'it\\'s; rollback; '); SELECT 1", False),
    ],
)
def test_what_goes_on_after_the_end_of_a_transaction(text: str, goes_on: bool) -> None:
    assert reading.goes_on(text) is goes_on


def test_the_first_words_hold_no_value() -> None:
    assert reading.begins("UPDATE users SET token = 'hush' WHERE id = 1") == "UPDATE users SET token"
    assert reading.begins("ALTER ROLE shop PASSWORD 'hush'") == "ALTER ROLE shop PASSWORD"
    assert reading.begins("-- a note\nDO $$ BEGIN hush; END $$") == "DO"
    assert reading.begins("/* a /* hush */ too */ DELETE FROM money /* hush */") == "DELETE FROM money"


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
    assert read(recorded({"other": "mysql"})).elsewhere == "mysql"


def test_a_program_is_traced_where_it_is_a_python_that_tells_of_itself() -> None:
    def unseen(*lines: dict[str, Any]) -> list[str]:
        return read(recorded(*lines)).unseen

    started = {"program": "alembic", "by": 1, "words": 7}
    script = {"begun": 2, "parent": 1, "as": [["python3", 8], ["alembic", 7]]}
    assert unseen(started, script) == []
    assert unseen(started, {**script, "begun": 1, "parent": 0}) == [], "by exec"
    assert unseen(started, {**script, "parent": 9})
    assert unseen({**started, "program": "sh"}, script) == ["another program (sh)"]
    assert unseen({**started, "words": 6}, script) == ["another program (alembic)"]
    assert unseen(started, started, script) == ["another program (alembic)"], "one of the two"
    assert unseen({"program": "psql", "by": 1, "words": 5}, script, script) == ["another program (psql)"]


def test_what_is_tried_again_has_been_seen_whole() -> None:
    assert Outcome(State.NOTHING).may_be_repeated
    settled = Outcome(State.NOTHING, "the migration has used another program (psql)")
    assert settled.is_nothing
    assert not settled.may_be_repeated
    assert not Outcome(State.UNKNOWN).may_be_repeated


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
    past = EarlierRuns((one,))
    assert past.about("upgrade", ("a", "b"), ()) == {"b": one}
    assert past.about("upgrade", ("a", "b"), ("b",)) == {}
    assert past.about("upgrade", ("c",), ()) == {}
    assert past.about("downgrade", ("b",), ()) == {}
    assert past.about("upgrade", None, ()) == {"b": one}, "what is to run is not known"
    unnamed = Doubt(1, "upgrade", (), Outcome(State.UNKNOWN, "w"))
    assert set(EarlierRuns((unnamed,)).about("upgrade", ("a", "b"), ("a",))) == {"b"}


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
    commands = Commands("app", ("docker", "compose", "-f", "x"))
    assert there.look(commands) == ("docker", "volume", "inspect", "m")
    assert Doubt(2, "upgrade", ("b",), Outcome(State.SOMETHING, "w")).look(commands) == commands.log(2)
    assert commands.log(2)[:4] == ("migops", "log", "-f", "x")
    unread = Doubt(0, "", (), Outcome(State.UNKNOWN, "w"), "/there", ("m",))
    assert set(EarlierRuns((unread,)).about("downgrade", ("a",), ())) == {"a"}, "what cannot be read stands against all"


def test_a_damaged_record_is_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    for damaged in (b'{"pid": null}', b'{"xid": "x"}'):
        trace = Trace(cast("Any", None), carried=Carried("/somewhere", "volume"))
        monkeypatch.setattr("migops.runner.commits.carrying.record_of", lambda *_, data=damaged: data)
        trace.collect("container")
        assert "its record could not be read" in trace.record.missing
