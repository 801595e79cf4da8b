"""Reading the working tree: every file once, nothing out of the root, nothing that blocks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from migops.core.errors import MigopsError
from migops.sources.host import HostReader, read_tree


def test_reads_files_with_digest_and_content(tmp_path: Path) -> None:
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / "a.py").write_bytes(b"revision = 'a'\r\n")
    tree = read_tree([tmp_path / "versions"], tmp_path)
    entry = tree[str(tmp_path / "versions" / "a.py")]
    assert entry.content == b"revision = 'a'\r\n"
    assert entry.size == 16


def test_a_path_that_is_not_there_is_not_in_the_answer(tmp_path: Path) -> None:
    assert read_tree([tmp_path / "none"], tmp_path) == {}


def test_a_link_inside_the_root_is_read_through(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "a.py").write_text("revision = 'a'\n")
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / "a.py").symlink_to("../shared/a.py")
    tree = read_tree([tmp_path / "versions"], tmp_path)
    assert tree[str(tmp_path / "versions" / "a.py")].content == b"revision = 'a'\n"


def link_to_itself(folder: Path) -> None:
    (folder / "loop.py").symlink_to("loop.py")


def link_to_parent(folder: Path) -> None:
    (folder / "again").symlink_to(".")


def link_out(folder: Path) -> None:
    (folder / "out.py").symlink_to("/etc/passwd")


def dangling(folder: Path) -> None:
    (folder / "gone.py").symlink_to("nothing.py")


def fifo(folder: Path) -> None:
    os.mkfifo(folder / "pipe.py")


@pytest.mark.parametrize("trap", [link_to_itself, link_to_parent, link_out, dangling, fifo], ids=lambda f: f.__name__)
def test_traps_are_refused_by_name_and_do_not_hang(tmp_path: Path, trap) -> None:
    versions = tmp_path / "versions"
    versions.mkdir()
    trap(versions)
    with pytest.raises(MigopsError) as refused:
        read_tree([versions], tmp_path)
    assert refused.value.exit_code == 2
    assert str(versions) in str(refused.value)


def test_tells_that_somebody_wrote_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    reader = HostReader(tmp_path)
    reader([str(tmp_path)])
    assert reader.written_meanwhile() == ""
    (tmp_path / "b.py").write_text("2")
    assert reader.written_meanwhile() == str(tmp_path / "b.py")
    reader([str(tmp_path)])
    (tmp_path / "a.py").write_text("12")
    assert reader.written_meanwhile() == str(tmp_path / "a.py")
    reader([str(tmp_path)])
    (tmp_path / "a.py").unlink()
    assert reader.written_meanwhile() == str(tmp_path / "a.py")


def test_a_path_of_the_container_is_read_where_the_build_takes_it_from(tmp_path: Path) -> None:
    (tmp_path / "migrations").mkdir()
    (tmp_path / "migrations" / "a.py").write_text("1")
    reader = HostReader(tmp_path, lambda path: tmp_path / "migrations" if path == "/nowhere/migrations" else None)
    assert "/nowhere/migrations/a.py" in reader(["/nowhere/migrations"])
