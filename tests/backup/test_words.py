"""Exactly what is run, and that nothing of a URL is in it."""

from __future__ import annotations

from migops.commands.backup import words
from migops.database import parse_url

CANARY = "kAn4ry-s3cret"


def test_the_words() -> None:
    assert words.dump() == ("pg_dump", "--format=custom", "--no-password", "--lock-wait-timeout=60000")
    feed = ("sh", "-c", 'head -c "$0" | "$@"', "10", "pg_restore")
    assert words.listing(10) == (*feed, "--list")
    assert words.reading(10) == (*feed, "--file=/dev/null")
    assert words.rows(10, "public", "v") == (*feed, "--data-only", "--schema=public", "--table=v", "--file=-")
    assert words.restore(10, "it's") == (
        *feed, "--no-password", "--exit-on-error", "--single-transaction", "--dbname=dbname='it\\'s'",
    )  # fmt: skip
    assert words.restore(10, "d", owners=False)[-3:] == ("--no-owner", "--no-privileges", "--dbname=dbname='d'")


def test_the_variables_of_the_servers_own_container() -> None:
    url = parse_url(f"postgresql+asyncpg://shop:{CANARY}@db:5433/shop?ssl=require")
    assert words.variables(url, "127.0.0.1", 5433, "migops backup 1@h") == {
        "PGHOST": "127.0.0.1",
        "PGPORT": "5433",
        "PGUSER": "shop",
        "PGPASSWORD": CANARY,
        "PGDATABASE": "shop",
        "PGAPPNAME": "migops backup 1@h",
        "PGCONNECT_TIMEOUT": "20",
        "PGSSLMODE": "prefer",
    }


def test_the_variables_elsewhere() -> None:
    found = words.variables(parse_url(f"postgresql://u@h/d?password={CANARY}&sslmode=require"), "h", 5432, "x")
    assert (found["PGPASSWORD"], found["PGSSLMODE"]) == (CANARY, "require")
    assert "PGPASSWORD" not in words.variables(parse_url("postgresql://u@h/d"), "h", 5432, "x")
