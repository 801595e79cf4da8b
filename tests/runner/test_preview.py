"""What a call will do to the version table, against what Alembic then does, on histories that hypothesis makes up."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, text

from migops.core.model import Revision
from migops.migrations.build import build
from migops.migrations.graph import Graph
from migops.runner import preview

IDS = [f"{letter}0000" for letter in "abcdefg"]
CALLS = st.one_of(
    st.tuples(st.just("upgrade"), st.sampled_from(["heads", "head", "+1", "+2", *IDS])),
    st.tuples(st.just("downgrade"), st.sampled_from(["base", "-1", "-2", *IDS])),
    st.tuples(st.just("stamp"), st.sampled_from(["heads", "head", "base", *IDS])),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Revision]:
    """Sound histories, with branches, merges and dependencies."""
    found: list[Revision] = []
    for number in range(draw(st.integers(1, len(IDS)))):
        earlier = IDS[:number]
        parents = draw(st.lists(st.sampled_from(earlier), max_size=2, unique=True)) if earlier else []
        if earlier and draw(st.integers(0, 2)):
            parents = [earlier[-1]]
        below = build(found).ancestors(parents)
        if any(each in build(found).ancestors([other]) - {other} for each in parents for other in parents):
            parents = parents[:1]
        free = [each for each in earlier if each not in below]
        needs = draw(st.lists(st.sampled_from(free), max_size=1)) if free and number % 3 == 2 else []
        found.append(Revision(IDS[number], tuple(parents), tuple(needs)))
    return found


@contextmanager
def alembic(revisions: list[Revision]) -> Iterator[tuple[ScriptDirectory, Config, Connection]]:
    with tempfile.TemporaryDirectory() as folder, create_engine("sqlite://").connect() as connection:
        versions = Path(folder, "versions")
        versions.mkdir()
        for each in revisions:
            (versions / f"{each.id}.py").write_text(
                f"revision = {each.id!r}\ndown_revision = {each.parents or None!r}\ndepends_on = {each.depends_on!r}\n"
                "def upgrade(): pass\ndef downgrade(): pass\n"
            )
        config = Config()
        config.set_main_option("script_location", folder)
        config.set_main_option("path_separator", "os")
        yield ScriptDirectory.from_config(config), config, connection


def run(script: ScriptDirectory, config: Config, connection: Connection, verb: str, target: str) -> list[str]:
    """What Alembic does; the revisions that it ran, in order."""
    ran: list[str] = []

    def steps(rows: Any, context: Any) -> Any:
        found = getattr(script, f"_{verb}_revs")(target, rows)
        ran.extend(step.revision.revision for step in found if verb != "stamp")
        return found

    with EnvironmentContext(config, script, fn=steps) as environment:
        environment.configure(connection=connection)
        with environment.begin_transaction():
            environment.run_migrations()
    return ran


def rows_of(connection: Connection) -> tuple[str, ...]:
    if not connection.dialect.has_table(connection, "alembic_version"):
        return ()
    return tuple(sorted(row for (row,) in connection.execute(text("SELECT version_num FROM alembic_version"))))


def told(graph: Graph, rows: tuple[str, ...], verb: str, target: str) -> tuple[tuple[str, ...], set[str]] | None:
    if verb == "stamp":
        after = preview.stamp(graph, rows, [target], purge=False)
        return None if after is None else (after, set())
    found = (preview.upgrade if verb == "upgrade" else preview.downgrade)(graph, rows, target)
    return None if found is None else (found.rows, set(found.steps))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories(), st.lists(CALLS, min_size=1, max_size=6))
def test_what_is_told_is_what_alembic_does(revisions: list[Revision], calls: list[tuple[str, str]]) -> None:
    graph = build(revisions)
    with alembic(revisions) as (script, config, connection), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for verb, target in calls:
            before = rows_of(connection)
            expected = told(graph, before, verb, target)
            try:
                ran = run(script, config, connection, verb, target)
            except KeyError:  # a fault of Alembic's own, with dependencies within one line
                break
            except (CommandError, AssertionError):
                connection.rollback()
                assert expected is None, (revisions, before, verb, target)
                continue
            if expected is None:
                continue
            assert rows_of(connection) == expected[0], (revisions, before, verb, target)
            assert verb == "stamp" or set(ran) == expected[1], (revisions, before, verb, target)


def test_what_is_told_is_told_at_all() -> None:
    """Else the test above would hold of one that never says anything."""
    middle = Revision("b0000", ("a0000",), branch_labels=("b",))
    graph = build([Revision("a0000"), middle, Revision("c0000", ("b0000",))])
    assert preview.upgrade(graph, (), "head") == preview.MigrationPreview(("c0000",), ("a0000", "b0000", "c0000"))
    assert preview.upgrade(graph, ("a0000",), "+1") == preview.MigrationPreview(("b0000",), ("b0000",))
    assert preview.upgrade(graph, (), "b000") == preview.MigrationPreview(("b0000",), ("a0000", "b0000"))
    assert preview.upgrade(graph, ("a0000",), "b@head") == preview.MigrationPreview(("c0000",), ("b0000", "c0000"))
    assert preview.downgrade(graph, ("c0000",), "-2") == preview.MigrationPreview(("a0000",), ("c0000", "b0000"))
    assert preview.downgrade(graph, ("c0000",), "base") == preview.MigrationPreview((), ("c0000", "b0000", "a0000"))
    assert preview.stamp(graph, ("a0000",), ["head"], purge=False) == ("c0000",)
    assert preview.stamp(graph, ("gone",), ["b0000"], purge=True) == ("b0000",)
    assert preview.upgrade(graph, (), "nosuch") is None


@pytest.mark.parametrize(
    ("output", "steps"),
    [
        ("INFO  [alembic.runtime.migration] Running upgrade  -> 3f1, Create\n", (((), "3f1"),)),
        ("Running upgrade a, b -> c\nx\nRunning upgrade c -> d, e f\n", ((("a", "b"), "c"), (("c",), "d"))),
        ("nothing", ()),
    ],
)
def test_the_steps_that_alembic_says_it_began(output: str, steps: Any) -> None:
    assert preview.ran(output) == steps
