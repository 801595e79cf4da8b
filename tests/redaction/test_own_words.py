"""Redaction never takes the words of servers, drivers and Alembic for a secret, whatever the password is."""

from __future__ import annotations

import re

import pytest

from migops.core import redaction
from migops.core.redaction import learn, redact
from migops.core.redaction.known import Known
from migops.core.redaction.redactor import is_common
from tests.failures.texts import PASSWORD, TEXTS

NAMES = frozenset((
    "canary", "citext", "cret", "eaee", "email", "items", "openai", "orders", "playlist", "positive", "price",
    "product", "provider", "reader", "secrets", "shop", "status", "tenant", "touch", "users", "worksheets", "downrev",
    "getitem", "sendauth", "mysqld", "pymsql", "pkey", "trgm", "miscinit", "typname", "typecmds", "gaierror",
    "state", "opt", "docker", "sources",
))  # fmt: skip
"""Names of tables, columns, files and functions in the texts: not words of the programs."""
LINES = [text for texts in TEXTS.values() for text in texts if PASSWORD not in text]


@pytest.mark.parametrize("text", LINES, ids=lambda text: text[:40])
def test_no_text_of_a_failure_changes(text: str) -> None:
    assert redact(text) == text


def test_each_word_of_the_texts_may_be_a_password() -> None:
    """A word that is not known as one of theirs would be hidden wherever a program says it."""
    words = {
        word.casefold() for text in LINES for word in re.findall(r"(?<![A-Za-z_])[A-Z]?[a-z]{3,}(?![A-Za-z_])", text)
    }
    assert {word for word in words - NAMES if len(word) > 3 and not is_common(word)} == set()


@pytest.mark.parametrize("secret", ["password", "relation", "violates", "constraint", "upgrade", "already exists"])
def test_such_a_password_leaves_all_texts_alone(secret: str) -> None:
    with redaction.scope():
        learn(lambda: Known(frozenset((secret,)), frozenset()))
        for text in LINES:
            assert redact(text) == text
        assert redact(f"postgresql://u:{secret}@h/d") == "postgresql://u:***@h/d"
