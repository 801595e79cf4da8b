"""Options of Alembic, Flask-Migrate and compose: one name for each spelling, and the value however it is given."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from migops.core.options import ALEMBIC, COMPOSE, FLASK_MIGRATE, Option, split, with_value


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("--config", ("--config", None)),
        ("--config=a=b", ("--config", "a=b")),
        ("--config=", ("--config", "")),
        ("-c", ("-c", None)),
        ("-ca.ini", ("-c", "a.ini")),
        ("-", ("-", None)),
    ],
)
def test_a_word_and_its_value(word: str, parts: tuple[str, str | None]) -> None:
    assert split(word) == parts


@pytest.mark.parametrize(
    ("words", "table", "anywhere", "options"),
    [
        ("", ALEMBIC, False, []),
        ("-c a.ini upgrade -n late", ALEMBIC, False, [("-c", "--config", "a.ini")]),
        (
            "--config=a.ini --name shop",
            ALEMBIC,
            False,
            [("--config", "--config", "a.ini"), ("--name", "--name", "shop")],
        ),
        ("-q -nshop", ALEMBIC, False, [("-n", "--name", "shop")]),
        ("-x a=b -c a.ini", ALEMBIC, False, [("-x", "-x", "a=b"), ("-c", "--config", "a.ini")]),
        ("-c", ALEMBIC, False, [("-c", "--config", "")]),
        ("upgrade -d m --x-arg a=b", FLASK_MIGRATE, True, [("-d", "--directory", "m"), ("--x-arg", "-x", "a=b")]),
        ("upgrade -d m", FLASK_MIGRATE, False, []),
    ],
)
def test_the_options_that_take_a_value(
    words: str, table: Mapping[str, str], anywhere: bool, options: list[tuple[str, str, str]]
) -> None:
    assert list(with_value(words.split(), table, anywhere=anywhere)) == [Option(*each) for each in options]


def test_every_name_is_a_spelling_too() -> None:
    for table in (ALEMBIC, FLASK_MIGRATE):
        assert {*table.values()} <= {*table}
    assert all(name.startswith("--") for name in COMPOSE.values())
