from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from tests.engine import layout


def test_a_half_made_thing_is_never_found(tmp_path: Path) -> None:
    def fails(new: Path) -> None:
        new.write_text("half")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        layout.made(tmp_path / "thing", fails)
    assert list(tmp_path.iterdir()) == []


def test_a_made_thing_is_made_once(tmp_path: Path) -> None:
    calls: list[Path] = []

    def make(new: Path) -> None:
        calls.append(new)
        new.write_text("whole")

    for _ in range(2):
        assert layout.made(tmp_path / "thing", make).read_text() == "whole"
    assert len(calls) == 1


def count(path: Path) -> None:
    with layout.locked("count"):
        number = int(path.read_text())
        path.write_text("")  # what an unlocked reader would stumble over
        path.write_text(str(number + 1))


def test_the_lock_holds_between_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = tmp_path / "number"
    path.write_text("0")
    workers = [multiprocessing.get_context("fork").Process(target=_count_often, args=(path,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert path.read_text() == "100"


def _count_often(path: Path) -> None:
    for _ in range(50):
        count(path)
