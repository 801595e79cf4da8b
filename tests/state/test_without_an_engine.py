"""``log``, ``backup --list`` and ``rescue`` while no Docker answers: what is on disk is shown, the rest is unknown."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from migops.docker import Engine
from migops.state import journal, state_folder
from tests.kit import NO_ENGINE, Result, example, migops

WHY = "cannot reach Docker at unix:///nowhere/docker.sock"


def engine(name: str) -> Engine:
    return cast(Engine, SimpleNamespace(id=lambda: name))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return example("clean", tmp_path)


def ran(name: str, command: str, project: str = "shop") -> Path:
    folder = state_folder.folder(engine(name), project)
    with journal.begin(folder, command, ["app"]) as log:
        log.note("backup", "done", database="shop")
    return folder


def named(project: Path, *arguments: str) -> Result:
    return migops(*arguments, "-p", "shop", cwd=project)


def test_the_log_of_the_only_engine(project: Path) -> None:
    folder = ran("one", "backup")
    ended = named(project, "log")
    assert ended.code == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert WHY in " ".join(ended.stdout.split())
    assert any(str(folder) in line for line in lines)
    (row,) = (line for line in lines if "backup app" in line)
    assert "engine one" not in row, "there is only one"
    assert sum("unknown: Docker was not asked" in line for line in lines) == 2, "of the engine and of the database"
    assert any(line.startswith("host lock") and line.endswith("not held") for line in lines), "the kernel knows that"


def test_the_log_of_several_engines_says_which_and_leaves_out_other_projects(project: Path) -> None:
    ran("one", "backup")
    ran("two", "restore")
    ran("two", "adopt", "other")
    listed = " ".join(named(project, "log").stdout.split())  # lines end where the terminal ends
    assert re.findall(r"\(engine (\w+)\)", listed) == ["one", "two"]
    assert "adopt" not in listed
    shown = named(project, "log", "1").stdout
    assert "engine one\n" in shown
    assert "engine two\n" in shown
    assert shown.count("run 1:") == 2


def test_a_run_that_is_not_there(project: Path) -> None:
    ran("one", "backup")
    ended = named(project, "log", "7")
    assert (ended.code, "shop has no run 7: runs 1 to 1 exist" in ended.stderr) == (2, True)


@pytest.mark.parametrize("command", [("log",), ("backup", "--list")])
def test_nothing_on_disk_is_no_answer(project: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    ran("one", "backup", "other")
    ended = named(project, *command)
    assert (ended.code, ended.stdout) == (3, "")
    assert f" of shop in {tmp_path}/state/migops, and {WHY}" in ended.stderr


def test_the_log_as_json(project: Path) -> None:
    folder = ran("one", "backup")
    document = named(project, "log", "--format", "json").json
    assert (document["runs"][0]["engine"], document["runs"][0]["command"]) == ("one", "backup")
    assert document["docker"]["folders"] == [str(folder)]
    assert document["locks"]["engine"] is None
    assert WHY in document["locks"]["engine_unknown"]
    assert WHY in document["locks"]["database"]["unknown"]


def test_unlock_still_needs_the_engine(project: Path) -> None:
    ran("one", "backup")
    assert named(project, "log", "--unlock", "--yes").code == 3


def test_a_service_that_does_not_exist_is_still_an_error(project: Path) -> None:
    ran("one", "backup")
    assert migops("log", "-p", "shop", "nosuch", cwd=project).code == 2
    assert migops("backup", "--list", "-p", "shop", "nosuch", cwd=project).code == 2


def test_backups_of_every_engine_by_folder(project: Path) -> None:
    for name in ("one", "two"):
        folder = state_folder.folder(engine(name), "shop") / "backups"
        folder.mkdir()
        (folder / f"shop-{name}.dump").write_bytes(b"PGDMP")
    ended = named(project, "backup", "--list")
    assert (ended.code, ended.stderr) == (0, "")
    text = " ".join(ended.stdout.split())
    assert WHY in text
    assert text.index("one/shop/backups") < text.index("shop-one.dump") < text.index("two/shop/backups")
    assert text.index("two/shop/backups") < text.index("shop-two.dump")
    document = named(project, "backup", "--list", "--format", "json").json
    assert [Path(each["path"]).name for each in document["backups"]] == ["shop-one.dump", "shop-two.dump"]
    assert len(document["docker"]["folders"]) == 2


def test_a_new_backup_still_needs_the_engine(project: Path) -> None:
    assert named(project, "backup").code == 3


def test_rescue_lists_archived_scripts_that_the_host_does_not_have(project: Path) -> None:
    host = next(path for path in sorted(project.rglob("versions/*.py")))
    archive = state_folder.folder(engine("one"), "shop") / "scripts" / "20260101"
    archive.mkdir(parents=True)
    (archive / "old.py").write_text("revision = 'old'\ndown_revision = None\n")
    (archive / host.name).write_bytes(host.read_bytes())
    ended = named(project, "rescue")
    assert ended.code == 3, "what the containers hold is not known"
    assert WHY in ended.stdout
    assert str(archive / "old.py") in ended.stdout
    assert host.name not in ended.stdout, "the host has it"
    document = named(project, "rescue", "--format", "json").json
    assert document["archived"] == [str(archive / "old.py")]
    assert WHY in document["unread"]


def test_rescue_with_nothing_on_disk_says_why_it_cannot_tell(project: Path) -> None:
    ended = named(project, "rescue")
    assert (ended.code, ended.stdout) == (3, "")
    assert WHY in ended.stderr


def test_nothing_is_created_by_looking(project: Path, tmp_path: Path) -> None:
    for command in (("log",), ("backup", "--list"), ("rescue",)):
        named(project, *command)
    assert not (tmp_path / "state").exists()
    assert NO_ENGINE["DOCKER_HOST"] in WHY
