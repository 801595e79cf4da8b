"""JSON of any document: two columns of indent, the keys in the order of the contract, a newline at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

READABLE = ("graph", "log", "log RUN")
"""Answers whose text keeps the letters it has; schema 1 promises it.

Elsewhere the document is ASCII: a file name may hold terminal escapes, or bytes that are not UTF-8.
"""


def render(document: Mapping[str, Any], answer: str) -> str:
    """The document of an answer as JSON."""
    return json.dumps(document, indent=2, ensure_ascii=answer not in READABLE) + "\n"


def lists(commands: Sequence[Sequence[str]]) -> list[list[str]]:
    """Commands as lists of words, as documents have them."""
    return [list(words) for words in commands]
