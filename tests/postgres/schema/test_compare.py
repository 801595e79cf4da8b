"""Comparing schemas, as values: what counts as a difference, and what is only noted."""

from __future__ import annotations

from migops.database.postgres.schema import Item, Schema, Scope, compare, without
from migops.database.postgres.schema.items import head, quote, schema_of

T = "public.product"


def schema(*items: tuple[str, str, str, str]) -> Schema:
    return schema_of(Item(*item) for item in items)


def table(name: str = T, *columns: tuple[str, str]) -> list[tuple[str, str, str, str]]:
    order = ", ".join(column for column, _ in columns)
    return [
        ("table", name, name, "table"),
        *(("column", name, f"{name}.{column}", text) for column, text in columns),
        ("column order", name, name, order),
    ]


PLAIN = table(T, ("id", "integer NOT NULL"), ("title", "text"))
KEY = ("primary key", T, f"{T}.product_pkey", "PRIMARY KEY (id)")
INDEX = ("index", T, "public.ix_title", "CREATE INDEX ix_title ON public.product USING btree (title)")


def test_equal() -> None:
    found = compare(schema(*PLAIN, KEY), schema(KEY, *reversed(PLAIN)))
    assert (found.is_equal, found.distance, found.notes, found.compared) == (True, 0, (), 4)


def test_a_changed_column_has_both_sides() -> None:
    other = table(T, ("id", "integer NOT NULL"), ("title", "character varying(50)"))
    (difference,) = compare(schema(*PLAIN), schema(*other)).differences
    assert difference.expected is not None
    assert difference.found is not None
    assert (difference.item.name, difference.expected.text) == (f"{T}.title", "text")
    assert difference.found.text == "character varying(50)"


def test_the_order_of_columns_is_noted_and_makes_no_difference() -> None:
    other = table(T, ("title", "text"), ("id", "integer NOT NULL"))
    found = compare(schema(*PLAIN), schema(*other))
    assert found.is_equal
    assert found.notes == (f"{T} has its columns in another order: title, id instead of id, title",)
    missing = compare(schema(*PLAIN), schema(*table(T, ("title", "text"))))
    assert (missing.distance, missing.notes) == (1, ())


def test_a_table_on_one_side_is_one_difference_with_all_that_is_its_own() -> None:
    audit = table("public.audit", ("id", "integer"), ("at", "date"))
    for expected, found in ((PLAIN, [*PLAIN, *audit]), ([*PLAIN, *audit], PLAIN)):
        result = compare(schema(*expected), schema(*found))
        (difference,) = result.differences
        assert (difference.item.kind, difference.item.name) == ("table", "public.audit")
        assert [item.name for item in difference.within] == ["public.audit.id", "public.audit.at"]
        assert result.distance == 3
        assert (difference.found is None) == (found is PLAIN)


def test_the_same_key_or_index_under_another_name_is_told_as_renamed() -> None:
    key = ("primary key", T, f"{T}.pk_product", "PRIMARY KEY (id)")
    index = ("index", T, "public.idx", "CREATE INDEX idx ON public.product USING btree (title)")
    unique = ("index", T, "public.idx", "CREATE UNIQUE INDEX idx ON public.product USING btree (title)")
    result = compare(schema(*PLAIN, KEY, INDEX), schema(*PLAIN, key, index))
    assert [each.is_renamed for each in result.differences] == [True, True]
    assert result.distance == 2
    result = compare(schema(*PLAIN, INDEX), schema(*PLAIN, unique))
    assert [each.is_renamed for each in result.differences] == [False, False]


def test_extensions_count_only_where_a_migration_makes_them() -> None:
    extension = ("extension", "", "pg_stat_statements", "")
    extra = compare(schema(*PLAIN), schema(*PLAIN, extension))
    assert extra.is_equal
    assert extra.notes == ("the database has the extension pg_stat_statements, which no migration makes",)
    assert compare(schema(*PLAIN, extension), schema(*PLAIN)).distance == 1


def test_blanks_at_the_ends_of_lines_are_no_difference() -> None:
    view = ("view", "", "public.v", " SELECT 1 AS one;")
    other = ("view", "", "public.v", " SELECT 1 AS one;  \n")
    assert compare(schema(view), schema(other)).is_equal


def test_the_scope_leaves_the_version_table_and_foreign_schemas_out() -> None:
    version = table("public.alembic_version", ("version_num", "character varying(32) NOT NULL"))
    elsewhere = table("other.thing", ("id", "integer"))
    mine = [*PLAIN, ("extension", "", "citext", "")]
    everything = schema(*mine, *version, *elsewhere)
    assert without(everything, Scope(frozenset({"public"}), path=("public",))) == schema(*mine)
    named = Scope(frozenset({"public", "other"}), "thing", "other", ("public",))
    assert without(everything, named) == schema(*mine, *version)


def test_names_as_postgresql_quotes_them() -> None:
    assert [head(name) for name in ("public.a", '"My Own".a', '"a""b.c"."d.e"')] == ["public", "My Own", 'a"b.c']
    assert [quote(name) for name in ("public", "My", 'a"b', "a b", "ä", "_x1")] == [
        "public", '"My"', '"a""b"', '"a b"', '"ä"', "_x1",
    ]  # fmt: skip
