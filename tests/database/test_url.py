"""Database URLs: which driver asks, what may be shown, and that no secret ever is."""

from __future__ import annotations

import traceback

import pytest

from migops.core.errors import MigopsError, Unavailable
from migops.core.redaction import redact
from migops.database import DatabaseUrl, parse_url

CANARY = "kAn4ry-s3cret"


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("postgresql://u@h/d", "postgresql+psycopg"),
        ("postgres://u@h/d", "postgresql+psycopg"),
        ("postgres+asyncpg://u@h/d", "postgresql+psycopg"),
        ("postgresql+asyncpg://u@h/d", "postgresql+psycopg"),
        ("postgresql+psycopg2://u@h/d", "postgresql+psycopg"),
        ("postgresql+pg8000://u@h/d", "postgresql+psycopg"),
        ("sqlite+aiosqlite:///x.db", "sqlite+pysqlite"),
        ("sqlite:////data/x.db", "sqlite+pysqlite"),
    ],
)
def test_the_driver_of_the_application_gives_way_to_ours(text: str, driver: str) -> None:
    assert parse_url(text).url.drivername == driver


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"postgresql+asyncpg://shop:{CANARY}@db:6432/shop?ssl=require", "postgresql://shop@db:6432/shop"),
        (f"postgresql://shop@db/shop?password={CANARY}", "postgresql://shop@db:5432/shop"),
        (f"postgresql:///shop?host=db&user=shop&password={CANARY}", "postgresql://db:5432/shop"),
        (f"postgresql://shop:{CANARY}@[::1]:5432/shop", "postgresql://shop@[::1]:5432/shop"),
        ("sqlite:////data/shop.db", "sqlite:////data/shop.db"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    url = parse_url(text)
    assert url.shown == shown
    assert CANARY not in f"{url!r} {url} {url.shown}"


def test_ssl_of_asyncpg_is_sslmode_and_what_libpq_does_not_know_is_left_out() -> None:
    url = parse_url("postgresql+asyncpg://u@h/d?ssl=true&prepared_statement_cache_size=0&options=-csearch_path%3Dshop")
    assert dict(url.url.query) == {"sslmode": "require", "options": "-csearch_path=shop"}


def test_another_address_keeps_everything_else() -> None:
    url = parse_url(f"postgresql://u:{CANARY}@db/shop?sslmode=disable&port=1").at("10.0.0.7", 5432)
    assert (url.host, url.port, url.url.database, url.url.password) == ("10.0.0.7", 5432, "shop", CANARY)
    assert dict(url.url.query) == {"sslmode": "disable"}


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://u:a@{CANARY}@h/d",
        f"u:{CANARY}@h/d",
        f"postgresql://u:{CANARY}@h:port/d",
        CANARY,
        f"://{CANARY}",
    ],
)
def test_what_is_no_url_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(MigopsError) as caught:
        parse_url(text)
    said = "".join(traceback.format_exception(caught.value)) + str(caught.value.hint)
    assert CANARY not in said
    assert "Traceback" in said


def test_a_dialect_whose_driver_is_not_there_is_unknown_and_says_so() -> None:
    with pytest.raises(Unavailable, match="needs PyMySQL"):
        parse_url("mysql+aiomysql://u:p@h/d")


def test_every_form_of_a_secret_is_taken_out() -> None:
    url = parse_url("postgresql://u:p%40ss%2Fw0rd@h/d?sslpassword=t%26wo")
    for form in ("p%40ss%2Fw0rd", "p@ss/w0rd", "t&wo", "t%26wo"):
        assert form not in url.redact(f"before {form} after, '{form}'")


def test_a_password_that_is_a_common_word_leaves_other_words_alone() -> None:
    url = parse_url("postgresql://postgres:postgres@h/d")
    text = url.redact('connection to postgresql failed for user "postgres"')
    assert text == 'connection to postgresql failed for user "postgres"'


def test_a_secret_of_somebody_else_is_known_by_its_form() -> None:
    assert redact(f"ALTER ROLE a PASSWORD 'it''s {CANARY}") == "ALTER ROLE a PASSWORD '***'", "also where it is cut off"
    said = redact(f"see postgresql://u:{CANARY}@h/d and password={CANARY} and PASSWORD: {CANARY}")
    assert CANARY not in said
    assert said.count("***") == 3


def test_a_url_is_equal_to_itself_only_with_its_secret() -> None:
    one, other = parse_url("postgresql://u:a@h/d"), parse_url("postgresql://u:b@h/d")
    assert one == parse_url("postgresql://u:a@h/d")
    assert one != other
    assert isinstance(one, DatabaseUrl)


def test_a_url_that_is_only_shown_keeps_its_driver_and_needs_none_of_ours() -> None:
    url = parse_url(f"mysql+aiomysql://u:{CANARY}@h/d?charset=utf8", ours=False)
    assert (url.shown, url.url.drivername) == ("mysql://u@h:3306/d", "mysql+aiomysql")
    assert url.redact(f"access denied, using {CANARY}") == "access denied, using ***"
