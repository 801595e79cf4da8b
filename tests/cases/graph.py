"""Cases in which the history itself is broken."""

from __future__ import annotations

from tests.cases.case import Case
from tests.cases.shop import ENV, READS_INI, Answer, Shop


def two_heads(shop: Shop) -> Answer:
    """Two revisions were merged on the same day."""
    return shop.revision("base").revision("70f00c45c0f2", "base").revision("ec85f2b3c544", "base").image().check()


def parent_that_has_a_child(shop: Shop) -> Answer:
    shop.line("5a1d0c9b8e7f", "736361c89d6a").revision("c4e8a1b2d9f0", "5a1d0c9b8e7f")
    return shop.image().check()


def one_id_twice(shop: Shop) -> Answer:
    """A copied id closes a circle: the second file with it stands above a revision that follows the first."""
    shop.revision("a1b2c3d4e5f7").revision("b2c3d4e5f708", "a1b2c3d4e5f7")
    return shop.revision("a1b2c3d4e5f7", "b2c3d4e5f708", file="copied").image().check()


def file_name_for_an_id(shop: Shop) -> Answer:
    shop.revision("7bcf07ee658e", file="20260621_193547_merge_041_064")
    shop.revision("20260622_001_session_message_source", "20260621_193547_merge_041_064")
    return shop.image().check()


def file_name_as_alembic_says_it(shop: Shop) -> Answer:
    file_name_for_an_id(shop)
    return shop.explain("KeyError: '20260621_193547_merge_041_064'".join((
        '  File "/usr/lib/python3/alembic/script/revision.py", line 246, in _add_branches\n', "\n")))  # fmt: skip


def percent_sign_and_only_the_heads_are_wanted(shop: Shop) -> Answer:
    """A tool that asked Alembic for the heads died of the URL. migops reads the history without it."""
    shop.write("alembic.ini", "[alembic]\nscript_location = migrations\nsqlalchemy.url = postgresql://a:1%2C@db/a\n")
    drawn = shop.line("001", "002").write("migrations/env.py", ENV + READS_INI).run("graph")
    assert drawn.code == 0, drawn.stderr
    assert '"002"' in drawn.stdout
    assert "1%2C" not in drawn.stdout + drawn.stderr
    return shop.image().check()


CASES = (
    Case("13", two_heads, "MIG301", ("host, context and image have 2 heads", "70f00c45c0f2", "ec85f2b3c544"),
         ("write a merge revision", "70f00c45c0f2 and ec85f2b3c544", "docker build .")),
    Case("15", parent_that_has_a_child, "MIG301", ("c4e8a1b2d9f0", "736361c89d6a", "have the parent 5a1d0c9b8e7f"),
         ("write a merge revision", "set its down_revision to the other head instead")),
    Case("17", one_id_twice, "MIG303", ("a1b2c3d4e5f7", "copied.py"), ("id",)),
    Case("18", file_name_for_an_id, "MIG302", ("20260621_193547_merge_041_064", "which has no script"),
         ("that is a file name; the revision in the file is '7bcf07ee658e'",)),
    Case("18b", file_name_as_alembic_says_it, "missing-parent", ("a parent (down_revision) that has no script here",),
         ("the revision in the file is '7bcf07ee658e'",)),
    Case("35", percent_sign_and_only_the_heads_are_wanted, "MIG501", ("sqlalchemy.url",), ("%%",)),
)  # fmt: skip
