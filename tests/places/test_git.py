"""What git's history says of a script that the host lacks, on real repositories."""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.places.git import FateKind, fates
from tests.kit import git


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    (folder / "versions").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "versions" / "001.py").write_text("revision = '001'\n")
    (folder / "versions" / "010.py").write_text("revision = '010'\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def fate(folder: Path, name: str):
    path = folder / "versions" / name
    return fates([path])[path]


def test_deleted_by_a_commit(repository: Path) -> None:
    git(repository, "rm", "-q", "versions/010.py")
    git(repository, "commit", "-q", "-m", "give up on 010")
    found = fate(repository, "010.py")
    assert found.kind is FateKind.DELETED
    assert found.subject == "give up on 010"
    assert found.commit == git(repository, "rev-parse", "--short", "HEAD")


def test_deleted_in_the_working_tree_only(repository: Path) -> None:
    (repository / "versions" / "010.py").unlink()
    assert fate(repository, "010.py").kind is FateKind.REMOVED_HERE


def test_never_seen(repository: Path) -> None:
    assert fate(repository, "999.py").kind is FateKind.NEVER


def test_upstream_has_it(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(repository), "clone")
    (repository / "versions" / "011.py").write_text("revision = '011'\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "add 011")
    clone = tmp_path / "clone"
    assert fate(clone, "011.py").kind is FateKind.NEVER, "nothing is fetched: git has not seen it yet"
    git(clone, "fetch", "-q")
    found = fate(clone, "011.py")
    assert (found.kind, found.branch) == (FateKind.UPSTREAM, "origin/main")


def test_deleted_here_and_not_pushed_is_not_upstreams(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(repository), "clone")
    clone = tmp_path / "clone"
    git(clone, "rm", "-q", "versions/010.py")
    git(clone, "commit", "-q", "-m", "give up on 010")
    assert fate(clone, "010.py").kind is FateKind.DELETED


def test_detached_head_falls_back_to_the_remotes_branch(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(repository), "clone")
    clone = tmp_path / "clone"
    git(clone, "checkout", "-q", "--detach")
    (repository / "versions" / "011.py").write_text("revision = '011'\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "add 011")
    git(clone, "fetch", "-q")
    assert fate(clone, "011.py").kind is FateKind.UPSTREAM


def test_shallow_clone_cannot_say(repository: Path, tmp_path: Path) -> None:
    git(repository, "rm", "-q", "versions/010.py")
    git(repository, "commit", "-q", "-m", "give up on 010")
    (repository / "later").write_text("x")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "later")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", "clone")
    found = fate(tmp_path / "clone", "010.py")
    assert found.kind is FateKind.UNKNOWN
    assert "shallow" in found.reason


def test_no_repository_and_no_commits(tmp_path: Path) -> None:
    assert fate(tmp_path, "010.py").kind is FateKind.NO_GIT
    git(tmp_path, "init", "-q")
    assert fate(tmp_path, "010.py").kind is FateKind.NO_GIT


def test_the_versions_folder_is_gone_too(repository: Path) -> None:
    git(repository, "rm", "-q", "-r", "versions")
    git(repository, "commit", "-q", "-m", "all gone")
    assert not (repository / "versions").exists()
    assert fate(repository, "010.py").kind is FateKind.DELETED


def test_a_name_with_pathspec_magic_is_literal(repository: Path) -> None:
    assert fate(repository, "*.py").kind is FateKind.NEVER


def test_asking_leaves_the_index_alone(repository: Path) -> None:
    index = repository / ".git" / "index"
    before = (index.stat().st_mtime_ns, index.read_bytes())
    fate(repository, "010.py")
    assert (index.stat().st_mtime_ns, index.read_bytes()) == before
