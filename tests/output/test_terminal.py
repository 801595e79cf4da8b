from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migops.core.terminal import printable, quoted


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


@pytest.mark.parametrize("name", ["plain.py", "two words.py", "it's.py"])
def test_what_can_be_shown_is_quoted_as_usual(name: str) -> None:
    assert "$" not in quoted(name)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash reads the quoted words back")
@given(st.lists(st.binary(max_size=12).map(lambda raw: raw.replace(b"\0", b"")), min_size=1, max_size=20))
def test_a_shell_reads_quoted_words_back_byte_for_byte(words: list[bytes]) -> None:
    line = " ".join(quoted(os.fsdecode(word)) for word in words)
    assert line.isprintable()
    done = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
    assert done.stdout.split(b"\0")[:-1] == words


@given(st.text(st.characters(exclude_categories=[])))
def test_whatever_comes_is_quoted_in_printable_characters(text: str) -> None:
    assert quoted(text).isprintable()
