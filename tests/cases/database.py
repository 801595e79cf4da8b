"""Cases in which the database stands elsewhere than the image: older, newer, or at what nobody has."""

from __future__ import annotations

from tests.cases.case import Case
from tests.cases.shop import Answer, Shop
from tests.kit import git

OLD_IMAGE = ("the image is older than the database",)


def older_image_came_back(shop: Shop) -> Answer:
    """restart: unless-stopped brought the container back on the image of before."""
    shop.line("20260901_0101").image()
    return shop.line("20260901_0101", "20260918_0317").committed().database("20260918_0317").status()


def gone_back_a_version(shop: Shop) -> Answer:
    """The newer version had migrated; then the older one was started."""
    shop.line("153a00000015").image().line("153a00000015", "08ec4f75af5e").database("08ec4f75af5e")
    return shop.explain("ERROR [flask_migrate] Error: Can't locate revision identified by '08ec4f75af5e'")


def overlapping_rows(shop: Shop) -> Answer:
    shop.line("a095bd179f5c", "b0eaee37b545").image().database("a095bd179f5c", "b0eaee37b545")
    return shop.status()


def history_was_rewritten(shop: Shop) -> Answer:
    """A fresh clone, and the volume of a database that had the revisions of before."""
    return shop.line("4be61f0c2d11").committed().image().database("119709b3f9bb").status()


def history_was_rewritten_as_alembic_says_it(shop: Shop) -> Answer:
    history_was_rewritten(shop)
    return shop.explain("FAILED: Can't locate revision identified by '119709b3f9bb'")


def upstream_has_the_revision(shop: Shop) -> Answer:
    """The image and this clone are behind; the database has had what upstream has."""
    shop.line("1d03ec000001").committed()
    clone = Shop(shop.folder.with_name("clone"))
    git(shop.folder.parent, "clone", "-q", str(shop.folder), str(clone.folder))
    shop.line("1d03ec000001", "2f3ffe88be6b").committed()
    git(clone.folder, "fetch", "-q")
    return clone.image().database("2f3ffe88be6b").status()


def behind_says_the_old_program(shop: Shop) -> Answer:
    """`current != head` was taken for behind; the database was ahead."""
    return shop.line("a1").image().line("a1", "b2", "c3").database("c3").status()


def tables_of_create_all(shop: Shop) -> Answer:
    shop.line("price_levels_1").image().database(tables=("price_levels", "product"), version_table=False)
    return shop.status()


def tables_of_create_all_as_the_driver_says_it(shop: Shop) -> Answer:
    tables_of_create_all(shop)
    return shop.explain('psycopg.errors.DuplicateTable: relation "price_levels" already exists')


CASES = (
    Case("2", older_image_came_back, "MIG403", (*OLD_IMAGE, "git, host and context have 20260918_0317"),
         ("docker build .",), never=("MIG402", "MIG404")),
    Case("9", gone_back_a_version, "unknown-revision", ("MIG403", *OLD_IMAGE), ("docker compose build app",)),
    Case("19", overlapping_rows, "MIG405", ("a095bd179f5c", "b0eaee37b545"), ("stamp --purge b0eaee37b545",)),
    Case("28", history_was_rewritten, "MIG404", ("119709b3f9bb", "not found in context, git, host and image"),
         ("git log --all --oneline -S119709b3f9bb",), never=("MIG402", "MIG403")),
    Case("28b", history_was_rewritten_as_alembic_says_it, "unknown-revision", ("none of the places", "119709b3f9bb"),
         ("git log --all",)),
    Case("29", upstream_has_the_revision, "MIG404", ("2f3ffe88be6b",), ("pull --ff-only",), never=("MIG402",)),
    Case("38", behind_says_the_old_program, "MIG403", (*OLD_IMAGE, "the image ends at a1"),
         ("docker build .",), never=("MIG402",)),
    Case("30", tables_of_create_all, "MIG401", ("2 tables: price_levels, product",), ("--sql", "with Alembic's stamp")),
    Case("30b", tables_of_create_all_as_the_driver_says_it, "table-exists", ("create_all", "MIG401"),
         ("with Alembic's stamp",)),
)  # fmt: skip
