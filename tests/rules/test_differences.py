"""Copies that differ in form only are a class of their own."""

from __future__ import annotations

import pytest

from migops.analysis.script_diff import content_difference, name_difference

TEXT = b'revision = "a"\ndef f():\n    pass\n'


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (TEXT, "same"),
        (b"\xef\xbb\xbf" + TEXT, "bom"),
        (TEXT.replace(b"\n", b"\r\n"), "line-ends"),
        (b"\xef\xbb\xbf" + TEXT.replace(b"\n", b"\r\n"), "line-ends"),
        (TEXT.replace(b"pass", b"pass  "), "whitespace"),
        (TEXT + b"\n\n", "whitespace"),
        (TEXT.replace(b"    pass", b"\tpass"), "content"),
        (TEXT.replace(b'"a"', b'"b"'), "content"),
    ],
)
def test_content(other: bytes, difference: str) -> None:
    assert content_difference(TEXT, other) == difference
    assert content_difference(other, TEXT) == difference


@pytest.mark.parametrize(
    ("left", "right", "difference"),
    [
        ("a.py", "a.py", "same"),
        ("caf\u00e9.py", "cafe\u0301.py", "unicode-form"),
        ("Add.py", "add.py", "letter-case"),
        ("a.py", "b.py", "renamed"),
    ],
)
def test_names(left: str, right: str, difference: str) -> None:
    assert name_difference(left, right) == difference
