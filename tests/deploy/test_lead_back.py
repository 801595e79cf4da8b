"""A merge does not stand in the way of a downgrade; a branch that it would leave applied does."""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.commands.deploy import plan
from migops.commands.deploy.lead_back import target_back, why_not
from migops.commands.deploy.options import Options
from migops.core.model import Revision
from migops.migrations.build import build
from tests.deploy.made import at, inputs
from tests.deploy.stack import CREATE, PRICE
from tests.kit import example

#   a ─ b ─┐
#     └ c ─┴ m ─ d
GRAPH = build(
    [
        Revision("a"), Revision("b", ("a",)), Revision("c", ("a",)), Revision("m", ("b", "c")), Revision("d", ("m",)),
    ]
)  # fmt: skip


@pytest.mark.parametrize(
    ("after", "before", "target"),
    [
        (("d",), ("m",), "m"),
        (("m",), ("b", "c"), "b"),
        (("d",), ("b", "c"), "b"),
        (("m",), ("a",), "a"),
        (("m",), (), "base"),
        (("m",), ("b",), None),
        (("b", "c"), ("b",), None),
        (("b", "c"), ("a",), "a"),
        (("gone",), ("a",), "a"),
        (("m",), ("gone", "b"), None),
    ],
)
def test_what_leads_back(after: tuple[str, ...], before: tuple[str, ...], target: str | None) -> None:
    assert target_back(GRAPH, after, before) == target
    assert (why_not(GRAPH, after, before) == "") is (target is not None)


def test_why_it_does_not() -> None:
    assert why_not(GRAPH, ("m",), ("b",)) == "no single downgrade leads from m back to b"


BODIES = "def upgrade():\n    {}\n\n\ndef downgrade():\n    {}\n"


def branched(folder: Path, merge: str = "pass") -> Path:
    """The clean example with a second branch on its first revision, and a merge of both."""
    project = example("clean", folder)
    for name, parents, text in (
        ("b0b0", f"{CREATE!r}", BODIES.format("op.x('y')", "op.x('z')")),
        ("c0c0", f"({PRICE!r}, 'b0b0')", BODIES.format(merge, "pass")),
    ):
        path = project / "migrations/versions" / f"{name}_x.py"
        path.write_text(f"from alembic import op\nrevision = {name!r}\ndown_revision = {parents}\n\n\n{text}")
    return project


@pytest.mark.parametrize(("merge", "said"), [("pass", False), ("op.execute('DELETE FROM x')", True)])
def test_the_plan_says_no_downgrade_of_a_merge_that_does_something(tmp_path: Path, merge: str, said: bool) -> None:
    notes = plan.make(inputs(branched(tmp_path, merge), database=at(CREATE)), Options(on_failure="downgrade")).notes
    assert any("c0c0 has no downgrade" in note for note in notes) is said
    assert not any("cannot take the migrations back" in note for note in notes)


@pytest.mark.parametrize(
    ("rows", "leads"), [((CREATE,), True), ((PRICE, "b0b0"), True), ((PRICE,), False), (("b0b0",), False)]
)
def test_the_plan_says_if_no_downgrade_leads_back(tmp_path: Path, rows: tuple[str, ...], leads: bool) -> None:
    found = inputs(branched(tmp_path), database=at(*rows))
    notes = plan.make(found, Options(on_failure="downgrade")).notes
    assert any("cannot take the migrations back" in note for note in notes) is not leads
    usual = plan.make(found, Options()).notes
    assert not any("cannot take the migrations back" in note for note in usual), "nobody asked for it"
