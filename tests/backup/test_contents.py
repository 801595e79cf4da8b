"""What pg_restore says of a dump, as text that PostgreSQL 15 and 17 have written."""

from __future__ import annotations

import pytest

from migops.commands.backup.contents import Contents, major, parse_listing, parse_rows
from migops.commands.backup.verify import Expected, misfit

LISTING = """;
; Archive created at 2026-11-24 10:17:39 UTC
;     dbname: shop
;     TOC Entries: 10
;     Compression: gzip
;     Dump Version: 1.16-0
;     Format: CUSTOM
;     Integer: 4 bytes
;     Offset: 8 bytes
;     Dumped from database version: 15.8 (Debian 15.8-1)
;     Dumped by pg_dump version: 15.8 (Debian 15.8-1)
;
;
; Selected TOC Entries:
;
214; 1259 16385 TABLE public alembic_version shop
215; 1259 16390 TABLE public product shop
216; 1259 16399 SEQUENCE public product_id_seq shop
217; 1259 16401 TABLE public product_2026 shop
3341; 0 0 TABLE ATTACH public product_2026 shop
3348; 0 16385 TABLE DATA public alembic_version shop
3349; 0 16390 TABLE DATA public product shop
3203; 2606 16389 CONSTRAINT public alembic_version alembic_version_pkey shop
"""


def test_a_listing() -> None:
    found = parse_listing(LISTING)
    assert (found.database, found.server, found.entries) == ("shop", "15.8 (Debian 15.8-1)", 8)
    assert found.tables == ("public alembic_version shop", "public product shop", "public product_2026 shop")
    assert found.has_rows_of("public", "alembic_version")
    assert not found.has_rows_of("public", "alembic")
    assert not found.has_rows_of("tenant", "alembic_version")


def test_a_listing_of_nothing() -> None:
    assert parse_listing("") == Contents("", "", 0, (), ())


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({}, ""),
        ({"database": "other"}, "it is of the database 'shop', not of 'other'"),
        ({"server": "15.9"}, "the server is 15.9"),
        ({"newest": 14}, "the server is older: 14"),
        ({"newest": 16}, ""),
        ({"has_table": False}, "public.alembic_version was created meanwhile"),
        ({"table": ("public", "versions")}, "the rows of public.versions are missing"),
        ({"table": ("public", "versions"), "has_table": None}, ""),
    ],
)
def test_what_does_not_fit(changed: dict[str, object], why: str) -> None:
    usual = {"database": "shop", "table": ("public", "alembic_version"), "has_table": True}
    found = misfit(parse_listing(LISTING), Expected(**{**usual, **changed}))  # type: ignore[arg-type]
    assert why in found if why else found == ""


def test_a_dump_that_lists_nothing_counts_only_where_there_was_nothing() -> None:
    empty = Contents("shop", "15.8", 0, (), ())
    expected = Expected("shop", ("public", "alembic_version"))
    assert misfit(empty, expected) == "its table of contents is empty"
    assert misfit(empty, Expected("shop", ("public", "alembic_version"), is_empty=True)) == ""


def test_rows() -> None:
    text = "SET x = on;\n\nCOPY public.alembic_version (version_num) FROM stdin;\nb\na\\\\\\tx\n\\.\n\n-- done\n"
    assert parse_rows(text) == ("a\\\tx", "b")
    assert parse_rows("-- nothing\n") == ()


def test_majors() -> None:
    assert [major(text) for text in ("15.8 (Debian)", "9.6.24", "17devel", "")] == [15, 9, 17, 0]
