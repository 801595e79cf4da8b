"""Layers over each other, against a model that is too simple to be wrong: folders on a disk."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migops.core.errors import Unavailable
from migops.core.model import EntryKind
from migops.images.layer import MAX_FILE, Budget, Wanted, scan_layer
from migops.images.merge import Answer, read_merged
from migops.images.tar import TarReader
from tests.images.build import Member, folder, gone, hardlink, layer, link, opaque


def merged(layers: list[list[Member]], *paths: str, keep: bool = True) -> Answer:
    tars = [layer(*members) for members in layers]

    def scan(wanted: Wanted) -> list[object]:
        budget = Budget()
        return [scan_layer(TarReader(io.BytesIO(tar), "The layer"), wanted, budget) for tar in tars]

    return read_merged(scan, paths, lambda path: keep)  # type: ignore[arg-type]


def texts(answer: Answer) -> dict[str, bytes | None]:
    return {path: entry.content for path, entry in answer.entries.items() if entry.kind is not EntryKind.DIRECTORY}


NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
STEPS = st.lists(
    st.tuples(st.sampled_from(["file", "folder", "remove", "empty"]), PATHS, st.integers(0, 9)), min_size=1, max_size=5
)


@settings(max_examples=150, deadline=None)
@given(steps=st.lists(STEPS, min_size=1, max_size=4))
def test_the_merged_view_is_what_the_steps_leave(
    steps: list[list[tuple[str, str, int]]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    disk = tmp_path_factory.mktemp("disk")
    try:
        layers = [_layer_of(disk, layer_steps) for layer_steps in steps]
        answer = merged(layers, "/")
        there = {"/" + str(path.relative_to(disk)): path for path in disk.rglob("*")}
        assert set(answer.entries) - {"/"} == set(there)
        for name, path in there.items():
            assert (answer.entries[name].kind is EntryKind.DIRECTORY) == path.is_dir()
            if path.is_file():
                assert answer.entries[name].content == path.read_bytes()
    finally:
        shutil.rmtree(disk)


def _layer_of(disk: Path, steps: list[tuple[str, str, int]]) -> list[Member]:
    """Do the steps on the disk, and write down the difference as overlayfs does."""
    before = _state(disk)
    emptied: set[str] = set()
    for kind, name, number in steps:
        path = disk / name
        if kind in ("remove", "empty"):
            if path.is_dir():
                shutil.rmtree(path)
            elif path.exists():
                path.unlink()
        if kind == "empty" and path.parent.is_dir() and before.get(name, b"") is None:
            path.mkdir()
            emptied.add(name)  # a folder that was removed and made again is opaque
        if kind in ("file", "folder") and not any(parent.is_file() for parent in path.parents):
            if kind == "file" and not path.is_dir():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"%d" % number)
            elif kind == "folder" and not path.is_file():
                path.mkdir(parents=True, exist_ok=True)
    after = _state(disk)
    hidden = {name for name in emptied if after.get(name, b"") is None}
    members = [folder(name) if state is None else Member(name, state) for name, state in sorted(after.items())]
    members += [opaque(name) for name in hidden]
    for name in sorted(before.keys() - after.keys()):
        parent = os.path.dirname(name)
        if not parent or (after.get(parent, b"") is None and before.get(parent, b"") is None and parent not in hidden):
            members.append(gone(name))
    return members


def _state(disk: Path) -> dict[str, bytes | None]:
    return {str(path.relative_to(disk)): None if path.is_dir() else path.read_bytes() for path in disk.rglob("*")}


def test_an_opaque_folder_hides_only_what_is_below_it() -> None:
    layers = [
        [folder("v"), Member("v/1.py", b"1"), folder("v/s"), Member("v/s/2.py", b"2"), Member("vv.py", b"stays")],
        [folder("v"), opaque("v"), Member("v/3.py", b"3")],
    ]
    assert texts(merged(layers, "/v", "/vv.py")) == {"/v/3.py": b"3", "/vv.py": b"stays"}


def test_a_whiteout_hides_lower_layers_alone_wherever_it_stands() -> None:
    below = [folder("v"), Member("v/1.py", b"old")]
    for above in ([gone("v/1.py"), Member("v/1.py", b"new")], [Member("v/1.py", b"new"), gone("v/1.py")]):
        assert texts(merged([below, above], "/v")) == {"/v/1.py": b"new"}


def test_a_removed_parent_takes_everything_along() -> None:
    layers = [[folder("a"), folder("a/v"), Member("a/v/1.py", b"1")], [gone("a")], [Member("a/v/2.py", b"2")]]
    assert texts(merged(layers, "/a/v")) == {"/a/v/2.py": b"2"}


def test_aufs_notes_are_no_files() -> None:
    layers = [[folder("v"), Member("v/1.py", b"1")], [Member("v/.wh..wh.plnk"), Member(".wh..wh.aufs")]]
    assert texts(merged(layers, "/")) == {"/v/1.py": b"1"}


def test_an_entry_below_a_lower_layer_s_link_replaces_the_link() -> None:
    """As unpacking does: each layer is unpacked by itself, where there is no link yet."""
    layers = [[folder("real"), Member("real/old.py", b"old"), link("v", "real")], [Member("v/new.py", b"new")]]
    answer = merged(layers, "/v", "/real")
    assert texts(answer) == {"/v/new.py": b"new", "/real/old.py": b"old"}
    assert answer.entries["/v"].kind is EntryKind.DIRECTORY


def test_an_entry_below_a_link_of_the_same_layer_goes_through_it() -> None:
    layers = [[folder("usr"), folder("usr/lib"), link("lib", "usr/lib"), Member("lib/x.py", b"x")]]
    assert texts(merged(layers, "/usr/lib")) == {"/usr/lib/x.py": b"x"}


def test_links_out_of_the_root_end_at_the_root() -> None:
    layers = [[folder("s"), Member("s/x.py", b"x"), link("v", "../../../../s"), link("w", "/../../s/x.py")]]
    assert texts(merged(layers, "/v")) == {"/v/x.py": b"x"}
    assert texts(merged(layers, "/w")) == {"/w": b"x"}


def test_a_chain_of_links_over_layers() -> None:
    layers = [
        [folder("one"), Member("one/x.py", b"x"), link("two", "one"), link("three", "/two")],
        [folder("app"), link("app/v", "../three"), link("app/x.py", "v/x.py")],
    ]
    answer = merged(layers, "/app", "/app/v")
    assert texts(answer) == {"/app/v/x.py": b"x", "/app/x.py": b"x"}
    assert answer.real["/app/v/x.py"] == "/one/x.py"
    assert (answer.origin["/app/v/x.py"], answer.origin["/app/x.py"]) == (0, 1)


@pytest.mark.parametrize(
    "members", [[link("v", "v")], [link("v", "w"), link("w", "v")], [link("v", "w/x"), link("w", "v")]]
)
def test_a_loop_is_refused(members: list[Member]) -> None:
    with pytest.raises(Unavailable, match="loop"):
        merged([members], "/v")
    with pytest.raises(Unavailable, match="loop"):
        merged([members], "/v/x")


def test_a_link_loop_inside_one_layer_is_refused() -> None:
    with pytest.raises(Unavailable, match="loop"):
        merged([[link("a", "b"), link("b", "a"), Member("a/x", b"")]], "/x")


def test_hard_links_inside_and_out_of_the_folder() -> None:
    layers = [
        [
            folder("v"),
            folder("o"),
            Member("o/x", b"x"),
            hardlink("v/a.py", "o/x"),
            hardlink("v/b.py", "v/a.py"),
            Member("o/x", b"written anew, another file"),
        ]
    ]
    # the link was made to the first o/x; a second member of that name is a second file
    assert texts(merged(layers, "/v", "/o")) == {
        "/v/a.py": b"x",
        "/v/b.py": b"x",
        "/o/x": b"written anew, another file",
    }


@pytest.mark.parametrize("target", ["v/a.py", "nowhere", "../../etc/passwd", "v"])
def test_a_hard_link_to_nothing_is_refused(target: str) -> None:
    with pytest.raises(Unavailable, match=r"hard link|leads out"):
        merged([[folder("v"), hardlink("v/a.py", target)]], "/v")


@pytest.mark.parametrize("name", ["../x", "v/../../x", "./../x"])
def test_a_name_that_leads_out_is_refused(name: str) -> None:
    with pytest.raises(Unavailable, match="leads out"):
        merged([[Member(name, b"x")]], "/v")


@pytest.mark.parametrize("name", ["/v/x.py", "./v/x.py", "v//x.py", "v/./x.py", "w/../v/x.py", "/../v/x.py"])
def test_other_ways_to_write_a_name(name: str) -> None:
    assert texts(merged([[Member(name, b"x")]], "/v")) == {"/v/x.py": b"x"}


def test_a_folder_and_a_file_of_one_name_in_one_layer_are_refused() -> None:
    with pytest.raises(Unavailable, match="both as a folder"):
        merged([[folder("v"), Member("v", b"")]], "/v")


def test_devices_are_entries_and_nothing_more() -> None:
    answer = merged([[folder("v"), Member("v/null", kind=b"3"), Member("v/pipe", kind=b"6")]], "/v")
    assert {answer.entries[path].kind for path in ("/v/null", "/v/pipe")} == {EntryKind.OTHER}


def test_what_is_too_large_to_keep_is_named() -> None:
    large = [folder("v"), Member("v/x.py", bytes(MAX_FILE + 1))]
    with pytest.raises(Unavailable, match=r"/v/x\.py"):
        merged([large], "/v")
    assert merged([large], "/v", keep=False).entries["/v/x.py"].size == MAX_FILE + 1


def test_the_number_of_entries_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    tar = layer(folder("v"), *(Member(f"v/{n}") for n in range(20)), *(Member(f"other/{n}") for n in range(50)))
    scan_layer(TarReader(io.BytesIO(tar), "The layer"), Wanted(["/v"]), Budget(entries=21))
    with pytest.raises(Unavailable, match="more than"):
        scan_layer(TarReader(io.BytesIO(tar), "The layer"), Wanted(["/v"]), Budget(entries=20))
