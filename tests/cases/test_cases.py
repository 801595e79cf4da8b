"""The cases of docs/cases.md, each built anew and named by its number: the rule, the direction, the printed fix."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from migops.commands.failures import FAILURES
from migops.rules import RULES
from tests.cases import database, graph, places, start, words
from tests.cases.case import Case
from tests.cases.shop import Shop

CASES: tuple[Case, ...] = (*places.CASES, *graph.CASES, *database.CASES, *start.CASES, *words.CASES)

COLLECTED = (
    *(1, 2, 4, 6, 7, 9, 10, 11, 13, 14, 15, 17, 18, 19, 20, 21, 23, 24, 25, 26, 28, 29, 30, 31, 33, 34, 35),
    *(37, 38, 39, 40),
)
"""The numbers of the collection of real cases, which has gaps."""

PAGE = Path(__file__).parents[2] / "docs" / "cases.md"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.number)
def test_case(case: Case, tmp_path: Path) -> None:
    answer = case.build(Shop.at(tmp_path))
    said = answer.of(case.name)
    for text in case.says:
        assert text in said.text
    for text in case.fix:
        assert text in said.fix
    assert {each.name for each in answer.said}.isdisjoint(case.never)


def rows() -> dict[str, list[str]]:
    """The table of the page: the cells of each case, by its number."""
    cells = [[cell.strip() for cell in line.split(" | ")] for line in PAGE.read_text().splitlines()]
    return {row[0].removeprefix("| "): row for row in cells if re.match(r"\| (near-)?\d+$", row[0])}


def test_the_page_has_every_case_once() -> None:
    numbers = [number for number in rows() if not number.startswith("near-")]
    assert numbers == [str(number) for number in COLLECTED]
    lines = [line for line in PAGE.read_text().splitlines() if re.match(r"\| (near-)?\d+ ", line)]
    assert len(lines) == len(rows()), "no number stands there twice"


def test_the_page_says_what_the_tests_show() -> None:
    shown: dict[str, set[str]] = {}
    for case in CASES:
        shown.setdefault(case.number.rstrip("bc"), set()).add(case.name)
    assert shown.keys() == rows().keys(), "every case of the page is a test"
    known = {rule.id for rule in RULES} | {failure.name for failure in FAILURES}
    for number, row in rows().items():
        named = set(re.findall(r"`(MIG\d+|[a-z]+(?:-[a-z]+)+)`", row[3]))
        assert named <= known, number
        assert shown[number] <= named | {"config"}, number


def test_a_letter_is_a_further_fault_of_the_same_case() -> None:
    assert len({case.number for case in CASES}) == len(CASES)
