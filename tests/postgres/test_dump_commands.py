"""Exactly what is run, and that nothing of a URL is in it."""

from __future__ import annotations

from migops.database import parse_url
from migops.database.postgres import dump_commands

CANARY = "kAn4ry-s3cret"


def test_the_words() -> None:
    assert dump_commands.dump() == ("pg_dump", "--format=custom", "--no-password", "--lock-wait-timeout=60000")
    feed = ("sh", "-c", 'head -c "$0" | "$@"', "10", "pg_restore")
    assert dump_commands.listing(10) == (*feed, "--list")
    assert dump_commands.reading(10) == (*feed, "--file=/dev/null")
    assert dump_commands.rows(10, "public", "v") == (*feed, "--data-only", "--schema=public", "--table=v", "--file=-")
    assert dump_commands.restore(10, "it's") == (
        *feed, "--no-password", "--exit-on-error", "--single-transaction", "--dbname=dbname='it\\'s'",
    )  # fmt: skip
    assert dump_commands.restore(10, "d", owners=False)[-3:] == ("--no-owner", "--no-privileges", "--dbname=dbname='d'")


def test_the_variables_of_the_servers_own_container() -> None:
    url = parse_url(f"postgresql+asyncpg://shop:{CANARY}@db:5433/shop?ssl=require")
    assert dump_commands.variables(url, "127.0.0.1", 5433, "migops backup 1@h") == {
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
    found = dump_commands.variables(parse_url(f"postgresql://u@h/d?password={CANARY}&sslmode=require"), "h", 5432, "x")
    assert (found["PGPASSWORD"], found["PGSSLMODE"]) == (CANARY, "require")
    assert "PGPASSWORD" not in dump_commands.variables(parse_url("postgresql://u@h/d"), "h", 5432, "x")
