"""Layer attribution without an engine: which layer holds what, whose it is, and when that cannot be told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from migops.cli.layers import layers as command
from migops.core.model import Unknown
from migops.images import open_image
from migops.images.base import Base, find_base
from migops.images.image import History, Layer, parse_time
from migops.images.layers import Attribution, attribute, attribute_tree
from migops.images.overlay import sees_all_attributes
from tests.images.build import (
    CREATED,
    Made,
    Member,
    blob,
    folder,
    hybrid_files,
    layer,
    legacy_files,
    link,
    oci_files,
    write_dir,
    write_tar,
)
from tests.images.content import IMAGE, VERSIONS
from tests.images.fake_engine import engine_at, send, send_json, send_tar, serve
from tests.images.test_contract import no_engine

_OF_THE_SECOND = ("hard3.py", "hard2.py", "002.py", "s.py", "old/c.py", "turned", "linked")
LAYER_OF = {"003.py": 2} | dict.fromkeys(_OF_THE_SECOND, 1)
"""Of some files of ``content.IMAGE``, the layer that left them. The last one removed ``003.py`` and wrote it again."""


def attributed(ref: str, *paths: str) -> Attribution:
    with open_image(ref, engine=no_engine) as image:
        return attribute_tree(image, paths)


def indexes(found: Attribution) -> dict[str, int | str]:
    return {path: of.index if isinstance(of, Layer) else of.reason for path, of in found.layer_of.items()}


@pytest.mark.parametrize("root", ["/app/versions", "/latest"])
def test_every_file_has_its_topmost_layer(root: str, tmp_path: Path) -> None:
    found = attributed(f"docker-archive:{write_tar(tmp_path / 'a.tar', legacy_files(IMAGE))}", root)
    of = indexes(found)
    assert {name: of[f"{root}/{name}"] for name in LAYER_OF} == LAYER_OF
    assert set(of) == {f"{root}/{name}".rstrip("/") for name in VERSIONS}
    assert of[root] == 2
    first = found.layers[1]
    assert (first.created_by, first.empty, first.diff_id) == (
        "COPY layer 1 # buildkit",
        False,
        json.loads(IMAGE.config_json)["rootfs"]["diff_ids"][1],
    )
    assert first.created == parse_time(CREATED)
    assert (found.layers[3].empty, found.layers[3].diff_id) == (True, "")


def test_one_layer_a_path(tmp_path: Path) -> None:
    with open_image(f"oci:{write_dir(tmp_path / 'oci', oci_files(IMAGE))}", engine=no_engine) as image:
        found = attribute(image, ["/app/versions/s.py", "/shared/s.py", "/app/versions/001.py", "/app/versions/"])
    assert isinstance(of := found["/app/versions/s.py"], Layer)
    assert of.index == 1  # the link's layer, not that of what it leads to
    assert isinstance(of := found["/shared/s.py"], Layer)
    assert of.index == 0
    assert found["/app/versions/001.py"] == Unknown("the image has no such path")
    assert isinstance(found["/app/versions/"], Layer)


MISSING = Made(
    [
        layer(folder("v"), Member("v/low.py", b"low"), Member("v/again.py", b"1")),
        layer(folder("v"), Member("v/middle.py", b"middle")),
        layer(folder("v"), Member("v/high.py", b"high"), Member("v/again.py", b"2")),
    ]
)


def test_what_lies_above_the_missing_layer_is_certain_and_no_more(tmp_path: Path) -> None:
    """FAULTS 16: the engine's stream lacks a layer. Its archive endpoint still knows all of the files."""
    files = hybrid_files(MISSING)
    del files[blob(MISSING.layers[1])]
    saved = write_tar(tmp_path / "saved.tar", files).read_bytes()
    merged = layer(folder("v"), *(Member(f"v/{name}.py", name.encode()) for name in ("low", "middle", "high")))
    with serve(tmp_path) as (fake, host):
        config = json.loads(MISSING.config_json)
        fake.answers["GET /images/app:1/json"] = lambda to: send_json(
            to, {"Id": MISSING.id, "Config": {}, "RootFS": {"Layers": config["rootfs"]["diff_ids"]}}
        )
        fake.answers[f"GET /images/{MISSING.id}/get"] = lambda to: send(to, saved)
        fake.answers["GET /images/json"] = lambda to: send_json(to, [])
        fake.answers["GET /containers/migops-probe-"] = lambda to: send_tar(to, merged)
        with engine_at(host) as engine, open_image("app:1", engine=lambda: engine) as image:
            of = indexes(attribute_tree(image, ["/v"]))
    reason = f"the engine did not send the layer {blob(MISSING.layers[1])}"
    assert of == {"/v": 2, "/v/high.py": 2, "/v/low.py": reason, "/v/middle.py": reason}


def test_a_layer_in_zstd_is_unknown_with_the_reason(tmp_path: Path) -> None:
    saved = write_tar(
        tmp_path / "saved.tar",
        oci_files(MISSING, lambda tar: b"\x28\xb5\x2f\xfd" + tar if b"middle" in tar else tar),
    ).read_bytes()
    with serve(tmp_path) as (fake, host):
        config = json.loads(MISSING.config_json)
        fake.answers["GET /images/app:1/json"] = lambda to: send_json(
            to, {"Id": MISSING.id, "Config": {}, "RootFS": {"Layers": config["rootfs"]["diff_ids"]}}
        )
        fake.answers[f"GET /images/{MISSING.id}/get"] = lambda to: send(to, saved)
        fake.answers["GET /images/json"] = lambda to: send_json(to, [])
        fake.answers["GET /containers/migops-probe-"] = lambda to: send_tar(to, layer(Member("low.py", b"low")))
        with engine_at(host) as engine, open_image("app:1", engine=lambda: engine) as image:
            found = attribute(image, ["/v/low.py"])["/v/low.py"]
    assert isinstance(found, Unknown)
    assert "zstd" in found.reason


def test_a_history_that_does_not_fit_gives_layers_without_instructions(tmp_path: Path) -> None:
    config = json.loads(MISSING.config_json)
    config["history"] = config["history"][:1]
    text = json.dumps(config).encode()

    class Short(Made):
        config_json = property(lambda self: text)

    found = attributed(f"oci:{write_dir(tmp_path / 'oci', oci_files(Short(MISSING.layers)))}", "/v")
    assert [(step.index, step.created_by, step.base) for step in found.layers] == [(n, "", None) for n in range(3)]
    assert indexes(found)["/v/low.py"] == 0


@pytest.mark.parametrize(
    ("created_by", "instruction"),
    [
        ("COPY . . # buildkit", "COPY . ."),
        ("/bin/sh -c #(nop) COPY dir:abc in /app ", "COPY dir:abc in /app"),
        ("/bin/sh -c pip install x", "RUN pip install x"),
        ("RUN /bin/sh -c pip install x # buildkit", "RUN pip install x"),
        ("RUN |1 A=1 /bin/sh -c echo $A # buildkit", "RUN echo $A"),
        ("|1 A=1 /bin/sh -c echo $A", "RUN echo $A"),
        ("RUN python -c 'x' # buildkit", "RUN python -c 'x'"),
        ("", ""),
    ],
)
def test_instructions_as_in_a_dockerfile(created_by: str, instruction: str) -> None:
    assert Layer(0, "", created_by, None, False, None).instruction == instruction


def steps(*words: str, at: str = CREATED) -> list[History]:
    """A history; steps in brackets are empty."""
    return [History(word.strip("[]"), parse_time(at), "", word.startswith("[")) for word in words]


def answer(history: list[History]) -> list[dict[str, Any]]:
    """The same as the engine's history endpoint tells it."""
    moments = [int(step.created.timestamp()) for step in history if step.created]
    return [
        {"CreatedBy": step.created_by, "Created": moment, "Id": "<missing>"}
        for step, moment in zip(history, moments, strict=True)
    ][::-1]


PYTHON = steps("ADD rootfs", "[ENV A=1]", "RUN install", '[CMD ["python3"]]')
DEBIAN = steps("ADD rootfs")
OURS = [*PYTHON, *steps("[WORKDIR /app]", "COPY . .", '[CMD ["serve"]]', at="2024-06-01T00:00:00Z")]
DIFF_IDS = [f"sha256:{n}" for n in "123"]


def base_of(tmp_path: Path, images: dict[str, tuple[list[History], list[str]]], name: str = "") -> Base:
    inspected = {"Id": "ours", "RepoTags": ["app:2"], "Created": "2024-06-01T00:00:00Z"}
    with serve(tmp_path) as (fake, host):
        listed = [{"Id": f"id-{tag}", "RepoTags": [tag], "Created": 1_700_000_000} for tag in images]
        fake.answers["GET /images/json"] = lambda to: send_json(to, listed)
        for tag, (history, diff_ids) in images.items():
            fake.answers[f"GET /images/id-{tag}/history"] = lambda to, it=history: send_json(to, answer(it))  # type: ignore[misc]
            fake.answers[f"GET /images/{tag}/json"] = lambda to, it=diff_ids, tag=tag: send_json(  # type: ignore[misc]
                to, {"Id": f"id-{tag}", "RootFS": {"Layers": it}}
            )
        fake.answers["GET /images/absent:1/json"] = lambda to: send_json(to, {"message": "No such image"}, 404)
        with engine_at(host) as engine:
            return find_base(OURS, DIFF_IDS, engine, inspected, name)


def test_the_base_is_the_local_image_whose_history_ours_begins_with(tmp_path: Path) -> None:
    images = {
        "debian:12": (DEBIAN, DIFF_IDS[:1]),
        "python:3.11": (PYTHON, DIFF_IDS[:2]),
        "other:1": (steps("X"), ["x"]),
    }
    assert base_of(tmp_path, images) == Base(
        4, "the history begins with that of the local image python:3.11", "python:3.11"
    )


def test_an_older_build_of_the_same_dockerfile_is_no_base(tmp_path: Path) -> None:
    """It shares all of its layers, and yet nobody built FROM it: it ends with a step that ours does not have."""
    sibling = [*OURS[:-1], *steps('[CMD ["serve", "--old"]]')]
    same_name = OURS[:-1]
    images = {"previous:1": (sibling, DIFF_IDS), "app:1": (same_name, DIFF_IDS), "python:3.11": (PYTHON, DIFF_IDS[:2])}
    assert base_of(tmp_path, images).image == "python:3.11"


def test_the_image_that_from_names(tmp_path: Path) -> None:
    images = {"debian:12": (DEBIAN, DIFF_IDS[:1]), "python:3.11": (PYTHON, DIFF_IDS[:2])}
    assert base_of(tmp_path, images, "debian:12").steps == 1
    assert base_of(tmp_path, images, "python:3.11") == Base(
        4, "the local image python:3.11 has the same layers", "python:3.11"
    )
    assert base_of(tmp_path, images, "absent:1").image == "python:3.11"


def test_a_base_that_was_built_anew_is_not_ours(tmp_path: Path) -> None:
    newer = [replace(step, created=parse_time("2024-05-30T00:00:00Z")) for step in PYTHON]
    found = base_of(tmp_path, {"python:3.11": (newer, ["sha256:new1", "sha256:new2"])}, "python:3.11")
    assert found.image == ""
    assert found.steps == 4
    assert "shape" in found.evidence


def test_the_shape_of_a_history() -> None:
    def shape(*words: str) -> int | None:
        return find_base(steps(*words), [], None, {}, "").steps

    assert shape("ADD rootfs", "[CMD [sh]]", "COPY . .", "[CMD [serve]]") == 2
    assert shape("ADD rootfs", "[/bin/sh -c #(nop)  CMD [sh]]", "COPY . .") == 2
    assert shape("ADD rootfs", "[CMD [sh]]", "RUN x", "[ENTRYPOINT [py]]", "COPY . .", "[CMD [serve]]") == 4
    assert shape("ADD rootfs", "COPY . .", "[CMD [serve]]") is None
    assert shape() is None


def run(*words: str) -> Result:
    return CliRunner().invoke(command, list(words), standalone_mode=False)


def test_the_json_contract(tmp_path: Path) -> None:
    ref = f"docker-archive:{write_tar(tmp_path / 'a.tar', legacy_files(IMAGE))}"
    result = run(ref, "versions", "--format", "json")
    assert result.exit_code == 0, result.exception
    document = json.loads(result.output)
    assert list(document) == ["schema", "image", "layers", "base", "files"]
    assert document["schema"] == 1
    assert document["image"] == {"ref": ref, "id": IMAGE.id, "created": CREATED.replace("789Z", "Z")}
    assert [list(step) for step in document["layers"]] == [
        ["index", "diff_id", "created", "created_by", "empty", "base"]
    ] * 4
    assert [(step["index"], step["empty"], step["diff_id"] is None) for step in document["layers"]] == [
        (0, False, False),
        (1, False, False),
        (2, False, False),
        (3, True, True),
    ]
    files = {file["path"]: file for file in document["files"]}
    assert [list(file) for file in document["files"]] == [["path", "layer", "size", "sha256"]] * len(files)
    assert list(files) == sorted(files)
    assert {name: files[f"/app/versions/{name}"]["layer"] for name in LAYER_OF if name != "old"} == LAYER_OF
    assert files["/app/versions/003.py"]["size"] == len(b"three, again\n")
    assert files["/app/versions/s.py"]["sha256"] is None
    assert "/app/versions" not in files


GOLDEN = """\
REF  sha256:ID  created 2024-05-06 07:08 UTC
4 files at /app, from 2 of 3 layers
base: steps 0 to 1; judged by the history's shape: step 1 sets a command, and
      layers follow it

  0-1  base  2 steps without any of these files
    2        2024-05-06 07:08  WORKDIR /app
    3        2024-05-06 07:08  COPY a very long list of files, longer than the …
       ├─ link.py -> migrations/versions/001.py
       └─ migrations/versions/
          ├─ \\x1b[2J.py                                                      1 B
          └─ 001.py                                                       1.5 kB
    4        2024-05-06 07:08  RUN touch more
       └─ migrations/more.py                                                 0 B
    5        2024-05-06 07:08  CMD ["serve"]
"""


def golden_image() -> Made:
    layers = [
        layer(folder("etc")),
        layer(
            folder("app"),
            Member("app/migrations/versions/001.py", b"x" * 1499),
            Member("app/migrations/versions/\x1b[2J.py", b"x"),
            link("app/link.py", "migrations/versions/001.py"),
        ),
        layer(Member("app/migrations/more.py")),
    ]
    words = [
        ("ADD rootfs", False),
        ('CMD ["sh"]', True),
        ("WORKDIR /app", True),
        ("COPY a very long list of files, longer than the terminal is wide . # buildkit", False),
        ("RUN /bin/sh -c touch more # buildkit", False),
        ('CMD ["serve"]', True),
    ]
    history = [{"created": CREATED, "created_by": word, "empty_layer": empty} for word, empty in words]

    class Golden(Made):
        @property
        def config_json(self) -> bytes:
            return json.dumps(json.loads(super().config_json) | {"history": history}).encode()

    return Golden(layers)


def test_the_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    image = golden_image()
    ref = f"oci:{write_dir(tmp_path / 'oci', oci_files(image))}"
    result = run(ref)
    assert result.exit_code == 0, result.exception
    assert result.output.replace(ref, "REF").replace(image.id[:19], "sha256:ID") == GOLDEN
    assert max(len(line) for line in result.output.splitlines()[1:]) <= 80


def test_a_single_file_and_a_layer_with_many(tmp_path: Path) -> None:
    many = Made([layer(folder("app"), *(Member(f"app/{n:03}.py") for n in range(60)))])
    ref = f"oci:{write_dir(tmp_path / 'oci', oci_files(many))}"
    assert "… 20 more files (-v shows them)" in run(ref).output
    assert "059.py" in run(ref, "-v").output
    assert "└─ 007.py" in run(ref, "007.py").output
    assert run(ref, "/app/007.py", "--output", str(tmp_path / "out")).output == ""
    assert "007.py" in (tmp_path / "out").read_text()


def test_nothing_there_is_no_verdict(tmp_path: Path) -> None:
    ref = f"oci:{write_dir(tmp_path / 'oci', oci_files(MISSING))}"
    result = run(ref, "/nothing")
    assert getattr(result.exception, "exit_code", None) == 3


def test_a_path_deeper_than_the_tree(tmp_path: Path) -> None:
    deep = [f"app/{'/'.join(['d'] * depth)}/f" for depth in range(1, 900, 3)]
    image = Made([layer(*(Member(name) for name in deep))])
    result = run(f"oci:{write_dir(tmp_path / 'oci', oci_files(image))}", "-v")
    assert result.exit_code == 0, result.exception
    assert len([line for line in result.output.splitlines() if "0 B" in line]) == len(deep)


@pytest.mark.parametrize(
    ("capabilities", "mapped", "sees"),
    [
        ("000001ffffffffff", "0 0 4294967295", True),
        ("00000000a80425fb", "0 0 4294967295", False),  # root in a container
        ("000001ffffffffff", "0 1000 1", False),  # root in a user namespace
        ("", "", False),
    ],
)
def test_who_sees_opaque_folders(capabilities: str, mapped: str, sees: bool, tmp_path: Path) -> None:
    if capabilities:
        (tmp_path / "status").write_text(f"Name: x\nCapEff:\t{capabilities}\n")
        (tmp_path / "uid_map").write_text(f"   {mapped}\n")
    assert sees_all_attributes(tmp_path) is sees
