"""MIG701-706 through `migops status`, on real repositories, image archives and SQLite files: no engine is needed."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.kit import Result, example, git, migops, repository, write_image

VERSIONS = "migrations/versions"
FIRST, SECOND = "3f1c0a7be210", "a94d5e61c8f3"
PRICE = f"{VERSIONS}/{SECOND}_add_price.py"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The clean example in git, its image as an archive beside it, a database at its head."""
    project = repository(example("clean", tmp_path))
    write_image(tmp_path / "app.tar", {"/app": project})
    return project


def status(project: Path, *rows: str, more: Sequence[str] = ()) -> Result:
    path = project.parent / "shop.db"
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE product (id INTEGER)")
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.executemany("INSERT INTO alembic_version VALUES (?)", [(row,) for row in rows or (SECOND,)])
    given = ("--image", "docker-archive:../app.tar", "--database-url", f"sqlite:///{path}", "--format", "json")
    found = migops("status", *given, "--ignore", "MIG0", "--ignore", "MIG1", *more, cwd=project)
    assert found.code in (0, 1), found.stderr
    return found


def only(found: Result) -> dict[str, Any]:
    assert len(found.rules) == 1, [(each["rule"], each["message"]) for each in found.json["findings"]]
    assert found.json["skipped"] == []
    return dict(found.json["findings"][0])


def write(project: Path, name: str, parent: str, folder: str = VERSIONS) -> str:
    path = f"{folder}/{name}_add.py"
    (project / path).write_text(f'"""Add {name}"""\nrevision = "{name}"\ndown_revision = "{parent}"\n')
    return path


def commit(project: Path, message: str) -> str:
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", message)
    return git(project, "rev-parse", "--short", "HEAD")


def command(finding: dict[str, Any], number: int = 0) -> list[str]:
    words: list[str] = finding["remedy"][number]["command"]
    return words


def type_in(words: list[str], *options: str) -> None:
    """Run a printed command as a user would, from a folder that has nothing to do with it."""
    assert words[0] == "git"
    subprocess.run((words[0], *options, *words[1:]), cwd="/", check=True, capture_output=True)


IDENTITY = ("-c", "user.name=T", "-c", "user.email=t@example.invalid", "-c", "core.editor=f() { echo said > $1; }; f")


def test_as_head_has_it_is_no_finding(shop: Path) -> None:
    assert status(shop).rules == []
    script = shop / PRICE
    script.write_bytes(script.read_bytes().replace(b"\n", b"\r\n"))
    assert status(shop).rules == [], "line ends are the checkout's business"


def test_untracked(shop: Path) -> None:
    write(shop, "b7", SECOND)
    write(shop, "b8", "b7")
    found = only(status(shop))
    assert (found["rule"], found["severity"], found["link"]) == ("MIG701", "warning", ["git", "host"])
    assert found["message"] == "2 scripts are not in git: versions/b7_add.py, versions/b8_add.py"
    assert found["facts"]["revisions"] == ["b7", "b8"]
    type_in(command(found))
    assert only(status(shop))["rule"] == "MIG702", "staged is not committed"
    commit(shop, "add them")
    assert status(shop).rules == []


@pytest.mark.parametrize("name", [":colon.py", "st*r.py", "sp ace.py", "-x.py"])
def test_names_that_git_could_take_for_patterns(shop: Path, name: str) -> None:
    for each in (name, "innocent.py"):
        (shop / VERSIONS / each).write_text(f"revision = {each!r}\ndown_revision = {SECOND!r}\n")
    git(shop, "add", f"{VERSIONS}/innocent.py")
    git(shop, "commit", "-q", "-m", "innocent")
    found = only(status(shop, more=("--ignore", "MIG3")))
    assert (found["rule"], found["facts"]["scripts"]) == ("MIG701", [f"versions/{name}"])
    (shop / ".gitignore").write_text(f"{VERSIONS}/*\n")
    found = only(status(shop, more=("--ignore", "MIG3")))
    assert (found["rule"], found["facts"]["scripts"]) == ("MIG703", [f"versions/{name}"])


def test_ignored_by_the_line_that_does(shop: Path) -> None:
    write(shop, "b7", SECOND)
    (shop / ".gitignore").write_text("# nothing\n*.log\n**/versions/b*\n!versions/keep.py\n")
    (shop / ".git/info/exclude").write_text("b8*\n")
    write(shop, "b8", "b7")
    found = status(shop).json["findings"]
    assert {each["rule"] for each in found} == {"MIG703"}
    lines = {(each["facts"]["ignore_file"], each["facts"]["line"], each["facts"]["pattern"]) for each in found}
    assert lines == {(str(shop / ".gitignore"), 3, "**/versions/b*")}, "the line that git itself goes by"
    (shop / ".gitignore").write_text("")
    hidden = {each["rule"]: each["facts"] for each in status(shop).json["findings"]}
    assert hidden["MIG703"]["ignore_file"] == str(shop / ".git/info/exclude")
    assert hidden["MIG701"]["revisions"] == ["b7"]
    git(shop, "add", "-f", VERSIONS)
    assert [each["rule"] for each in status(shop).json["findings"]] == ["MIG702"]


def test_a_tracked_script_is_not_ignored_whatever_the_file_says(shop: Path) -> None:
    (shop / ".gitignore").write_text("*.py\n")
    assert status(shop).rules == []


def test_edited_renamed_and_deleted_but_not_committed(shop: Path) -> None:
    write(shop, "b7", SECOND)
    commit(shop, "add b7")
    path = shop / VERSIONS / "b7_add.py"
    path.write_text(path.read_text() + "# more\n")
    edited = only(status(shop))
    assert (edited["rule"], edited["facts"]["kind"]) == ("MIG702", "edited")
    assert edited["message"] == "versions/b7_add.py is edited, but not committed"
    type_in(command(edited), *IDENTITY)
    assert status(shop).rules == []

    path.rename(path.with_name("b7_renamed.py"))
    renamed = only(status(shop))
    assert (renamed["facts"]["kind"], renamed["facts"]["scripts"]) == ("renamed", ["versions/b7_renamed.py"])
    type_in(command(renamed, 0))
    type_in(command(renamed, 1), *IDENTITY)
    assert status(shop).rules == []
    assert git(shop, "status", "--porcelain") == ""

    path.with_name("b7_renamed.py").unlink()
    deleted = only(status(shop))
    assert deleted["facts"]["kind"] == "deleted"
    type_in(command(deleted, 1))
    assert status(shop).rules == []


def test_a_sparse_checkout_deletes_nothing(shop: Path) -> None:
    write(shop, "b7", SECOND)
    commit(shop, "add b7")
    git(shop, "update-index", "--skip-worktree", f"{VERSIONS}/b7_add.py")
    (shop / VERSIONS / "b7_add.py").unlink()
    assert status(shop).rules == []


def test_deleted_but_applied(shop: Path) -> None:
    """The database stands at a revision that git gave up and that the image still has: a build would strand it."""
    path = write(shop, "b7", SECOND)
    commit(shop, "add b7")
    write_image(shop.parent / "app.tar", {"/app": shop})
    git(shop, "rm", "-q", path)
    given_up = commit(shop, "give up on b7")
    found = only(status(shop, "b7"))
    assert (found["rule"], found["severity"], found["subject"]["revision"]) == ("MIG704", "warning", "b7")
    assert found["message"] == "the database has applied b7 (Add b7), but its script was deleted"
    assert found["cause"].startswith(f"deleted by commit {given_up} of ")
    assert "give up on b7" in found["cause"]
    assert f"downgrade the database to {SECOND} in the image, which still has it" in found["remedy"][-1]["why"]
    assert found["remedy"][-1]["command"] == [], "what loses data is explained, and never a command"
    type_in(command(found))
    assert (shop / path).is_file()
    assert only(status(shop, "b7"))["rule"] == "MIG702", "brought back, and staged"


def test_no_build_is_offered_that_takes_an_applied_script_away(shop: Path) -> None:
    path = write(shop, "b7", SECOND)
    commit(shop, "add b7")
    write_image(shop.parent / "app.tar", {"/app": shop})
    git(shop, "rm", "-q", path)
    commit(shop, "give up on b7")
    arguments = ("--image", "docker-archive:../app.tar", "--format", "json", "--select", "MIG001")
    for row, builds in (("b7", False), (SECOND, True)):
        status(shop, row)
        url = f"sqlite:///{shop.parent}/shop.db"
        (found,) = migops("status", *arguments, "--database-url", url, cwd=shop).json["findings"]
        assert ("the database has applied it" not in found["remedy"][0]["why"]) == builds, found["remedy"]


def test_deleted_but_applied_and_nobody_has_it_any_more(shop: Path) -> None:
    """Two deleted revisions, one upon the other: the row names the last, git knows both."""
    write(shop, "b7", SECOND)
    write(shop, "b8", "b7")
    commit(shop, "add two")
    git(shop, "rm", "-q", "-r", f"{VERSIONS}/b7_add.py", f"{VERSIONS}/b8_add.py")
    commit(shop, "give up on both")
    found = status(shop, "b8").json["findings"]
    assert [(each["rule"], each["subject"]["revision"]) for each in found] == [
        ("MIG404", "b8"), ("MIG704", "b7"), ("MIG704", "b8"),
    ]  # fmt: skip
    assert found[0]["message"] == "the database is at 'b8', and its script is in none of the places read"
    assert "give up on both" in found[0]["cause"]
    type_in(command(found[0]))
    type_in(command(found[1]))
    assert (shop / VERSIONS / "b8_add.py").is_file()
    assert (shop / VERSIONS / "b7_add.py").is_file()


def test_a_parent_that_was_deleted_under_an_applied_revision(shop: Path) -> None:
    write(shop, "b7", SECOND)
    write(shop, "b8", "b7")
    commit(shop, "add two")
    git(shop, "rm", "-q", f"{VERSIONS}/b7_add.py")
    commit(shop, "lose the one in the middle")
    found = status(shop, "b8", more=("--select", "MIG7"))
    assert only(found)["subject"]["revision"] == "b7"


def test_deleted_in_the_working_tree_but_applied(shop: Path) -> None:
    path = write(shop, "b7", SECOND)
    commit(shop, "add b7")
    (shop / path).unlink()
    found = only(status(shop, "b7", more=("--select", "MIG7")))
    assert (found["rule"], "HEAD still has it" in found["cause"]) == ("MIG704", True)
    type_in(command(found))
    assert (shop / path).is_file()


def test_deleted_by_a_merge_alone(shop: Path) -> None:
    path = write(shop, "b7", SECOND)
    commit(shop, "add b7")
    git(shop, "checkout", "-q", "-b", "side", "HEAD~1")
    (shop / "README.md").write_text("side")
    commit(shop, "side")
    git(shop, "checkout", "-q", "main")
    git(shop, "merge", "-q", "--no-commit", "side")
    git(shop, "rm", "-q", path)
    commit(shop, "merge, and lose b7")
    found = next(each for each in status(shop, "b7").json["findings"] if each["rule"] == "MIG704")
    assert "merge, and lose b7" in found["cause"]
    assert command(found)[3] == "log", "which of its parents has it, no one command can know"


def test_a_shallow_clone_cannot_tell_what_was_deleted(shop: Path, tmp_path: Path) -> None:
    path = write(shop, "b7", SECOND)
    commit(shop, "add b7")
    git(shop, "rm", "-q", path)
    commit(shop, "give up")
    (shop / "README.md").write_text("later")
    commit(shop, "later")
    (tmp_path / "ci").mkdir()
    git(tmp_path / "ci", "clone", "-q", "--depth", "1", f"file://{shop}", "clone")
    write_image(tmp_path / "ci/app.tar", {"/app": shop})
    found = status(tmp_path / "ci/clone", "b7")
    assert "MIG404" in found.rules
    (skipped,) = [each["reason"] for each in found.json["skipped"] if each["rule"] == "MIG704"]
    assert "shallow" in skipped


def test_edited_after_applied_in_a_commit(shop: Path) -> None:
    script = shop / PRICE
    script.write_text(script.read_text().replace("price", "cost"))
    edit = commit(shop, "cost, not price")
    found = only(status(shop))
    assert (found["rule"], found["severity"]) == ("MIG705", "warning")
    assert "differs between the host and image" in found["message"]
    assert f"commit {edit} of " in found["cause"]
    assert command(found)[3:5] == ["show", edit]
    assert status(shop, FIRST, more=("--ignore", "MIG4")).rules == [], "not applied yet: it may be edited"


def test_edited_after_applied_and_not_committed(shop: Path) -> None:
    script = shop / PRICE
    script.write_text(script.read_text().replace("price", "cost"))
    found = only(status(shop))
    assert found["facts"]["differs_in"] == ["git", "image"]
    assert command(found)[3:] == ["diff", "HEAD", "--", PRICE]
    type_in(command(found))
    waiting = only(status(shop, FIRST, more=("--ignore", "MIG4")))
    assert (waiting["rule"], waiting["facts"]["kind"]) == ("MIG702", "edited")


def test_behind_upstream(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    git(tmp_path / "b", "clone", "-q", str(shop), "clone")
    clone = tmp_path / "b/clone"
    write_image(tmp_path / "b/app.tar", {"/app": shop})
    write(shop, "b7", SECOND)
    script = shop / PRICE
    script.write_text(script.read_text() + "# mended\n")
    (shop / "README.md").write_text("no migration")
    commit(shop, "add b7, mend price")
    assert status(clone).rules == [], "nothing is fetched"
    git(clone, "fetch", "-q")
    write(clone, "c1", SECOND)
    commit(clone, "of our own")
    found = only(status(clone, more=("--ignore", "MIG3")))
    assert (found["rule"], found["facts"]["upstream"]) == ("MIG706", "origin/main")
    assert found["facts"]["scripts"] == [PRICE, f"{VERSIONS}/b7_add.py"]
    assert "2 migration scripts" in found["message"]
    assert "merge or rebase" in found["remedy"][0]["why"]
    git(clone, "reset", "-q", "--hard", "HEAD~1")
    found = only(status(clone))
    type_in(command(found))
    assert "MIG706" not in status(clone).rules


def test_no_repository_is_no_finding(tmp_path: Path) -> None:
    project = example("clean", tmp_path)
    write_image(tmp_path / "app.tar", {"/app": project})
    found = status(project)
    assert (found.rules, found.json["skipped"]) == ([], [])


def test_a_git_that_cannot_say_is_told(shop: Path) -> None:
    write(shop, "b7", SECOND)
    (shop / ".git/index").write_bytes(b"nonsense")
    skipped = {each["rule"]: each["reason"] for each in status(shop).json["skipped"]}
    assert skipped.keys() == {"MIG701", "MIG702", "MIG703", "MIG706"}
    assert "index" in skipped["MIG701"]


def test_git_is_left_as_it_was(shop: Path) -> None:
    def everything() -> dict[str, tuple[float, bytes]]:
        files = [path for path in (shop / ".git").rglob("*") if path.is_file()]
        return {str(path): (path.stat().st_mtime, path.read_bytes()) for path in files}

    write(shop, "b7", SECOND)
    script = shop / PRICE
    script.write_text(script.read_text().replace("price", "cost"))
    before = everything()
    status(shop)
    status(shop, "ffff")
    assert everything() == before


def test_check_image_does_not_ask_gits_head(shop: Path) -> None:
    """It is the gate from host to container, and stays as quick as that."""
    write(shop, "b7", SECOND)
    write_image(shop.parent / "app.tar", {"/app": shop})
    found = migops("check-image", "--image", "docker-archive:../app.tar", "--format", "json", cwd=shop)
    assert (found.code, found.rules) == (0, [])
    assert [each["place"] for each in found.json["places"]] == ["host", "context", "image", "container"]


def test_a_configuration_that_names_a_path_of_the_container(shop: Path) -> None:
    """What is at /app/migrations in the container is what HEAD has where the build takes that from."""
    ini = shop / "alembic.ini"
    ini.write_text(ini.read_text().replace("script_location = migrations", "script_location = /app/migrations"))
    commit(shop, "an absolute path")
    write_image(shop.parent / "app.tar", {"/app": shop})
    found = status(shop)
    assert found.json["heads"]["git"] == [SECOND], found.json["places"][0]
    assert found.rules == []
    write(shop, "b7", SECOND)
    untracked = only(status(shop))
    assert (untracked["rule"], untracked["facts"]["revisions"]) == ("MIG701", ["b7"])
    type_in(command(untracked))


def test_migrations_in_a_submodule(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "part").mkdir()
    scripts = repository(Path(shutil.copytree(shop / "migrations", tmp_path / "part/migrations")))
    git(shop, "rm", "-q", "-r", "migrations")
    git(shop, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(scripts), "migrations")
    commit(shop, "the migrations are a submodule")
    assert status(shop).rules == []
    write(shop, "b7", SECOND)
    found = only(status(shop))
    assert (found["rule"], found["facts"]["repository"]) == ("MIG701", str(shop / "migrations"))
    type_in(command(found))
    assert only(status(shop))["rule"] == "MIG702"


def test_through_a_linked_project_folder(shop: Path, tmp_path: Path) -> None:
    write(shop, "b7", SECOND)
    (tmp_path / "link").symlink_to(shop)
    found = status(tmp_path / "link")
    assert [each["facts"]["revisions"] for each in found.json["findings"]] == [["b7"]]
    type_in(command(only(found)))


def test_heads_that_only_git_has_go_with_the_printed_commit(shop: Path) -> None:
    write(shop, "b7", SECOND)
    write(shop, "c8", SECOND)
    commit(shop, "two heads")
    path = shop / f"{VERSIONS}/m9_merge.py"
    path.write_text('"""Join"""\nrevision = "m9"\ndown_revision = ("b7", "c8")\n')
    found = next(each for each in status(shop, "m9").json["findings"] if each["rule"] == "MIG301")
    assert found["facts"]["places"] == ["git"]
    for step in found["remedy"]:
        git(shop, *step["command"][1:])
    assert "MIG301" not in status(shop, "m9").rules
    assert git(shop, "status", "--porcelain") == ""
