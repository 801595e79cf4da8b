"""The commit that the plan prints commits the edited files, works as typed, and touches nothing else."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from migops.core.terminal import shell_line
from migops.sources.git_commit import commit_of, commit_of_new
from tests.kit import git, repository


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "my shop"
    (folder / "app").mkdir(parents=True)
    for name in ("app/alembic.ini", "app/env.py", "main.py"):
        (folder / name).write_text("one\n")
    repository(folder)
    git(folder, "config", "user.name", "T")
    git(folder, "config", "user.email", "t@example.invalid")
    return folder


def typed(command: tuple[str, ...], cwd: Path) -> None:
    subprocess.run(shlex.split(shell_line(command)), cwd=cwd, check=True, capture_output=True)


def edited(*files: Path) -> None:
    for file in files:
        file.write_text("two\n")


@pytest.mark.parametrize("below", ["", "app", "..", "../elsewhere"])
def test_it_works_in_any_folder_and_leaves_all_else(shop: Path, below: str) -> None:
    ini = shop / "app/alembic.ini"
    edited(shop / "main.py")
    git(shop, "add", "main.py")  # staged by somebody: not a part of this commit
    cwd = shop / below
    cwd.mkdir(exist_ok=True)
    commit = commit_of([ini], cwd)
    assert commit is not None
    assert commit.why == "only this is committed: git has changes in 1 other file, which stay as they are"
    assert ("-C" in commit.command) == (".." in below)
    edited(ini)
    typed(commit.command, cwd)
    assert git(shop, "show", "--name-only", "--format=%s") == "Fix alembic.ini\n\napp/alembic.ini"
    assert git(shop, "status", "--porcelain") == "M  main.py"


def test_a_clean_tree_needs_no_remark_and_several_files_are_one_commit(shop: Path) -> None:
    files = [shop / "app/alembic.ini", shop / "app/env.py"]
    commit = commit_of([*files, shop / "new.py"], shop)
    assert commit is not None
    assert commit.why == ""
    edited(*files, shop / "new.py")
    typed(commit.command, shop)
    assert git(shop, "status", "--porcelain") == "?? new.py"


def test_there_is_none_for_what_git_does_not_follow(shop: Path, tmp_path: Path) -> None:
    edited(shop / "new.py")
    assert commit_of([shop / "new.py"], shop) is None
    assert commit_of([tmp_path / "alembic.ini"], tmp_path) is None


def test_a_merge_in_progress_comes_first(shop: Path) -> None:
    git(shop, "checkout", "-q", "-b", "other")
    edited(shop / "main.py")
    git(shop, "commit", "-q", "-am", "theirs")
    git(shop, "checkout", "-q", "main")
    (shop / "main.py").write_text("three\n")
    git(shop, "commit", "-q", "-am", "ours")
    merge = subprocess.run(("git", "merge", "other"), cwd=shop, capture_output=True, check=False)
    assert merge.returncode == 1
    commit = commit_of([shop / "app/alembic.ini"], shop)
    assert commit is not None
    assert commit.command == ()
    assert commit.why.startswith("finish the merge that is in progress")


@pytest.mark.parametrize("place", ["top", "below", "elsewhere"])
@pytest.mark.parametrize("ignore", ["", "versions/*\n"])
def test_the_printed_commit_of_a_new_file_works_as_typed(place: str, ignore: str, tmp_path: Path) -> None:
    script = tmp_path / "a project/versions/001 add.py"
    script.parent.mkdir(parents=True)
    folder = tmp_path / "a project"
    (folder / ".gitignore").write_text(ignore)
    repository(folder)
    script.write_text("revision = '001'")
    here = {"top": folder, "below": script.parent, "elsewhere": tmp_path}[place]
    commands = commit_of_new([script], "Add a table", here)
    assert ("-f" in commands[0]) == bool(ignore)
    for command in commands:
        git(here, *command[1:])
    assert git(folder, "show", "--name-only", "--format=%s").split("\n") == ["Add a table", "", "versions/001 add.py"]
    assert git(folder, "status", "--porcelain", "-uall") == "", "nothing else"


def test_no_commit_of_a_new_file_without_git(tmp_path: Path) -> None:
    assert commit_of_new([tmp_path / "a.py"], "Add it", tmp_path) == ()
