from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from tests.engine import longest


@dataclass
class Item:
    """As much of pytest's item as the order is made from."""

    nodeid: str
    engine: bool = True
    scope: str = "function"
    _fixtureinfo: Any = field(init=False)

    def __post_init__(self) -> None:
        self._fixtureinfo = SimpleNamespace(name2fixturedefs={"it": [SimpleNamespace(scope=self.scope)]})

    def get_closest_marker(self, name: str) -> bool:
        assert name == "engine"
        return self.engine


@pytest.fixture(autouse=True)
def seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"a::long": 50, "b::longer": 60, "c::middle": 30, "d::one": 20, "d::two": 20}
    monkeypatch.setattr(longest, "_seconds", lambda: known)


def order(items: list[Item], processes: int) -> list[str]:
    return [each.nodeid for each in longest.ordered(items, processes)]  # type: ignore[arg-type]


def test_each_piece_begins_with_its_share_and_ends_with_what_needs_no_engine() -> None:
    fast = [Item(f"fast::{number}", engine=False) for number in range(5)]
    slow = [Item(name) for name in ("a::long", "new::unknown", "b::longer", "c::middle", "e::unknown")]
    found = order([*fast[:2], *slow, *fast[2:]], 2)
    assert found[:5] == ["b::longer", "new::unknown", "e::unknown", "fast::0", "fast::1"]
    assert found[5:] == ["a::long", "c::middle", "fast::2", "fast::3", "fast::4"]


def test_tests_that_share_a_fixture_of_their_module_stay_together() -> None:
    items = [Item("d::one", scope="module"), Item("a::long"), Item("d::two", scope="module"), Item("c::middle")]
    found = order(items, 2)
    assert found == ["a::long", "d::one", "d::two", "c::middle"]


def test_more_tests_of_the_engine_than_a_piece_holds_and_none_at_all() -> None:
    items = [Item(f"x::{number}") for number in range(7)]
    assert sorted(order(items, 3)) == [f"x::{number}" for number in range(7)]
    assert order([], 4) == []


def test_the_table_is_written_from_what_a_run_says(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    log, table = tmp_path / "log", tmp_path / "longest.txt"
    monkeypatch.setattr(longest, "_TABLE", table)
    log.write_text(
        "11.50s call     tests/a.py::test_one[in-the container]\n"
        "3.20s setup    tests/a.py::test_one[in-the container]\n"
        "0.90s call     tests/a.py::test_short\n20.01s call     tests/b.py::TestX::test_two\n"
    )
    longest._write(log)
    assert table.read_text() == "20 tests/b.py::TestX::test_two\n14 tests/a.py::test_one[in-the container]\n"
