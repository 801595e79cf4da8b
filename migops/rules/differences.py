"""How two copies of a script differ: in substance, or only in what editors, git and file systems do to a file."""

from __future__ import annotations

import unicodedata

BOM = b"\xef\xbb\xbf"


def content_difference(left: bytes, right: bytes) -> str:
    """``same``, ``bom``, ``line-ends``, ``whitespace`` (at line ends, or empty lines at the end) or ``content``.

    White space within a line is Python's grammar: it is content.
    """
    if left == right:
        return "same"
    left, right = left.removeprefix(BOM), right.removeprefix(BOM)
    if left == right:
        return "bom"
    left, right = _unix(left), _unix(right)
    if left == right:
        return "line-ends"
    return "whitespace" if _trimmed(left) == _trimmed(right) else "content"


def name_difference(left: str, right: str) -> str:
    """``same``, ``unicode-form`` (NFC against NFD), ``letter-case`` or ``renamed``."""
    if left == right:
        return "same"
    left, right = (unicodedata.normalize("NFC", name) for name in (left, right))
    if left == right:
        return "unicode-form"
    return "letter-case" if left.casefold() == right.casefold() else "renamed"


def _unix(text: bytes) -> bytes:
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _trimmed(text: bytes) -> list[bytes]:
    return [line.rstrip() for line in text.rstrip().split(b"\n")]
