from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migops.formats.terminal import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("versions/010_добавить.py", "versions/010_добавить.py"),
        ("\x1b[2J.py", "\\x1b[2J.py"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("x\u202egpj.exe", "x\\u202egpj.exe"),
        ("\x9b31m", "\\x9b31m"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("line\u2028break", "line\\u2028break"),
        ("caf\udce9", "caf\\xe9"),
        ("", ""),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters(exclude_categories=[])))
def test_whatever_comes_is_one_printable_line_that_can_be_encoded(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert printable(shown) == shown
