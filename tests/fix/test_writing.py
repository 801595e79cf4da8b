"""Which files are refused, and how one is written: by the functions themselves."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from migops.commands.fix import earlier, saved, writing
from migops.commands.fix.model import FileEdit
from migops.core.errors import Aborted
from migops.output.fix_diff import diff


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "a").write_bytes(b"old")
    return folder


def edit(root: Path, name: str = "a", before: bytes | None = b"old", after: bytes | None = b"new") -> FileEdit:
    return FileEdit(root / name, before, after)


def refused(root: Path, made: FileEdit) -> str:
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    with pytest.raises(Aborted) as stopped:
        writing.refuse(made, root)
    assert before == {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return str(stopped.value)


def test_what_is_refused(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writing.refuse(edit(root), root)
    assert "was changed since" in refused(root, edit(root, before=b"other"))
    assert "exists by now" in refused(root, edit(root, before=None))
    assert "cannot be read any more" in refused(root, edit(root, "gone"))
    assert "not a regular file" in refused(root, edit(root.parent, "project"))
    outside = tmp_path / "outside"
    outside.write_bytes(b"old")
    (root / "link").symlink_to(outside)
    assert "a symlink that leads out of" in refused(root, edit(root, "link"))
    (root / "dangling").symlink_to(root / "nowhere")
    assert "exists by now" in refused(root, edit(root, "dangling", before=None))
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(root / "a").st_uid + 1)
    assert "belongs to another user" in refused(root, edit(root))


def test_a_file_is_replaced_whole_and_keeps_what_it_is(root: Path) -> None:
    path = root / "a"
    path.chmod(0o640)
    os.utime(path, (1, 1))
    if os.geteuid() == 0:
        os.chown(path, 1234, 1235)
    before = path.stat()
    writing.write(edit(root))
    after = path.stat()
    assert path.read_bytes() == b"new"
    assert (before.st_mode, before.st_uid, before.st_gid) == (after.st_mode, after.st_uid, after.st_gid)
    assert after.st_mtime > 1, "a builder that compares size and time must see the edit"
    assert [each.name for each in root.iterdir()] == ["a"], "nothing is left beside it"


def test_a_write_that_fails_leaves_the_old_file(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        writing.write(edit(root))
    assert {each.name: each.read_bytes() for each in root.iterdir()} == {"a": b"old"}


def test_all_kinds_of_edits_are_put_back(root: Path, tmp_path: Path) -> None:
    (root / "b").write_bytes(b"x")
    (root / "b").chmod(0o600)
    made = (
        edit(root), edit(root, "new", None, b"n"), edit(root, "b", b"x", None),
    )  # fmt: skip
    (tmp_path / "state").mkdir(mode=0o700)
    _, files = saved.save(tmp_path / "state", 1, made)
    assert [saved.of_record(each.record()) for each in files] == list(files)
    for each in made:
        writing.write(each)
    assert all(each.is_written and not each.is_put_back for each in files)
    assert saved.put_back(files) == ()
    assert all(each.is_put_back for each in files)
    assert {each.name: each.read_bytes() for each in root.iterdir()} == {"a": b"old", "b": b"x"}
    assert (root / "b").stat().st_mode & 0o777 == 0o600


def test_what_somebody_wrote_meanwhile_is_not_overwritten_by_putting_back(root: Path, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    _, files = saved.save(tmp_path / "state", 1, (edit(root),))
    writing.write(edit(root))
    (root / "a").write_bytes(b"mine")
    (problem,) = saved.put_back(files)
    assert "was changed after migops wrote it" in problem
    assert (root / "a").read_bytes() == b"mine"


def commands(files: tuple[saved.Saved, ...]) -> list[str]:
    return [words[0] for words in earlier.not_put_back(("x",), files).commands]


def test_the_printed_commands_overwrite_nothing_that_somebody_wrote_since(root: Path, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    made = (edit(root), edit(root, "new", None, b"n"))
    _, files = saved.save(tmp_path / "state", 1, made)
    for each in made:
        writing.write(each)
    assert commands(files) == ["cp", "chmod", "rm"]
    (root / "a").write_bytes(b"mine")
    (root / "new").write_bytes(b"mine too")
    assert commands(files) == ["diff"], "a file of somebody's own is neither overwritten nor removed"


def test_a_mode_alone_is_put_back_by_the_printed_command(root: Path, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    (root / "a").chmod(0o640)
    made = FileEdit(root / "a", b"old", b"old", 0o750)
    _, files = saved.save(tmp_path / "state", 1, (made,))
    writing.write(made)
    (words,) = earlier.not_put_back(("x",), files).commands
    subprocess.run(words, check=True)
    assert files[0].is_put_back


def test_a_saved_copy_that_is_not_the_old_file_is_not_put_back(root: Path, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    _, files = saved.save(tmp_path / "state", 1, (edit(root),))
    writing.write(edit(root))
    written = (root / "a").read_bytes()
    assert files[0].copy is not None
    files[0].copy.write_bytes(b"")
    (problem,) = saved.put_back(files)
    assert "missing or was changed" in problem
    assert (root / "a").read_bytes() == written
    assert commands(files) == ["diff"]


def test_a_file_with_passwords_is_never_readable_by_others(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "a").chmod(0o600)
    before_its_mode_is_set = []

    def like(path: Path, partial: Path) -> None:
        before_its_mode_is_set.append(partial.stat().st_mode & 0o777)

    monkeypatch.setattr(writing, "_like", like)
    writing.write(edit(root))
    assert before_its_mode_is_set == [0o600]


def test_a_diff_hides_what_a_name_says_is_secret_however_short_it_is(root: Path) -> None:
    lines = ["A: old", "- DB_PASS=pw", '- "SMTP_PASS=a b"', "STRIPE_KEY: sk", "x: {DB_PASS: q, A: b}", "PORT: 80"]
    made = edit(root, "compose.yaml", b"", "\n".join([*lines, ""]).encode())
    shown = [line[1:] for line in diff(made)[3:]]
    assert shown == [
        "A: old", "- DB_PASS=***", '- "SMTP_PASS=***"', "STRIPE_KEY: ***", "x: {DB_PASS: ***, A: b}", "PORT: 80",
    ]  # fmt: skip
