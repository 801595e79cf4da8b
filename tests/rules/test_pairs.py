"""Every rule has a case that raises it and a near miss on which it is checked and stays silent."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from migops.rules import RULES
from tests.cases.shop import Shop
from tests.rules.pairs import BY_TESTS, PAIRS, InSuite, Pair

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.rule)
def test_the_case_raises_it(pair: Pair, tmp_path: Path) -> None:
    assert pair.rule in pair.bad(Shop.at(tmp_path)).raised


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.rule)
def test_the_near_miss_is_checked_and_silent(pair: Pair, tmp_path: Path) -> None:
    seen = pair.near(Shop.at(tmp_path))
    assert pair.rule not in seen.raised
    assert pair.rule not in seen.unchecked, "silent only because it was not checked"


@pytest.mark.parametrize("pair", BY_TESTS, ids=lambda pair: pair.rule)
def test_the_tests_are_there(pair: InSuite) -> None:
    for named in (pair.bad, pair.near):
        file, _, name = named.partition("::")
        assert name in functions_of(file), named
    assert pair.rule in (ROOT / pair.bad.partition("::")[0]).read_text()


@cache
def functions_of(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_a_new_rule_comes_with_its_pair() -> None:
    known = [each.rule for each in (*PAIRS, *BY_TESTS)]
    assert sorted(known) == sorted(rule.id for rule in RULES)
