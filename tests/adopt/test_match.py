"""Which of the passed schemas is the database's: judged without any database."""

from __future__ import annotations

import pytest

from migops.commands.adopt.match import Match, Verdict, match
from migops.commands.adopt.noop import is_noop
from migops.commands.adopt.steps import Step, Watched
from migops.core.errors import MigopsError, Unavailable
from migops.database.postgres.schema import DatabaseSchema, Item
from migops.database.postgres.schema.items import schema_of
from migops.docker.execs import STDERR, STDOUT


def column(name: str, schema: str = "public") -> Item:
    return Item("column", f"{schema}.t", f"{schema}.t.{name}", "integer")


def step(heads: str, columns: str) -> Step:
    return Step(tuple(heads.split()), schema_of(map(column, columns.split())))


STEPS = [step("", ""), step("a1", "x"), step("b2", "x y"), step("b3", "x y"), step("b3 c4", "x y z")]


def of(columns: str, wanted: str = "", *more: Item) -> Match:
    live = DatabaseSchema(schema_of([*map(column, columns.split()), *more]), ("public",))
    return match(STEPS, live, "alembic_version", "", wanted=wanted)


def test_one_is_equal() -> None:
    found = of("x")
    assert (found.verdict, found.chosen.heads) == (Verdict.EQUAL, ("a1",))
    assert [each.comparison.distance for each in found.candidates] == [1, 0, 1, 1, 2]
    assert found.kinds == {"column": 1}


def test_several_are_equal_and_none_is_chosen_unseen() -> None:
    found = of("x y")
    assert (found.verdict, [each.heads for each in found.equal]) == (Verdict.SEVERAL, [("b2",), ("b3",)])
    named = of("x y", "b2")
    assert (named.verdict, named.chosen.heads, named.asked) == (Verdict.EQUAL, ("b2",), True)


def test_a_migration_that_does_nothing_makes_no_choice() -> None:
    """As a merge of two branches: nothing is lost by noting it as done."""
    live = DatabaseSchema(schema_of(map(column, ["x", "y"])), ("public",))
    found = match(STEPS, live, "alembic_version", "", noops=frozenset({"b3"}))
    assert (found.verdict, found.chosen.heads) == (Verdict.EQUAL, ("b3",))
    other = match(STEPS, live, "alembic_version", "", noops=frozenset({"b2"}))
    assert other.verdict is Verdict.SEVERAL


@pytest.mark.parametrize(
    ("body", "nothing"),
    [
        ("pass", True), ("...", True), ('"""Joins."""', True), ("op.execute('x')", False), ("x = 1", False),
        ("if x: pass", False),
    ],
)  # fmt: skip
def test_what_is_noop(body: str, nothing: bool) -> None:
    assert is_noop(f"def upgrade() -> None:\n    {body}\n".encode()) == nothing


def test_what_cannot_be_told_does_something() -> None:
    for text in (b"", b"def upgrade(:", b"upgrade = other", b"def upgrade(): pass\ndef upgrade(): pass", b"\0"):
        assert not is_noop(text)


def test_none_is_equal_and_the_last_of_the_nearest_is_shown() -> None:
    found = of("x y z q")
    assert (found.verdict, found.chosen.heads, found.chosen.comparison.distance) == (
        Verdict.DIFFERENT, ("b3", "c4"), 1,
    )  # fmt: skip
    assert of("y q").chosen.heads == ("b3",)


def test_a_revision_that_was_named_and_is_not_equal() -> None:
    found = of("x", "head")
    assert (found.verdict, found.chosen.heads, len(found.equal)) == (Verdict.DIFFERENT, ("b3", "c4"), 1)
    with pytest.raises(MigopsError, match="several revisions"):
        of("x", "b")
    with pytest.raises(MigopsError, match="is not a revision of this upgrade"):
        of("x", "nope")


def test_nothing_ran_on_it() -> None:
    found = of("")
    assert (found.verdict, found.chosen.heads) == (Verdict.EQUAL, ())


def test_a_schema_that_nobody_looks_at_is_named_and_not_compared() -> None:
    found = of("x", "", column("x", "other"))
    assert (found.verdict, found.ignored) == (Verdict.EQUAL, ("other",))


def test_what_is_told_inside_is_told_apart_from_what_alembic_says() -> None:
    found = Watched("MARK ")
    row = ["column", "public.t", "public.t.x", "integer"]
    pieces = [
        b"INFO\nMARK {\"heads\": [], \"chan", b"ged\": [], \"gone\": []}\n",
        f'\nMARK {{"heads": ["a1"], "changed": [{row}], "gone": []}}\nsome'.replace("'", '"').encode(),
        b'thing\nMARK {"heads": ["b2"], "changed": [], "gone": [["column", "public.t.x"]]}\n',
        b'MARK {"made": "/v/x.py", "revision": "x", "content": "text"}\n',
    ]  # fmt: skip
    for piece in pieces:
        found.take(STDOUT, piece)
    found.take(STDERR, b"MARK {} is not ours here\n")
    assert [each.heads for each in found.steps] == [(), ("a1",), ("b2",)]
    assert [len(each.schema) for each in found.steps] == [0, 1, 0]
    assert found.made is not None
    assert found.made.content == "text"
    with pytest.raises(Unavailable, match="at the same time"):
        found.take(STDOUT, b'\nMARK {"heads": [some other line\n')
    assert bytes(found.output) == b"INFO\nsomething\nMARK {} is not ours here\n"
