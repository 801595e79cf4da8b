"""The SQL by which databases change names, and what is carried over, as text."""

from __future__ import annotations

import pytest

from migops.database.postgres import swap_statements
from migops.database.postgres.swap_statements import Grant, Properties, Setting

PLAIN = Properties(
    oid=1, owner="keeper", encoding="UTF8", collate="C.UTF-8", ctype="C.UTF-8", tablespace="pg_default", limit=-1
)


def test_names_and_texts_are_quoted() -> None:
    assert swap_statements.identifier('a"b') == '"a""b"'
    assert swap_statements.literal("it's") == "'it''s'"
    assert swap_statements.literal("a\\b'") == "E'a\\\\b'''"
    assert swap_statements.rename("a", 'b"') == 'ALTER DATABASE "a" RENAME TO "b"""'
    assert "datname IN ($$a$$, '$$; DROP')" in swap_statements.end_sessions("a", "$$; DROP")


def test_the_names_of_the_other_databases_fit() -> None:
    assert swap_statements.beside("shop", "old", "20261124T101222") == "shop_migops_old_20261124T101222"
    for name in ("s" * 63, "ü" * 31):
        found = swap_statements.beside(name, "restore", "20261124T101222")
        assert len(found.encode()) <= 63
        assert found.endswith("_migops_restore_20261124T101222")


def test_an_empty_database_like_the_one_that_is_there() -> None:
    assert swap_statements.create("new", PLAIN) == (
        'CREATE DATABASE "new" TEMPLATE template0 OWNER "keeper" ENCODING \'UTF8\' '
        "LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8' TABLESPACE \"pg_default\" CONNECTION LIMIT -1"
    )
    assert swap_statements.create("new", None) == 'CREATE DATABASE "new" TEMPLATE template0'


@pytest.mark.parametrize(
    ("provider", "words"),
    [
        ("c", "LOCALE_PROVIDER libc TABLESPACE"),
        ("i", "LOCALE_PROVIDER icu ICU_LOCALE 'de'"),
        ("b", "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'de'"),
    ],
)
def test_the_locales_provider(provider: str, words: str) -> None:
    like = Properties(
        **{**{name: getattr(PLAIN, name) for name in PLAIN.__slots__}, "provider": provider, "locale": "de"}
    )
    assert words in swap_statements.create("new", like)


def test_rights_and_settings() -> None:
    like = Properties(
        **{
            **{name: getattr(PLAIN, name) for name in PLAIN.__slots__},
            "grants": (Grant("", "TEMPORARY"), Grant("reader", "CONNECT", True)),
            "settings": (Setting("", "search_path", '"$user", public'), Setting("reader", "app.tenant", "it's")),
            "comment": "ours",
        }
    )
    assert list(swap_statements.carry_over("new", like)) == [
        'REVOKE ALL ON DATABASE "new" FROM PUBLIC, "keeper"',
        'GRANT TEMPORARY ON DATABASE "new" TO PUBLIC',
        'GRANT CONNECT ON DATABASE "new" TO "reader" WITH GRANT OPTION',
        "ALTER DATABASE \"new\" SET \"search_path\" TO '$user', 'public'",
        'ALTER ROLE "reader" IN DATABASE "new" SET "app.tenant" TO \'it\'\'s\'',
        "COMMENT ON DATABASE \"new\" IS 'ours'",
    ]
    assert list(swap_statements.carry_over("new", PLAIN)) == [], "rights that were never touched are the server's own"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('"$user", public', ["$user", "public"]),
        ('"a""b, c",d', ['a"b, c', "d"]),
        ('""', [""]),
        ("", []),
        ("one", ["one"]),
    ],
)
def test_lists_of_names(text: str, names: list[str]) -> None:
    assert list(swap_statements.names(text)) == names


def test_the_way_back() -> None:
    assert swap_statements.back("shop", "kept", "aside") == (
        'ALTER DATABASE "kept" ALLOW_CONNECTIONS false',  # fails first if it is typed twice
        'ALTER DATABASE "shop" ALLOW_CONNECTIONS false',
        swap_statements.end_sessions("shop", "kept"),
        'BEGIN; ALTER DATABASE "shop" RENAME TO "aside"; ALTER DATABASE "kept" RENAME TO "shop"; COMMIT',
        'ALTER DATABASE "shop" ALLOW_CONNECTIONS true',
    )
