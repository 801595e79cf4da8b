"""What rescue copies, where to, and what it never does: overwrite, or leave half a file."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from migops.analysis.evidence import Evidence
from migops.commands import rescue
from migops.core.errors import MigopsError, Unavailable
from migops.core.model import Absent, NotAsked, PlaceName, Reading, Unknown
from migops.output import View, render
from migops.sources.container_model import Container
from migops.sources.git_status import GitStatus
from tests.rules.made import FIRST, GHOST, OLD, SECOND, container, evidence, held

LOST = "/app/migrations/versions/009.py"


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations/versions"
    folder.mkdir(parents=True)
    for name, text in SECOND.items():
        (tmp_path / "migrations" / name).write_text(text)
    return folder


def seen(versions: Path, *containers: Container, git_records: dict[str, GitStatus] | None = None) -> Evidence:
    given = evidence(*containers, git_records=git_records)
    places: dict[PlaceName, Reading] = {**given.chain.places, PlaceName.HOST: held(SECOND, str(versions.parent))}
    return replace(given, chain=replace(given.chain, places=places))


def container_only() -> Container:
    return container({**SECOND, **GHOST}, written=[LOST])


def test_beside_its_siblings(versions: Path) -> None:
    copies, left = rescue.plan(seen(versions, container_only()))
    assert [(copy.revision, copy.container, copy.to) for copy in copies] == [("009", "shop-app-1", versions / "009.py")]
    assert left == []
    rescue.write(copies[0])
    assert (versions / "009.py").read_text() == GHOST["versions/009.py"]
    assert sorted(path.name for path in versions.iterdir()) == ["001.py", "002.py", "009.py"], "and nothing else"


def test_what_to_type_with_the_copies(versions: Path) -> None:
    text = render("rescue", rescue.rescue(seen(versions, container_only())), View(width=120))
    assert "read the copies" in text
    assert text.splitlines()[-1].startswith("next   migops doctor")


def test_from_an_old_image_and_from_a_one_off_too(versions: Path) -> None:
    for each in (container(GHOST, image=OLD), container({**SECOND, **GHOST}, written=[LOST], one_off=True)):
        assert [copy.to.name for copy in rescue.plan(seen(versions, each))[0]] == ["009.py"]


def test_two_containers_with_the_same_script_make_one_copy(versions: Path) -> None:
    other = container({**SECOND, **GHOST}, written=[LOST], name="shop-app-2", image=OLD)
    assert len(rescue.plan(seen(versions, container_only(), other))[0]) == 1


def test_two_containers_with_two_texts_of_one_name_make_two(versions: Path) -> None:
    text = GHOST["versions/009.py"] + "# other\n"
    other = container({**SECOND, "versions/009.py": text}, written=[LOST], name="shop-app-2")
    copies, _ = rescue.plan(seen(versions, container_only(), other))
    assert [copy.to.name for copy in copies] == ["009.py", "009.py.rescued"]


@pytest.mark.parametrize("kind", [GitStatus.DELETED, GitStatus.REMOVED_HERE, GitStatus.UPSTREAM])
def test_what_git_has_is_left_and_named(versions: Path, kind: GitStatus) -> None:
    given = seen(versions, container_only(), git_records={"versions/009.py": kind})
    copies, left = rescue.plan(given)
    assert (copies, [each.name for each in left]) == ([], ["versions/009.py"])
    assert "abc1234" in left[0].why
    assert len(rescue.plan(given, everything=True)[0]) == 1


def test_a_script_edited_in_the_container_goes_beside_the_host_s(versions: Path) -> None:
    edited = {**SECOND, "versions/002.py": SECOND["versions/002.py"] + "# edited\n"}
    copies, _ = rescue.plan(seen(versions, container(edited, written=["/app/migrations/versions/002.py"])))
    assert [copy.to.name for copy in copies] == ["002.py.rescued"]
    rescue.write(copies[0])
    assert (versions / "002.py").read_text() == SECOND["versions/002.py"]
    again, left = rescue.plan(seen(versions, container(edited, written=["/app/migrations/versions/002.py"])))
    assert (again, len(left)) == ([], 1)
    assert "already has this copy" in left[0].why


def test_a_file_that_appears_meanwhile_is_not_replaced(versions: Path) -> None:
    copy = rescue.plan(seen(versions, container_only()))[0][0]
    (versions / "009.py").write_text("mine")
    with pytest.raises(MigopsError, match="File exists"):
        rescue.write(copy)
    assert (versions / "009.py").read_text() == "mine"
    assert not [path for path in versions.iterdir() if path.name.endswith(".partial")]


def test_a_link_that_leads_elsewhere_is_not_followed(versions: Path, tmp_path: Path) -> None:
    (versions / "009.py").symlink_to(tmp_path / "elsewhere")
    copies, _ = rescue.plan(seen(versions, container_only()))
    rescue.write(copies[0])
    assert copies[0].to.name == "009.py.rescued"
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_of_the_folder_gets_the_file(versions: Path) -> None:
    os.chown(versions, 1234, 1235)
    copy = rescue.plan(seen(versions, container_only()))[0][0]
    rescue.write(copy)
    info = copy.to.stat()
    assert (info.st_uid, info.st_gid, info.st_mode & 0o777) == (1234, 1235, 0o644)


def test_a_name_cannot_lead_out_of_the_folder(versions: Path) -> None:
    hostile = {**SECOND, "/etc/cron.d/009.py": "revision = '009'\ndown_revision = '001'\n"}
    has = container(SECOND, written=["/etc/cron.d"])
    found = held(hostile, "")
    assert not isinstance(has.found, Unknown)
    moved = replace(has, found=replace(has.found, migrations=found))
    for copy in rescue.plan(seen(versions, moved))[0]:
        assert copy.to.parent == versions


@pytest.mark.parametrize("reading", [Absent("no container"), NotAsked("no project"), Unknown("it hangs")])
def test_nothing_to_look_at_is_no_answer(versions: Path, reading: Reading) -> None:
    given = seen(versions)
    places = {**given.chain.places, PlaceName.CONTAINER: reading}
    with pytest.raises(Unavailable):
        rescue.plan(replace(given, chain=replace(given.chain, places=places)))


def test_nothing_to_rescue(versions: Path) -> None:
    assert rescue.plan(seen(versions, container(SECOND), container(FIRST, name="shop-app-2", image=OLD))) == ([], [])
