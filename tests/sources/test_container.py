"""The container place without an engine: which mount covers what, and a writable layer over a tree."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from migops.core.model import Absent, Entry, EntryKind, Tree, Unknown
from migops.sources.container_files import ContainerFiles
from migops.sources.container_model import representative, summary
from migops.sources.mounts import Mount, at_or_below, mounts_of
from migops.sources.writable import Change, apply
from tests.rules.made import ANONYMOUS, FIRST, SECOND, container, held

VERSIONS = "/app/migrations/versions"


@dataclass
class Layer:
    """A writable layer made of a list: paths with their text, None for a deletion, '' for a folder."""

    made: dict[str, str | None]
    fetched: list[str] = field(default_factory=list)

    def changes(self, paths: Sequence[str]) -> Sequence[Change]:
        return [Change(path, text is None) for path, text in self.made.items()]

    def fetch(self, path: str) -> Entry | None:
        self.fetched.append(path)
        text = self.made[path] or ""
        return made(path, text) if text else Entry(path, EntryKind.DIRECTORY)

    def is_large(self, paths: Sequence[str]) -> bool:
        return False


def made(path: str, text: str) -> Entry:
    return Entry(path, EntryKind.FILE, sha256=hashlib.sha256(text.encode()).hexdigest(), content=text.encode())


@pytest.fixture
def tree() -> dict[str, Entry]:
    files = [made(f"{VERSIONS}/{name}.py", name) for name in ("001", "002")]
    return {VERSIONS: Entry(VERSIONS, EntryKind.DIRECTORY), **{file.path: file for file in files}}


class TestApply:
    def test_added_edited_deleted(self, tree: dict[str, Entry]) -> None:
        layer = Layer({f"{VERSIONS}/003.py": "new", f"{VERSIONS}/001.py": "edited", f"{VERSIONS}/002.py": None})
        result, touched = apply(layer, [VERSIONS], tree, [])
        texts = {path: entry.content for path, entry in result.items() if entry.kind is EntryKind.FILE}
        assert texts == {f"{VERSIONS}/003.py": b"new", f"{VERSIONS}/001.py": b"edited"}
        assert sorted(touched) == [f"{VERSIONS}/{name}.py" for name in ("001", "002", "003")]
        assert len(tree) == 3, "what was read of the image is not changed: other containers share it"

    def test_a_folder_that_was_made_anew_hides_what_was_in_it(self, tree: dict[str, Entry]) -> None:
        result, touched = apply(Layer({VERSIONS: None, f"{VERSIONS}/003.py": "new"}), [VERSIONS], tree, [])
        assert set(result) == {f"{VERSIONS}/003.py"}
        assert f"{VERSIONS}/001.py" in touched

    def test_the_same_text_again_is_no_change(self, tree: dict[str, Entry]) -> None:
        _, touched = apply(Layer({VERSIONS: "", f"{VERSIONS}/001.py": "001"}), [VERSIONS], tree, [])
        assert touched == []

    def test_what_lies_under_a_mount_is_neither_fetched_nor_believed(self, tree: dict[str, Entry]) -> None:
        layer = Layer({VERSIONS: "", f"{VERSIONS}/001.py": None, f"{VERSIONS}/009.py": "hidden"})
        result, touched = apply(layer, [VERSIONS], tree, [VERSIONS])
        assert (result, touched, layer.fetched) == (tree, [], [])


class TestMounts:
    def test_as_the_engine_tells_them(self) -> None:
        inspected = {
            "Mounts": [
                {"Type": "volume", "Name": "v", "Source": "/var/lib/v/_data", "Destination": "/app/data/"},
                {"Type": "bind", "Source": "/srv/app", "Destination": "/app"},
                {"Type": "tmpfs", "Source": "", "Destination": "/t"},
            ],
            "HostConfig": {"Tmpfs": {"/run": "", "/t": "size=1m"}},
        }
        assert mounts_of(inspected) == (
            Mount("bind", "/srv/app", "/app"),
            Mount("volume", "v", "/app/data"),
            Mount("tmpfs", "", "/run"),
            Mount("tmpfs", "", "/t"),
        )

    def test_anonymous(self) -> None:
        assert Mount("volume", ANONYMOUS, "/x").is_anonymous
        assert not Mount("volume", "shop_data", "/x").is_anonymous
        assert not Mount("bind", ANONYMOUS, "/x").is_anonymous

    def test_the_longest_target_covers(self) -> None:
        outer, inner = Mount("bind", "/srv", "/app"), Mount("volume", "v", VERSIONS)
        has = container(FIRST, outer, inner)
        assert has.cover(f"{VERSIONS}/001.py") == inner
        assert has.cover("/app/alembic.ini") == outer
        assert has.cover("/application/x") is None
        assert not has.is_bound
        assert container(FIRST, outer).is_bound
        assert container(FIRST, Mount("bind", "/", "/")).is_bound

    def test_a_written_folder_is_all_below_it(self) -> None:
        has = container(FIRST, written=[VERSIONS])
        assert has.wrote(f"{VERSIONS}/001.py")
        assert not has.wrote(f"{VERSIONS}_old/001.py")


class TestReplicas:
    def test_one_that_differs_stands_for_all(self) -> None:
        same = [container(SECOND, name=f"shop-app-{n}") for n in (1, 2)]
        other = container(FIRST, name="shop-app-3")
        assert representative([*same, other], held(SECOND)).name == "shop-app-3"
        assert representative(same, held(SECOND)).name == "shop-app-1"
        assert representative([replace(same[0], running=False), same[1]], held(SECOND)).name == "shop-app-2"

    def test_one_that_cannot_be_read_leaves_the_place_unknown(self) -> None:
        undetermined = replace(container(SECOND), found=Unknown("it hangs"))
        assert summary([container(SECOND), undetermined]) == Unknown("it hangs")
        assert summary([container(SECOND), replace(undetermined, one_off=True)]) is None
        assert isinstance(summary([replace(undetermined, one_off=True)]), Absent)
        assert isinstance(summary([]), Absent)


IN_IMAGE = ("/app/m/versions/001.py", "/app/m/env.py", "/data/versions/002.py", "/data/keep/003.py")


class TestTmpfs:
    """A tmpfs is an empty folder, whatever the image has below it; no engine is needed to know that."""

    def files(self, *targets: str, links: dict[str, str] | None = None) -> ContainerFiles:
        tree = {path: made(path, "x") for path in IN_IMAGE}
        tree |= {path: Entry(path, EntryKind.SYMLINK, target=target) for path, target in (links or {}).items()}

        def read(paths: Sequence[str]) -> Tree:
            return {path: entry for path, entry in tree.items() if any(at_or_below(path, asked) for asked in paths)}

        images = cast("Any", SimpleNamespace(of=lambda image_id: read, engine=None))
        inspected = {"Id": "c", "Image": "i", "HostConfig": {"Tmpfs": dict.fromkeys(targets, "")}, "Mounts": []}
        return ContainerFiles(inspected, Layer({}), images)

    @pytest.mark.parametrize(
        ("target", "left"),
        [
            ("/app/m/versions", {"/app/m/env.py", "/app/m/versions"}),
            ("/app/m", {"/app/m"}),
            ("/app", set()),
            ("/app/m/versions/__pycache__", {"/app/m/env.py", "/app/m/versions/001.py", "/app/m/versions/__pycache__"}),
            ("/other", {"/app/m/env.py", "/app/m/versions/001.py"}),
        ],
    )
    def test_over_at_and_below_what_is_asked(self, target: str, left: set[str]) -> None:
        assert set(self.files(target)(["/app/m"])) == left

    def test_a_link_that_leads_below_one(self) -> None:
        read = self.files("/data", links={"/app/m/more": "/data/versions", "/app/m/two": "../../data/versions"})
        found = read(["/app/m"])
        assert set(found) == {"/app/m/env.py", "/app/m/versions/001.py"}
        assert read(["/app/m/more"]) == {}, "asked for itself, it is not the image's either"

    def test_a_link_that_leads_elsewhere_is_left_as_it_is(self) -> None:
        found = self.files("/run", links={"/app/m/more": "/data/versions"})(["/app/m"])
        assert found["/app/m/more"].kind is EntryKind.SYMLINK

    def test_those_that_only_the_wish_names(self) -> None:
        """A container that never ran has its long form's tmpfs in HostConfig.Mounts."""
        inspected = {"Mounts": [], "HostConfig": {"Mounts": [{"Type": "tmpfs", "Target": "/app/m/"}]}}
        assert mounts_of(inspected) == (Mount("tmpfs", "", "/app/m"),)
