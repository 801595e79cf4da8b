"""The state folder: for its owner alone, and no symlink in it is ever followed for writing."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from migops.commands.backup import store
from migops.commands.backup.identity import Identity
from migops.commands.backup.manifest import Manifest
from migops.core.errors import Aborted
from migops.docker import Engine
from migops.state import journal, state_folder

ENGINE = cast(Engine, SimpleNamespace(id=lambda: "engine"))
PRECIOUS = "precious\n" * 50


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return state_folder.folder(ENGINE, "shop")


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_text(PRECIOUS)
    path.chmod(0o644)
    return path


def modes(path: Path) -> dict[str, int]:
    return {str(each.relative_to(path)): each.lstat().st_mode & 0o777 for each in path.rglob("*")}


def test_everything_is_for_its_owner_alone_whatever_the_umask(folder: Path) -> None:
    before = os.umask(0)
    try:
        state_folder.write_private(folder / "x.yaml", "one")
        with journal.begin(folder, "x"):
            store.folder(folder)
    finally:
        os.umask(before)
    assert modes(folder.parent.parent) == {
        "engine": 0o700, "engine/shop": 0o700, "engine/shop/x.yaml": 0o600, "engine/shop/journal": 0o700,
        "engine/shop/journal/000001.jsonl": 0o600, "engine/shop/backups": 0o700,
    }  # fmt: skip


def test_a_file_is_replaced_with_a_private_one(folder: Path) -> None:
    path = folder / "x.yaml"
    path.write_text("old")
    path.chmod(0o666)
    state_folder.write_private(path, "new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)
    assert [each.name for each in folder.iterdir()] == ["x.yaml"]


def override(folder: Path) -> None:
    state_folder.write_private(folder / "migrate.compose.yaml", "x" * 1000)


def begin(folder: Path) -> None:
    with journal.begin(folder, "x"):
        pass


def accept(folder: Path) -> None:
    manifest = Manifest(
        project="p", service="s", database="d", url="u", server="v", version_table="", revisions=(), tables=0, size=1,
        sha256="", database_size=1, taken_at=datetime.now(timezone.utc), seconds=1.0,
    )  # fmt: skip
    owner = Identity("1", "engine", "p", "db", "p_data", None, None, "d")
    store.accept(folder / "backups/d.dump", manifest, owner)


@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("migrate.compose.yaml", override),
        ("journal", begin),
        ("backups", store.folder),
        ("backups/d.dump.json.partial", accept),
    ],
)
@pytest.mark.parametrize("dangling", [False, True])
def test_a_symlink_is_refused_and_what_it_leads_to_is_as_it_was(
    folder: Path, victim: Path, tmp_path: Path, name: str, act: Callable[[Path], object], dangling: bool
) -> None:
    (folder / "backups").mkdir()
    link, target = folder / name, tmp_path / "nothing" if dangling else victim
    if name == "backups":
        link.rmdir()
    link.symlink_to(target)
    with pytest.raises(Aborted, match="is a symlink"):
        act(folder)
    assert victim.read_text() == PRECIOUS
    assert not (tmp_path / "nothing").exists()
    assert link.is_symlink() or name == "backups/d.dump.json.partial"


@pytest.mark.parametrize("name", ["lock", "migrate.compose.yaml", "journal"])
def test_it_is_found_before_anything_is_done(folder: Path, victim: Path, name: str) -> None:
    (folder / name).symlink_to(victim)
    with pytest.raises(Aborted, match="is a symlink") as caught:
        state_folder.folder(ENGINE, "shop")
    assert str(folder / name) in f"{caught.value} {caught.value.hint}"
    assert victim.read_text() == PRECIOUS


def test_what_a_killed_run_has_half_written_goes_after_an_hour(folder: Path) -> None:
    old, new = folder / ".x.yaml-0123456789ab", folder / ".y.yaml-0123456789ab"
    for path in (old, new):
        path.write_text("half")
    os.utime(old, (0, 0))
    state_folder.folder(ENGINE, "shop")
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize("level", [0, 1])
def test_a_folder_of_it_that_is_a_symlink_is_refused(folder: Path, tmp_path: Path, level: int) -> None:
    found = (folder, folder.parent)[level]
    found.rename(tmp_path / "elsewhere")
    found.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Aborted, match="is a symlink"):
        state_folder.folder(ENGINE, "shop")


def test_a_way_there_that_leads_through_symlinks_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "link"))
    assert state_folder.folder(ENGINE, "shop").resolve().is_relative_to(tmp_path / "real")


def test_an_open_folder_above_is_closed_and_an_open_one_of_a_project_refused(folder: Path) -> None:
    folder.parent.parent.chmod(0o777)
    folder.chmod(0o755)
    state_folder.folder(ENGINE, "shop")
    assert (folder.parent.parent.stat().st_mode & 0o777, folder.stat().st_mode & 0o777) == (0o700, 0o700)
    folder.chmod(0o770)
    with pytest.raises(Aborted, match="can be written by other users") as caught:
        state_folder.folder(ENGINE, "shop")
    assert f"chmod 700 {folder}" in caught.value.hint


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_folder_of_someone_else_is_refused(folder: Path, level: int) -> None:
    os.chown((folder, folder.parent, folder.parent.parent)[level], 12345, -1)
    with pytest.raises(Aborted, match="belongs to another user"):
        state_folder.folder(ENGINE, "shop")
