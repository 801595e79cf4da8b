"""Attribution on a real engine: layer folders, stream and saved archive agree, and the base is told from the rest."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from migops.core.model import EntryKind, Unknown
from migops.docker import Engine, connect
from migops.images import open_image, overlay
from migops.images.image import Layer
from migops.images.layers import Attribution, attribute_tree
from tests.engine.sandbox import Sandbox
from tests.images.build import Made, Member, layer
from tests.images.content import IMAGE
from tests.images.test_on_engine import DOCKERFILE, load

SLIM = "python:3.11-slim"


@pytest.fixture
def connection(sandbox: Sandbox) -> Iterator[Engine]:
    with connect(environment=sandbox.engine.changes) as connected:
        yield connected


def attributed(connection: Engine | None, ref: str, *paths: str) -> Attribution:
    with open_image(ref, engine=lambda: connection) as image:  # type: ignore[arg-type, return-value]
        return attribute_tree(image, paths)


def shown(found: Attribution) -> dict[str, tuple[object, ...]]:
    """All that an answer says of each file but the folders', whose times differ between an archive and a disk."""
    result: dict[str, tuple[object, ...]] = {}
    for path, entry in found.files.items():
        of = found.layer_of[path]
        where = of.index if isinstance(of, Layer) else of
        result[path] = (where, entry.kind, entry.size, entry.sha256, entry.target, oct(entry.mode))
    return result


def without_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(inspected: object) -> overlay.LayerFolders:
        raise overlay.NotReadable("the test wants the stream")

    monkeypatch.setattr(overlay, "find", refuse)


def build(sandbox: Sandbox) -> str:
    context = sandbox.path / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(DOCKERFILE)
    tag = sandbox.tag("layers")
    sandbox.build(context, tag)
    return tag


def saved(sandbox: Sandbox, tag: str) -> Path:
    path = sandbox.path / "saved.tar"
    sandbox.docker("save", "-o", str(path), tag)
    return path


def test_folders_stream_and_archive_agree_on_a_build(
    sandbox: Sandbox, connection: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = build(sandbox)
    by_engine = attributed(connection, tag, "/srv")
    by_archive = attributed(None, f"docker-archive:{saved(sandbox, tag)}", "/srv")
    without_folders(monkeypatch)
    by_stream = attributed(connection, tag, "/srv")
    assert shown(by_engine) == shown(by_stream) == shown(by_archive)
    assert [step.diff_id for step in by_engine.layers] == [step.diff_id for step in by_stream.layers]
    words = {
        path.removeprefix("/srv/v/"): of.instruction
        for path, of in by_engine.layer_of.items()
        if isinstance(of, Layer) and by_engine.files[path].kind is not EntryKind.DIRECTORY
    }
    assert words["2.py"].startswith("RUN rm -rf /srv/v/x")  # its chmod copied the file up
    assert words["a/new.py"].startswith("RUN rm -rf /srv/v/a")
    assert words["c"].startswith("RUN rm -rf /srv/v/b")
    assert words["5.py"].startswith("RUN mkdir")
    assert "1.py" not in words


def test_folders_stream_and_archive_agree_on_what_is_hard_to_merge(
    sandbox: Sandbox, connection: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tag = load(sandbox, IMAGE, "content")
    paths = ("/app/versions", "/latest", "/shared", "/implied")
    by_engine = attributed(connection, tag, *paths)
    without_folders(monkeypatch)
    by_stream = attributed(connection, tag, *paths)
    assert shown(by_engine) == shown(by_stream)
    of = {path: layer.index for path, layer in by_engine.layer_of.items() if isinstance(layer, Layer)}
    assert (of["/app/versions/003.py"], of["/latest/002.py"], of["/shared/s.py"]) == (2, 1, 0)


def test_the_folders_are_used_where_there_are_any(sandbox: Sandbox, connection: Engine) -> None:
    """So that the tests above compare two ways and not one with itself."""
    tag = load(sandbox, IMAGE, "content")
    driver = sandbox.docker("info", "--format", "{{.Driver}}").strip()
    with open_image(tag, engine=lambda: connection) as image:
        inspected = image.inspected  # type: ignore[attr-defined]
    if driver == "overlay2":
        assert len(overlay.find(inspected).folders) == 3
    else:
        with pytest.raises(overlay.NotReadable):
            overlay.find(inspected)


def test_the_base_is_the_image_of_from(sandbox: Sandbox, connection: Engine) -> None:
    tag = build(sandbox)
    found = attributed(connection, tag, "/srv")
    # By its layers: a test beside this one may have given the same image one more name.
    form = "{{json .RootFS.Layers}}"
    ours, theirs = (sandbox.docker("image", "inspect", "--format", form, name) for name in (found.base.image, SLIM))
    assert ours == theirs
    base = len(json.loads(theirs))
    made = [step for step in found.layers if not step.empty]
    assert [step.base for step in made] == [index < base for index in range(len(made))]
    assert not any(isinstance(of, Unknown) for of in found.layer_of.values())


def seconds(work: Callable[[], object]) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start


def test_the_folders_cost_a_tenth_of_the_stream(sandbox: Sandbox, connection: Engine) -> None:
    if sandbox.docker("info", "--format", "{{.Driver}}").strip() != "overlay2":
        pytest.skip("this engine has no layer folders")
    tag = build(sandbox)
    folders = min(seconds(lambda: attributed(connection, tag, "/srv")) for _ in range(3))  # other tests run beside it
    assert folders < 0.1 * seconds(lambda: saved(sandbox, tag))


def test_folders_too_deep_for_the_folders_are_read_from_the_stream(sandbox: Sandbox, connection: Engine) -> None:
    deep = "/".join(["d"] * 150)
    tag = load(sandbox, Made([layer(Member(f"v/{deep}/x.py", b"x"), Member("v/y.py", b"y"))]), "deep")
    of = attributed(connection, tag, "/v").layer_of
    assert isinstance(of[f"/v/{deep}/x.py"], Layer)
