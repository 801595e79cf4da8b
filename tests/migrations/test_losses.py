"""What migrations destroy by their literals, and what is no loss."""

from __future__ import annotations

import pytest

from migops.migrations.build import build
from migops.migrations.losses import losses, sentence
from tests.rules.made import held

HEAD = "revision = '{}'\ndown_revision = {}\ndef upgrade():\n    "


@pytest.mark.parametrize(
    ("second", "lost"),
    [
        ("op.drop_table('item')", ("table item",)),
        ("op.drop_column('item', 'price')", ("column item.price",)),
        ("op.execute('DELETE FROM item')", ("rows of item",)),
        ("op.add_column('item', sa.Column('x', sa.Integer))", None),
        ("op.drop_table('fresh')", None),
        ("op.drop_column('fresh', 'x')", None),
        ("op.execute('TRUNCATE fresh')", None),
    ],
)
def test_a_table_that_the_same_upgrade_creates_has_no_data(second: str, lost: tuple[str, ...] | None) -> None:
    scripts = {
        "versions/001.py": HEAD.format("001", None) + "op.create_table('fresh')",
        "versions/002.py": HEAD.format("002", "'001'") + second,
    }
    place = held(scripts)
    graph = build(place.revisions)
    assert losses(place, graph, ("001", "002")) == ({"002": lost} if lost else {})
    if lost is None and "fresh" in second:
        assert losses(place, graph, ("002",)), "there may be data in it where 001 was applied before"


def test_a_downgrade_is_not_what_is_run() -> None:
    place = held({"versions/001.py": HEAD.format("001", None) + "pass\ndef downgrade():\n    op.drop_table('item')"})
    assert losses(place, build(place.revisions), ("001", "unheard-of")) == {}


def test_the_sentence() -> None:
    said = sentence("002", ("table item", "column a.b", "rows of c"))
    assert said == "002 drops table item, column a.b and deletes rows of c: that data is lost"
