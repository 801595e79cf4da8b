"""What git's history says of a script that the host lacks, on real repositories."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

import pytest

from migops.core.model import Unknown
from migops.sources.git import at_head, git_records
from migops.sources.git_status import GitRecord, GitStatus
from migops.sources.repository import PATHS_AT_ONCE, Unanswered
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


def record(folder: Path, name: str, env: Mapping[str, str] | None = None) -> GitRecord:
    path = folder / "versions" / name
    with mock.patch.dict(os.environ, env or {}):
        return git_records([path])[path]


def command(found: GitRecord) -> tuple[str, ...]:
    """What is printed for the user to type."""
    assert found.remedy is not None
    return found.remedy.command


def type_in(found: GitRecord, *options: str) -> str:
    """Run the printed command as a user would, from a folder that has nothing to do with it."""
    words = command(found)
    assert words[0] == "git"
    return git(Path("/"), *options, *words[1:])


def stand_in(folder: Path, environment: str) -> dict[str, str]:
    """A PATH whose git is the real one, run through `env` with these words."""
    folder.mkdir()
    (folder / "git").write_text(f'#!/bin/sh\nexec env {environment} {shutil.which("git")} "$@"\n')
    (folder / "git").chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def add(folder: Path, name: str) -> None:
    """Commit a script."""
    (folder / "versions" / name).write_text(f"revision = '{name[:3]}'\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", f"add {name[:3]}")


def give_up(folder: Path, name: str) -> None:
    """Commit that a script is deleted."""
    git(folder, "rm", "-q", f"versions/{name}")
    git(folder, "commit", "-q", "-m", f"give up on {name[:3]}")


def sign(folder: Path) -> None:
    """Give the newest commit a signature, which git would show to a program."""
    head, _, message = git(folder, "cat-file", "commit", "HEAD").partition("\n\n")
    signature = "gpgsig -----BEGIN PGP SIGNATURE-----\n \n iQ\n -----END PGP SIGNATURE-----"
    (folder / ".git" / "signed").write_text(f"{head}\n{signature}\n\n{message}\n")
    git(folder, "update-ref", "HEAD", git(folder, "hash-object", "-t", "commit", "-w", ".git/signed"))


def everything(folder: Path) -> dict[str, tuple[float, bytes]]:
    """All files below a folder, with dates and contents."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime, path.read_bytes()) for path in files}


def test_deleted_by_a_commit(repository: Path) -> None:
    git(repository, "rm", "-q", "versions/010.py")
    git(repository, "commit", "-q", "-m", "give up on 010")
    found = record(repository, "010.py")
    assert found.kind is GitStatus.DELETED
    assert found.subject == "give up on 010"
    assert found.commit == git(repository, "rev-parse", "--short", "HEAD")


def test_deleted_in_the_working_tree_only(repository: Path) -> None:
    (repository / "versions" / "010.py").unlink()
    assert record(repository, "010.py").kind is GitStatus.REMOVED_HERE


def test_a_sparse_checkout_leaves_it_out(repository: Path) -> None:
    """Nobody removed it: a build from here would."""
    (repository / "README").write_text("x")
    git(repository, "add", "README")
    git(repository, "commit", "-q", "-m", "readme")
    git(repository, "sparse-checkout", "set", "--cone", "elsewhere")
    assert not (repository / "versions/010.py").exists()
    found = record(repository, "010.py")
    assert (found.kind, found.kind.rebuild_helps, "sparse" in found.reason) == (GitStatus.UNKNOWN, False, True)
    type_in(found)
    assert (repository / "versions/010.py").exists()


def test_never_seen(repository: Path) -> None:
    assert record(repository, "999.py").kind is GitStatus.NEVER


def test_upstream_has_it(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(repository), "clone")
    (repository / "versions" / "011.py").write_text("revision = '011'\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "add 011")
    clone = tmp_path / "clone"
    assert record(clone, "011.py").kind is GitStatus.NEVER, "nothing is fetched: git has not seen it yet"
    git(clone, "fetch", "-q")
    found = record(clone, "011.py")
    assert (found.kind, found.branch) == (GitStatus.UPSTREAM, "origin/main")


def test_deleted_here_and_not_pushed_is_not_upstreams(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(repository), "clone")
    clone = tmp_path / "clone"
    git(clone, "rm", "-q", "versions/010.py")
    git(clone, "commit", "-q", "-m", "give up on 010")
    assert record(clone, "010.py").kind is GitStatus.DELETED


def test_detached_head_falls_back_to_the_remotes_branch(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(repository), "clone")
    clone = tmp_path / "clone"
    git(clone, "checkout", "-q", "--detach")
    (repository / "versions" / "011.py").write_text("revision = '011'\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "add 011")
    git(clone, "fetch", "-q")
    assert record(clone, "011.py").kind is GitStatus.UPSTREAM


def test_shallow_clone_cannot_say(repository: Path, tmp_path: Path) -> None:
    git(repository, "rm", "-q", "versions/010.py")
    git(repository, "commit", "-q", "-m", "give up on 010")
    (repository / "later").write_text("x")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "later")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", "clone")
    found = record(tmp_path / "clone", "010.py")
    assert found.kind is GitStatus.UNKNOWN
    assert "shallow" in found.reason


def test_no_repository_and_no_commits(tmp_path: Path) -> None:
    assert record(tmp_path, "010.py").kind is GitStatus.NO_GIT
    git(tmp_path, "init", "-q")
    assert record(tmp_path, "010.py").kind is GitStatus.NO_GIT


def test_the_versions_folder_is_gone_too(repository: Path) -> None:
    git(repository, "rm", "-q", "-r", "versions")
    git(repository, "commit", "-q", "-m", "all gone")
    assert not (repository / "versions").exists()
    assert record(repository, "010.py").kind is GitStatus.DELETED


def test_a_name_with_pathspec_magic_is_literal(repository: Path) -> None:
    assert record(repository, "*.py").kind is GitStatus.NEVER


def test_asking_writes_nothing(repository: Path) -> None:
    before = everything(repository)
    record(repository, "010.py")
    assert everything(repository) == before


class TestHistory:
    def test_added_and_deleted_on_a_branch_that_was_merged(self, repository: Path) -> None:
        git(repository, "checkout", "-q", "-b", "feature")
        add(repository, "011.py")
        give_up(repository, "011.py")
        git(repository, "checkout", "-q", "main")
        add(repository, "012.py")
        git(repository, "merge", "-q", "--no-ff", "-m", "merge", "feature")
        found = record(repository, "011.py")
        assert (found.kind, found.subject) == (GitStatus.DELETED, "give up on 011")

    def test_dropped_by_the_merge_itself(self, repository: Path) -> None:
        git(repository, "checkout", "-q", "-b", "feature")
        add(repository, "011.py")
        git(repository, "checkout", "-q", "main")
        add(repository, "012.py")
        git(repository, "merge", "-q", "-s", "ours", "-m", "merge without 011", "feature")
        found = record(repository, "011.py")
        assert (found.kind, found.subject) == (GitStatus.DELETED, "merge without 011")

    def test_the_deleting_commit_is_named_not_the_merge_that_brought_it(self, repository: Path) -> None:
        git(repository, "checkout", "-q", "-b", "feature")
        give_up(repository, "010.py")
        git(repository, "checkout", "-q", "main")
        add(repository, "012.py")
        git(repository, "merge", "-q", "--no-ff", "-m", "merge", "feature")
        assert record(repository, "010.py").subject == "give up on 010"

    def test_upstream_has_added_and_deleted_it_meanwhile(self, repository: Path, tmp_path: Path) -> None:
        git(tmp_path, "clone", "-q", str(repository), "clone")
        add(repository, "011.py")
        give_up(repository, "011.py")
        git(tmp_path / "clone", "fetch", "-q")
        found = record(tmp_path / "clone", "011.py")
        assert (found.kind, found.subject) == (GitStatus.DELETED, "give up on 011")

    def test_renamed_scripts_are_two(self, repository: Path) -> None:
        git(repository, "mv", "versions/010.py", "versions/020.py")
        git(repository, "commit", "-q", "-m", "rename 010")
        (repository / "versions/020.py").unlink()
        found = git_records([repository / "versions/010.py", repository / "versions/020.py"])
        assert [(each.kind, each.subject) for each in found.values()] == [
            (GitStatus.DELETED, "rename 010"), (GitStatus.REMOVED_HERE, "rename 010"),
        ]  # fmt: skip

    def test_the_users_settings_change_nothing(self, repository: Path, tmp_path: Path) -> None:
        git(repository, "checkout", "-q", "-b", "feature")
        add(repository, "011.py")
        git(repository, "checkout", "-q", "main")
        git(repository, "merge", "-q", "-s", "ours", "-m", "merge without 011", "feature")
        give_up(repository, "010.py")
        sign(repository)
        plain = [record(repository, name) for name in ("010.py", "011.py")]
        assert {found.kind for found in plain} == {GitStatus.DELETED}
        ran = tmp_path / "ran"
        program = tmp_path / "program"
        program.write_text(f"#!/bin/sh\ntouch {ran}\n")
        program.chmod(0o755)
        (repository / ".gitattributes").write_text("*.py diff=mine\n")
        settings = {
            "log.showSignature": "true", "log.showRoot": "false", "log.follow": "true", "log.date": "relative",
            "log.decorate": "full", "log.diffMerges": "first-parent", "diff.renames": "copies",
            "diff.orderFile": "missing", "diff.relative": "true", "diff.external": str(program),
            "diff.mine.textconv": str(program), "core.fsmonitor": str(program), "core.pager": str(program),
            "gpg.program": str(program), "color.ui": "always", "format.pretty": "oneline", "core.quotePath": "true",
            "i18n.logOutputEncoding": "UTF-16",
        }  # fmt: skip
        for name, value in settings.items():
            git(repository, "config", name, value)
        assert [record(repository, name) for name in ("010.py", "011.py")] == plain
        (repository / "versions" / "001.py").unlink()
        assert record(repository, "001.py").subject == "first", "the root commit counts, log.showRoot or not"
        assert not ran.exists()

    def test_a_name_that_is_not_utf8(self, repository: Path) -> None:
        name = os.fsdecode(b"caf\xe9 \n.py")
        add(repository, name)
        (repository / "versions" / name).unlink()
        found = record(repository, name)
        assert found.kind is GitStatus.REMOVED_HERE
        type_in(found)
        assert (repository / "versions" / name).exists()


class TestNoAnswer:
    """Where git cannot say, nothing is taken for deleted or for never seen."""

    def test_git_is_not_installed(self, repository: Path, tmp_path: Path) -> None:
        found = record(repository, "010.py", {"PATH": str(tmp_path)})
        assert found.kind is GitStatus.UNKNOWN
        assert found.reason == f"{repository} is a git repository, but git is not installed here"
        assert record(tmp_path, "010.py", {"PATH": str(tmp_path)}).kind is GitStatus.NO_GIT

    def test_git_does_not_answer_in_time(self, repository: Path) -> None:
        late = subprocess.TimeoutExpired("git", 60)
        with mock.patch("migops.core.process.subprocess.run", side_effect=late):
            found = record(repository, "010.py")
        assert found.kind is GitStatus.UNKNOWN
        assert found.reason.endswith("did not end within 60 s")

    @pytest.mark.parametrize("lost", ["commit", "tree"])
    def test_a_corrupt_repository(self, repository: Path, lost: str) -> None:
        give_up(repository, "010.py")
        digest = git(repository, "rev-parse", "HEAD~1" if lost == "commit" else "HEAD~1^{tree}")
        (repository / ".git" / "objects" / digest[:2] / digest[2:]).unlink()
        found = record(repository, "010.py")
        assert found.kind is GitStatus.UNKNOWN
        assert digest in found.reason
        assert found.reason.isprintable()

    def test_head_leads_nowhere(self, repository: Path) -> None:
        (repository / ".git" / "refs" / "heads" / "main").write_text("0123456789" * 4 + "\n")
        assert record(repository, "010.py").kind is GitStatus.UNKNOWN

    def test_a_folder_named_git_that_is_no_repository(self, tmp_path: Path) -> None:
        (tmp_path / ".git").mkdir()
        found = record(tmp_path, "010.py")
        assert found.kind is GitStatus.UNKNOWN
        assert "not a git repository" in found.reason

    def test_another_user_owns_it(self, repository: Path, tmp_path: Path) -> None:
        """git's own tests make an owner up with a variable; migops drops it, so a git that sets it stands in."""
        home = tmp_path / "home"
        home.mkdir()
        env = stand_in(tmp_path / "bin", "GIT_TEST_ASSUME_DIFFERENT_OWNER=1") | {"HOME": str(home)}
        found = record(repository, "010.py", env)
        assert found.kind is GitStatus.UNKNOWN
        assert "dubious ownership" in found.reason
        assert found.reason.isprintable()
        assert command(found) == ("git", "config", "--global", "--add", "safe.directory", str(repository))
        with mock.patch.dict(os.environ, env):
            type_in(found)
        assert record(repository, "999.py", env).kind is GitStatus.NEVER

    def test_a_shallow_clone_says_how_it_becomes_whole(self, repository: Path, tmp_path: Path) -> None:
        give_up(repository, "010.py")
        add(repository, "011.py")
        git(tmp_path, "clone", "-q", "--depth", "1", f"file://{repository}", "clone")
        found = record(tmp_path / "clone", "010.py")
        assert command(found) == ("git", "-C", str(tmp_path / "clone"), "fetch", "--unshallow")
        type_in(found)
        assert record(tmp_path / "clone", "010.py").kind is GitStatus.DELETED

    @pytest.mark.parametrize("old", [False, True])
    def test_a_partial_clone_fetches_nothing(self, repository: Path, tmp_path: Path, old: bool) -> None:
        """An old git does not know the variable that forbids it to fetch what it lacks."""
        env = stand_in(tmp_path / "bin", "-u GIT_NO_LAZY_FETCH" if old else "")
        add(repository, "011.py")
        give_up(repository, "010.py")
        git(repository, "config", "uploadpack.allowFilter", "true")
        git(repository, "config", "uploadpack.allowAnySHA1InWant", "true")
        clone = tmp_path / "clone"
        git(tmp_path, "clone", "-q", "--filter=tree:0", f"file://{repository}", "clone")
        before = everything(clone)
        found = record(clone, "010.py", env)
        assert everything(clone) == before
        assert found.kind is GitStatus.UNKNOWN
        assert "partial" in found.reason
        type_in(found)
        assert record(clone, "010.py").kind is GitStatus.DELETED

    def test_a_clone_without_old_contents_needs_none(self, repository: Path, tmp_path: Path) -> None:
        give_up(repository, "010.py")
        git(repository, "config", "uploadpack.allowFilter", "true")
        clone = tmp_path / "clone"
        git(tmp_path, "clone", "-q", "--filter=blob:none", f"file://{repository}", "clone")
        before = everything(clone)
        assert record(clone, "010.py").kind is GitStatus.DELETED
        assert everything(clone) == before


class TestWhichRepository:
    @pytest.fixture
    def project(self, repository: Path, tmp_path: Path) -> Path:
        """A project whose migrations are a submodule."""
        give_up(repository, "010.py")
        folder = tmp_path / "project"
        folder.mkdir()
        git(folder, "init", "-q", "-b", "main")
        git(folder, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repository), "db")
        git(folder, "commit", "-q", "-m", "migrations")
        return folder

    def test_a_submodule_is_asked_itself(self, project: Path) -> None:
        assert record(project / "db", "010.py").subject == "give up on 010"
        (project / "db/versions/001.py").unlink()
        found = record(project / "db", "001.py")
        assert command(found)[:3] == ("git", "-C", str(project / "db"))

    def test_head_of_a_submodule_is_read_there(self, project: Path) -> None:
        read = at_head(project)
        assert callable(read)
        (project / "top.ini").write_text("x")
        git(project, "add", ".")
        git(project, "commit", "-q", "-m", "top")
        tree = read([str(project / "top.ini"), str(project / "db/versions")])
        assert sorted(tree) == [str(project / "db/versions/001.py"), str(project / "top.ini")]
        assert tree[str(project / "db/versions/001.py")].content == b"revision = '001'\n"
        assert sorted(read([str(project / "db")])) == [str(project / "db/versions/001.py")]

    def test_a_submodule_that_is_not_checked_out(self, project: Path, tmp_path: Path) -> None:
        git(tmp_path, "clone", "-q", str(project), "clone")
        found = record(tmp_path / "clone" / "db", "001.py")
        assert found.kind is GitStatus.UNKNOWN
        type_in(found, "-c", "protocol.file.allow=always")
        assert (tmp_path / "clone/db/versions/001.py").exists()

    def test_variables_of_a_hook_lead_nowhere_else(self, repository: Path, tmp_path: Path) -> None:
        other = tmp_path / "other"
        other.mkdir()
        git(other, "init", "-q")
        git(other, "commit", "-q", "--allow-empty", "-m", "other")
        give_up(repository, "010.py")
        inside = {"GIT_DIR": ".git", "GIT_INDEX_FILE": ".git/index", "GIT_OBJECT_DIRECTORY": ".git/objects"}
        env = {name: str(other / path) for name, path in inside.items()}
        env |= {
            "GIT_WORK_TREE": str(other), "GIT_COMMON_DIR": str(other / ".git"), "GIT_NAMESPACE": "other",
            "GIT_GLOB_PATHSPECS": "1", "GIT_TRACE": "1", "GIT_PREFIX": "x/", "GIT_SHALLOW_FILE": str(other / "none"),
        }  # fmt: skip
        assert record(repository, "010.py", env).subject == "give up on 010"

    def test_two_repositories_at_once(self, repository: Path, tmp_path: Path) -> None:
        second = Path(shutil.copytree(repository, tmp_path / "second"))
        give_up(second, "010.py")
        paths = [folder / "versions/010.py" for folder in (repository, second, tmp_path / "none")]
        paths[0].unlink()
        kinds = [found.kind for found in git_records(paths).values()]
        assert kinds == [GitStatus.REMOVED_HERE, GitStatus.DELETED, GitStatus.NO_GIT]

    def test_through_a_symlink(self, repository: Path, tmp_path: Path) -> None:
        give_up(repository, "010.py")
        (tmp_path / "link").symlink_to(repository)
        assert record(tmp_path / "link", "010.py").kind is GitStatus.DELETED

    def test_a_linked_worktree(self, repository: Path, tmp_path: Path) -> None:
        git(repository, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
        give_up(tmp_path / "side", "010.py")
        assert record(tmp_path / "side", "010.py").kind is GitStatus.DELETED
        (repository / "versions/010.py").unlink()
        assert record(repository, "010.py").kind is GitStatus.REMOVED_HERE


class TestWhatToType:
    @pytest.fixture
    def clone(self, repository: Path, tmp_path: Path) -> Path:
        """A clone that is one script behind, and has fetched."""
        git(tmp_path, "clone", "-q", str(repository), "clone")
        add(repository, "011.py")
        git(tmp_path / "clone", "fetch", "-q")
        return tmp_path / "clone"

    def test_a_branch_that_follows_another_is_pulled(self, clone: Path) -> None:
        found = record(clone, "011.py")
        assert command(found) == ("git", "-C", str(clone), "pull", "--ff-only")
        type_in(found)
        assert (clone / "versions/011.py").exists()

    def test_one_that_follows_none_is_merged(self, clone: Path) -> None:
        git(clone, "checkout", "-q", "--no-track", "-b", "mine", "HEAD")
        found = record(clone, "011.py")
        assert command(found) == ("git", "-C", str(clone), "merge", "--ff-only", "origin/main")
        type_in(found)
        assert (clone / "versions/011.py").exists()

    def test_a_branch_whose_upstream_is_gone(self, clone: Path) -> None:
        git(clone, "config", "branch.main.merge", "refs/heads/gone")
        assert command(record(clone, "011.py"))[3:] == ("merge", "--ff-only", "origin/main")

    def test_no_branch_is_checked_out(self, clone: Path) -> None:
        git(clone, "checkout", "-q", "--detach")
        found = record(clone, "011.py")
        assert (found.kind, command(found)) == (GitStatus.UPSTREAM, ())

    def test_a_branch_with_commits_of_its_own(self, clone: Path) -> None:
        add(clone, "012.py")
        found = record(clone, "011.py")
        assert (found.kind, command(found)) == (GitStatus.UPSTREAM, ())

    @pytest.mark.parametrize("staged", [False, True])
    def test_bringing_back_what_the_working_tree_lost(self, repository: Path, staged: bool) -> None:
        if staged:
            git(repository, "rm", "-q", "versions/010.py")
        else:
            (repository / "versions/010.py").unlink()
        type_in(record(repository, "010.py"))
        assert (repository / "versions/010.py").exists()
        assert git(repository, "status", "--short") == ""

    def test_bringing_back_a_name_that_looks_like_a_pattern(self, repository: Path) -> None:
        add(repository, "*.py")
        (repository / "versions/*.py").unlink()
        (repository / "versions/010.py").write_text("edited\n")
        type_in(record(repository, "*.py"))
        assert (repository / "versions/*.py").exists()
        assert (repository / "versions/010.py").read_text() == "edited\n"

    def test_removed_here_though_upstream_has_edited_it(self, repository: Path, tmp_path: Path) -> None:
        git(tmp_path, "clone", "-q", str(repository), "clone")
        (repository / "versions/010.py").write_text("edited\n")
        git(repository, "commit", "-q", "-a", "-m", "edit 010")
        git(tmp_path / "clone", "fetch", "-q")
        (tmp_path / "clone/versions/010.py").unlink()
        assert record(tmp_path / "clone", "010.py").kind is GitStatus.REMOVED_HERE


def test_hundreds_of_scripts_are_a_handful_of_commands(repository: Path, tmp_path: Path) -> None:
    gone = [f"g{number:04}.py" for number in range(PATHS_AT_ONCE + 20)]
    for name in gone:
        (repository / "versions" / name).write_text(f"revision = '{name}'\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "many")
    git(tmp_path, "clone", "-q", str(repository), "clone")
    clone = tmp_path / "clone"
    git(clone, "rm", "-q", *(f"versions/{name}" for name in gone))
    git(clone, "commit", "-q", "-m", "give up on many")
    paths = [clone / "versions" / name for name in (*gone, "999.py")]
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    with mock.patch("migops.core.process.subprocess.run", wraps=subprocess.run) as ran:
        found = git_records(paths)
    assert ran.call_count <= 12
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
    assert took < 5, "seconds of CPU; it was 13 with six commands a script"
    assert [found[path].kind for path in paths] == [GitStatus.DELETED] * len(gone) + [GitStatus.NEVER]


class TestHead:
    def test_the_whole_repository(self, repository: Path) -> None:
        read = at_head(repository)
        assert callable(read)
        assert sorted(read([str(repository)])) == [str(repository / "versions" / name) for name in ("001.py", "010.py")]

    def test_a_lost_object_is_no_answer(self, repository: Path) -> None:
        read = at_head(repository)
        assert callable(read)
        digest = git(repository, "rev-parse", "HEAD:versions/010.py")
        (repository / ".git" / "objects" / digest[:2] / digest[2:]).unlink()
        with pytest.raises(Unanswered, match=r"010\.py"):
            read([str(repository / "versions")])

    def test_git_is_not_installed(self, repository: Path, tmp_path: Path) -> None:
        with mock.patch.dict(os.environ, {"PATH": str(tmp_path)}):
            assert isinstance(at_head(repository), Unknown)
