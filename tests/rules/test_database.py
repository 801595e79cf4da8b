"""MIG401-406: the direction between image and database, on histories of every shape."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migops.analysis.chain import walk
from migops.analysis.database_position import position
from migops.analysis.evidence import Evidence
from migops.core.model import (
    Absent,
    Finding,
    MigrationFile,
    MigrationSet,
    NotAsked,
    PlaceName,
    Revision,
    Skipped,
    Unknown,
)
from migops.core.printed import Commands
from migops.migrations.build import build
from migops.migrations.graph import Graph
from migops.rules import database, judge
from migops.sources.database_state import DatabaseReading, DatabaseState

HOST, IMAGE, GIT = PlaceName.HOST, PlaceName.IMAGE, PlaceName.GIT
COMPOSE = ("docker", "compose")
RUN = ["migops", "alembic", "--service", "app"]

History = Sequence[Revision]


def history(*words: str) -> tuple[Revision, ...]:
    """``"b<a"`` is revision b upon a; ``"m<a,b"`` a merge."""
    found = []
    for word in words:
        name, _, parents = word.partition("<")
        above = tuple(filter(None, parents.split(",")))
        found.append(Revision(name, above, path=f"/v/{name}.py", message=f"Do {name}"))
    return tuple(found)


def held(revisions: History) -> MigrationSet:
    files = [MigrationFile(f"versions/{each.id}.py", each.path, each.id) for each in revisions]
    return MigrationSet(("/v",), {file.name: file for file in files}, tuple(revisions))


def evidence(
    state: DatabaseReading,
    host: History,
    image: History | Unknown | None = None,
    git: History | None = None,
    **more: object,
) -> Evidence:
    """What was read; the image is as the host where nothing else is said."""
    read: dict[PlaceName, History | Unknown] = {GIT: git} if git is not None else {}
    read[HOST] = host
    read[IMAGE] = host if image is None else image
    places = {place: each if isinstance(each, Unknown) else held(each) for place, each in read.items()}
    graphs: dict[PlaceName, Graph] = {
        place: build(each) for place, each in read.items() if not isinstance(each, Unknown)
    }
    given: dict[str, object] = {"commands": Commands("app", COMPOSE, "app"), **more}
    return Evidence(chain=walk(places), graphs=graphs, database=state, **given)  # type: ignore[arg-type]


def rows(*found: str, tables: Sequence[str] = ("product",)) -> DatabaseState:
    return DatabaseState(tuple(sorted(found)), True, tuple(tables), url="postgresql://shop@db/shop", origin="X")


def findings(given_: Evidence) -> list[Finding]:
    return list(judge(database.RULES, given_)[0])


def only(given_: Evidence) -> Finding:
    found = findings(given_)
    assert len(found) == 1, [each.rule for each in found]
    return found[0]


LINE = history("a", "b<a", "c<b")


def test_up_to_date_and_fresh_are_no_findings() -> None:
    assert findings(evidence(rows("c"), LINE)) == []
    assert findings(evidence(DatabaseState((), False), LINE)) == []
    assert findings(evidence(DatabaseState((), True), LINE)) == [], "an empty version table in an empty database"


def test_tables_without_a_version_table() -> None:
    found = only(evidence(DatabaseState((), False, ("admin", "product")), LINE))
    assert (found.rule, found.severity.value) == ("MIG401", "error")
    assert "no version table, but 2 tables: admin, product" in found.message
    assert [list(step.command) for step in found.remedy] == [
        [*RUN, "upgrade", "head", "--sql"],
        [],
    ]
    assert "with Alembic's stamp" in found.remedy[1].why, "what is not proved is no command"
    server = only(evidence(DatabaseState((), False, ("product",), url="postgresql://shop@db/shop"), LINE))
    assert [list(step.command) for step in server.remedy] == [["migops", "adopt", "app"]]


def test_a_version_table_without_a_row_is_told_apart() -> None:
    found = only(evidence(DatabaseState((), True, ("product",)), LINE))
    assert found.rule == "MIG401"
    assert "an empty version table alembic_version, but 1 table: product" in found.message


def test_a_version_table_in_a_schema_that_nobody_looks_in() -> None:
    found = only(evidence(DatabaseState((), False, ("product",), ("tenant",)), LINE))
    assert "tenant" in found.cause
    assert "version-table-schema: tenant" in found.remedy[0].why
    assert all("stamp" not in step.command for step in found.remedy)


def test_tables_and_no_migration_at_all() -> None:
    found = only(evidence(DatabaseState((), False, ("product",)), ()))
    assert [step.command for step in found.remedy] == [()]
    server = only(evidence(DatabaseState((), False, ("product",), url="postgresql://shop@db/shop"), ()))
    assert server.remedy[0].command[:3] == ("migops", "adopt", "--baseline")


def test_behind() -> None:
    found = only(evidence(rows("a"), LINE))
    assert (found.rule, found.severity.value) == ("MIG402", "warning")
    assert found.message == "the database is behind the image by 2: b (Do b), c (Do c)"
    assert found.facts["pending"] == ["b", "c"]
    assert list(found.remedy[-1].command) == [*RUN, "upgrade", "head"]


def test_behind_with_heads_that_are_meant_and_that_are_not() -> None:
    forked = history("a", "b<a", "c<a")
    unmeant = only(evidence(rows("b"), forked))
    assert (unmeant.rule, unmeant.facts["pending"]) == ("MIG402", ["c"])
    assert "MIG301" in unmeant.remedy[0].why
    meant = only(evidence(rows("b"), forked, many_heads_are_meant=True))
    assert [list(step.command) for step in meant.remedy] == [[*RUN, "upgrade", "heads"]]


def test_the_configuration_that_alembic_needs_there_is_in_the_command() -> None:
    found = only(evidence(rows("b"), LINE, alembic=("alembic", "-c", "conf/alembic.ini", "-n", "prod")))
    assert list(found.remedy[-1].command) == [*RUN, "-c", "conf/alembic.ini", "-n", "prod", "upgrade", "head"]
    flask = only(evidence(rows("b"), LINE, alembic=("flask", "db")))
    assert list(flask.remedy[-1].command) == [*RUN, "upgrade", "head"], "migops alembic knows the program"


def test_a_database_that_was_named_is_not_the_one_that_a_command_would_reach() -> None:
    """The printed command would migrate the service's own database."""
    found = only(evidence(DatabaseState(("b",), True, ("product",), origin="--database-url"), LINE))
    assert found.remedy[-1].command == ()
    assert "where it can reach the --database-url database" in found.remedy[-1].why


def test_without_a_compose_file_the_step_is_told_not_typed() -> None:
    found = only(evidence(rows("b"), LINE, commands=Commands(image="app:1")))
    assert found.remedy[-1].command == ()
    assert "`alembic upgrade head` in a container of app:1" in found.remedy[-1].why


def test_ahead_the_image_is_older() -> None:
    found = only(evidence(rows("c"), LINE, LINE[:1]))
    assert (found.rule, found.severity.value) == ("MIG403", "error")
    assert "the image is older than the database" in found.message
    assert found.facts["beyond"] == ["b", "c"]
    assert found.cause == "the image ends at a; host has c"
    assert list(found.remedy[0].command) == ["docker", "compose", "build", "app"]


def test_ahead_where_only_git_has_it() -> None:
    found = only(evidence(rows("c"), LINE[:2], LINE[:2], git=LINE))
    assert found.rule == "MIG403"
    assert [list(step.command) for step in found.remedy] == [
        ["git", "restore", "--", "/v/c.py"],
        ["docker", "compose", "build", "app"],
    ]


def test_without_the_image_the_host_is_compared_and_named() -> None:
    found = only(evidence(rows("b"), LINE, Unknown("no such image")))
    assert found.message == "the database is behind the host by 1: c (Do c)"
    assert found.link == (HOST, PlaceName.DATABASE)


def test_unknown_revision_says_who_was_asked() -> None:
    found = only(evidence(rows("zzz"), LINE, git=LINE))
    assert found.rule == "MIG404"
    assert found.facts["asked"] == ["git", "host", "image"]
    assert found.cause.startswith("not found in git, host and image;")
    assert found.remedy[0].command[:5] == ("git", "log", "--all", "--oneline", "-Szzz")
    assert "--purge" in found.remedy[-1].why
    assert found.remedy[-1].command == ()


def test_a_leftover_row_beside_the_one_that_includes_it() -> None:
    found = only(evidence(rows("a", "c"), LINE))
    assert (found.rule, found.severity.value, found.subject.revision) == ("MIG405", "warning", "a")
    assert "stamp --purge c rewrites" in found.remedy[0].why
    assert found.remedy[0].command == ()


def test_rows_of_two_branches_are_no_leftovers() -> None:
    forked = history("a", "b<a", "c<a")
    assert findings(evidence(rows("b", "c"), forked)) == []


def test_diverged_and_already_joined_on_the_host() -> None:
    merged = history("a", "b<a", "c<a", "m<b,c")
    found = only(evidence(rows("c"), merged, merged[:2]))
    assert found.rule == "MIG406"
    assert "diverged after a: the database has c (Do c), the image has b (Do b)" in found.message
    assert [step.command[1:3] for step in found.remedy] == [("compose", "build"), ("alembic", "--service")]


def test_diverged_and_not_joined_yet() -> None:
    forked = history("a", "b<a", "c<a")
    found = only(evidence(rows("c"), forked, forked[:2]))
    merge = ("migops", "alembic", "--service", "app", "merge", "-m", "merge heads", "b", "c")
    assert found.remedy[1].command == merge, "in an image that has both, and never on the host"
    expected = [("compose", "build"), ("alembic", "--service"), ("compose", "build"), ("alembic", "--service")]
    assert [step.command[1:3] for step in found.remedy] == expected


def test_a_separate_branch_that_is_pending_is_no_fork() -> None:
    """Two labelled branches: the database is ahead on one and behind on the other."""
    found = evidence(rows("a2"), history("a1", "a2<a1", "b1"), history("a1", "b1"))
    assert [each.rule for each in findings(found)] == ["MIG403"]
    assert position(found).pending == ("b1",)


@pytest.mark.parametrize("reading", [Absent("no file yet"), NotAsked()])
def test_a_database_that_is_not_there_or_was_not_asked_is_not_judged(reading: DatabaseReading) -> None:
    assert judge(database.RULES, evidence(reading, LINE)) == ((), ())


def test_a_database_that_could_not_be_asked_skips_every_rule_with_the_reason() -> None:
    found, skipped = judge(database.RULES, evidence(Unknown("wrong password"), LINE))
    assert found == ()
    assert skipped == tuple(Skipped(f"MIG40{n}", "database: wrong password") for n in range(1, 7))


@pytest.mark.parametrize("rule", database.RULES, ids=lambda rule: rule.id)
def test_every_rule_explains_itself(rule: database.Rule) -> None:
    for part in ("What:", "Why:", "Fix:"):
        assert part in rule.explanation


@st.composite
def histories(draw: st.DrawFn) -> tuple[tuple[Revision, ...], frozenset[str], frozenset[str]]:
    """A history with one base, and two parts of it that are closed towards the base: the image's, the database's."""
    size = draw(st.integers(1, 9))
    revisions = [Revision("r0", message="Do r0", path="/v/r0.py")]
    for number in range(1, size):
        parents = draw(st.sets(st.integers(0, number - 1), min_size=1, max_size=2))
        revisions.append(Revision(f"r{number}", tuple(f"r{each}" for each in sorted(parents)), path=f"/v/r{number}.py"))
    graph = build(revisions)
    ids = st.sets(st.sampled_from([each.id for each in revisions]), min_size=1, max_size=3)
    return tuple(revisions), graph.ancestors(draw(ids)), graph.ancestors(draw(ids))


@given(histories())
def test_the_direction_is_that_of_the_sets(drawn: tuple[tuple[Revision, ...], frozenset[str], frozenset[str]]) -> None:
    """Whatever the shape: the rules say what comparing what is applied with what the image holds says."""
    revisions, image, applied = drawn
    top = build([each for each in revisions if each.id in applied]).effective_heads
    found = evidence(rows(*top), revisions, [each for each in revisions if each.id in image])
    rules = {each.rule for each in findings(found)}
    if applied == image:
        assert rules == set()
    elif applied < image:
        assert rules == {"MIG402"}
    elif applied > image:
        assert rules == {"MIG403"}
    else:
        assert rules <= {"MIG403", "MIG406"}
        assert len(rules) == 1
    assert set(position(found).pending or ()) == image - applied
