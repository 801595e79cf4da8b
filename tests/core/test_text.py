"""Lists and numbers in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from migops.core.text import counted, first_few, listed, plural, some


@pytest.mark.parametrize(
    ("names", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (("a", "b", "c"), "a, b and c")]
)
def test_listed(names: list[str], text: str) -> None:
    assert listed(names) == text
    assert listed(names, none="no revision") == (text or "no revision")


@pytest.mark.parametrize(
    ("names", "options", "text"),
    [
        ("", {}, ""),
        ("cab", {}, "c, a, b"),
        ("cabd", {}, "c, a, b and 1 more"),
        ("cabde", {"most": 4}, "c, a, b, d and 1 more"),
        ("cabde", {"before_more": ", and "}, "c, a, b, and 2 more"),
        ("cabde", {"separator": "; ", "before_more": "; and "}, "c; a; b; and 2 more"),
    ],
)
def test_the_first_few(names: str, options: dict[str, Any], text: str) -> None:
    assert first_few(list(names), **options) == text


def test_some_are_in_alphabetical_order() -> None:
    assert some(iter("dcab")) == "a, b, c and 1 more"
    assert some({"b", "a"}, most=1) == "a and 1 more"


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        ((0, "table"), {}, "0 tables"),
        ((1, "table"), {}, "1 table"),
        ((2, "table"), {}, "2 tables"),
        ((1, "index", "indexes"), {}, "1 index"),
        ((2, "index", "indexes"), {}, "2 indexes"),
        ((12345, "row"), {}, "12345 rows"),
        ((12345, "row"), {"grouped": True}, "12,345 rows"),
    ],
)
def test_counted(arguments: tuple[Any, ...], options: dict[str, Any], text: str) -> None:
    assert counted(*arguments, **options) == text
    assert text.endswith(f" {plural(*arguments)}")
