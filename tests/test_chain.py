"""Links between places, and the first break that names the cause."""

from __future__ import annotations

import hashlib

from migops.analysis.chain import walk
from migops.core.model import LinkStatus, MigrationFile, MigrationSet, NotAsked, PlaceName, Revision, Unknown

GIT, HOST, CONTEXT, IMAGE = PlaceName.GIT, PlaceName.HOST, PlaceName.CONTEXT, PlaceName.IMAGE


def held(**scripts: str) -> MigrationSet:
    files = {
        f"versions/{name}.py": MigrationFile(
            f"versions/{name}.py", f"/app/{name}.py", hashlib.sha256(text.encode()).hexdigest(), content=text.encode()
        )
        for name, text in scripts.items()
    }
    revisions = tuple(Revision(file.path[5:-3], path=file.path) for file in files.values())
    return MigrationSet(("/app",), files, revisions)


def test_equal_places_have_an_equal_link() -> None:
    chain = walk({HOST: held(a="1"), IMAGE: held(a="1")})
    assert [(link.source, link.target, link.status) for link in chain.links] == [(HOST, IMAGE, LinkStatus.EQUAL)]
    assert chain.rows() == ()


def test_a_place_nobody_asked_for_is_stepped_over() -> None:
    chain = walk({HOST: held(a="1"), CONTEXT: NotAsked(), IMAGE: held(a="1", b="2")})
    assert chain.links[0].only_target == ("versions/b.py",)
    assert len(chain.links) == 1


def test_an_unknown_place_does_not_hide_what_its_neighbours_show() -> None:
    chain = walk({HOST: held(a="1"), CONTEXT: Unknown("a RUN"), IMAGE: held(a="2")})
    assert [(link.source, link.target, link.status) for link in chain.links] == [
        (HOST, CONTEXT, LinkStatus.UNKNOWN),
        (CONTEXT, IMAGE, LinkStatus.UNKNOWN),
        (HOST, IMAGE, LinkStatus.DIFFERS),
    ]
    assert chain.links[2].changed == ("versions/a.py",)


def test_the_first_link_at_which_a_script_changes_names_the_cause() -> None:
    chain = walk({HOST: held(a="1", b="2"), CONTEXT: held(a="1"), IMAGE: held(a="1", c="3")})
    dropped, ghost = chain.first_break("versions/b.py"), chain.first_break("versions/c.py")
    assert dropped is not None
    assert (dropped.source, dropped.target) == (HOST, CONTEXT)
    assert ghost is not None
    assert (ghost.source, ghost.target) == (CONTEXT, IMAGE)
    assert chain.first_break("versions/a.py") is None


def test_a_git_link_never_hides_a_later_one() -> None:
    chain = walk({GIT: held(a="1"), HOST: held(a="2"), IMAGE: held(a="3")})
    broken = chain.first_break("versions/a.py")
    assert broken is not None
    assert (broken.source, broken.target) == (HOST, IMAGE)


def test_a_git_link_is_the_answer_where_it_is_the_only_one() -> None:
    chain = walk({GIT: held(), HOST: held(a="2"), IMAGE: held(a="2")})
    broken = chain.first_break("versions/a.py")
    assert broken is not None
    assert (broken.source, broken.target) == (GIT, HOST)


def test_rows_mark_each_place_against_the_host() -> None:
    (row,) = walk({HOST: held(a="1"), CONTEXT: held(a="1"), IMAGE: held(a="2")}).rows()
    assert row.label == "a"
    assert row.marks == {HOST: "held", CONTEXT: "held", IMAGE: "changed"}
