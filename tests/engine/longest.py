"""The order in which several processes run the tests: the longest first, so that none of them runs alone at the end.

    python -m pytest --durations=0 -vv … > LOG; python -m tests.engine.longest LOG

writes `longest.txt` anew from what a run says of itself. A test that is not in it counts as a short one of the
engine's; the fast ones come last, since they fill what is left of the time.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

_TABLE = Path(__file__).with_suffix(".txt")
_UNKNOWN = 10
"""Seconds of a test of the engine that the table does not have."""
_LINE = re.compile(r"^(\d+)\.\d+s (?:setup|call|teardown) +(tests/\S+?::[^\[\n]+(?:\[[^\n]*\])?)$", re.MULTILINE)


@cache
def _seconds() -> dict[str, int]:
    """The seconds of each test that takes longer than those of which nothing is known."""
    lines = (line.split(" ", 1) for line in _TABLE.read_text().splitlines())
    return {name: int(seconds) for seconds, name in lines}


def ordered(items: Sequence[pytest.Item], processes: int) -> list[pytest.Item]:
    """*items* so that pytest-xdist, which cuts the list into as many pieces as there are *processes*, balances them.

    Each piece begins with its share of the engine's tests, the longest first, and goes on with fast ones, which are
    taken over by whichever process is done first. Tests that share a fixture of their module stay together.
    """
    units: dict[str, list[pytest.Item]] = {}
    fast: list[pytest.Item] = []
    for item in items:
        if item.get_closest_marker("engine"):
            units.setdefault(item.nodeid.split("::")[0] if _shares(item) else item.nodeid, []).append(item)
        else:
            fast.append(item)
    pieces: list[list[pytest.Item]] = [[] for _ in range(processes)]
    loads = [0] * processes
    for unit in sorted(units.values(), key=_length, reverse=True):
        least = loads.index(min(loads))
        pieces[least] += unit
        loads[least] += _length(unit)
    found: list[pytest.Item] = []
    for number, piece in enumerate(pieces):
        size = (len(items) - len(found)) // (processes - number)
        filling = max(0, size - len(piece))
        found += piece + fast[:filling]
        del fast[:filling]
    return found + fast


def _length(unit: Sequence[pytest.Item]) -> int:
    return sum(_seconds().get(item.nodeid, _UNKNOWN) for item in unit)


def _shares(item: pytest.Item) -> bool:
    """Whether a fixture that the test uses is made once for its module."""
    known = getattr(item, "_fixtureinfo", None)
    fixtures = known.name2fixturedefs.values() if known else ()
    return any(each.scope == "module" for given in fixtures for each in given)


def _write(log: Path) -> None:
    sums: dict[str, int] = {}
    for seconds, name in _LINE.findall(log.read_text()):
        sums[name] = sums.get(name, 0) + int(seconds)
    longest = sorted(((seconds, name) for name, seconds in sums.items() if seconds > _UNKNOWN), reverse=True)
    _TABLE.write_text("".join(f"{seconds} {name}\n" for seconds, name in longest))


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
