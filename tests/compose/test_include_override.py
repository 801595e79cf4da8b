"""A resource that an included file and the including one define: merged, the including file's over the included one's.

So since compose 5; 2.40.3 refuses it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.compose import Project
from migops.compose.explain import explain
from migops.core.errors import MigopsError
from tests.compose.support import load_in, read_text

BASE = """services:
  web:
    image: example/web
    command: serve
    environment: {DEBUG: "0", STAGE: prod}
    ports: ["80:80"]
    volumes: ["./data:/data"]
volumes: {data: {labels: {a: "1"}}}
"""


def including(folder: Path, text: str, base: str = BASE) -> Project:
    (folder / "base").mkdir(exist_ok=True)
    (folder / "base" / "base.yaml").write_text(base)
    return read_text(folder, f"include: [base/base.yaml]\n{text}")


def test_a_service_of_both_has_what_both_say(tmp_path: Path) -> None:
    web = including(
        tmp_path,
        "services: {web: {command: other, environment: [DEBUG=1], ports: ['81:81'], volumes: ['./here:/h']}}\n",
    ).services["web"]
    assert (web.image, web.command) == ("example/web", ("other",))
    assert web.environment == {"DEBUG": "1", "STAGE": "prod"}
    assert [port["target"] for port in web.ports] == [80, 81]
    # Each path is relative to its own file.
    assert [mount.source for mount in web.volumes] == [str(tmp_path / "base" / "data"), str(tmp_path / "here")]


def test_the_location_of_a_value_is_that_of_the_file_that_counts(tmp_path: Path) -> None:
    project = including(tmp_path, "services:\n  web:\n    command: other\n")
    (origin,) = explain(project.tree, "services.web.command")
    assert str(origin.location) == f"{tmp_path / 'compose.yaml'}:4"
    assert [str(location) for location in origin.replaced] == [f"{tmp_path / 'base' / 'base.yaml'}:4"]


def test_other_resources_are_merged_too(tmp_path: Path) -> None:
    text = "services: {web: {volumes: ['data:/d']}}\nvolumes: {data: {driver: local}}\n"
    volume = including(tmp_path, text).resolved["volumes"]["data"]
    assert volume["driver"] == "local"
    assert volume["labels"] == {"a": "1"}


def test_reset_and_override_act_on_what_is_included(tmp_path: Path) -> None:
    text = "services:\n  web:\n    environment: !override {A: '1'}\n    ports: !reset []\n"
    web = including(tmp_path, text).services["web"]
    assert web.environment == {"A": "1"}
    assert web.ports == ()


def test_of_two_included_files_the_first_counts(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("services: {web: {image: one, environment: {A: '1'}}}\n")
    (tmp_path / "two.yaml").write_text("services: {web: {image: two, environment: {A: '2', B: '2'}}}\n")
    web = read_text(tmp_path, "include: [one.yaml, two.yaml]\n").services["web"]
    assert web.image == "one"
    assert web.environment == {"A": "1", "B": "2"}


def test_a_file_that_is_included_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text("services: {web: {image: a, ports: ['80:80'], dns: [1.1.1.1]}}\n")
    (tmp_path / "left.yaml").write_text("include: [base.yaml]\n")
    (tmp_path / "right.yaml").write_text("include: [base.yaml]\n")
    web = read_text(tmp_path, "include: [left.yaml, right.yaml]\n").services["web"]
    assert len(web.ports) == 1
    assert web.raw["dns"] == ["1.1.1.1"]


def test_an_override_file_is_merged_as_before(tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "base.yaml").write_text(BASE)
    (tmp_path / "compose.yaml").write_text("include: [base/base.yaml]\n")
    (tmp_path / "compose.override.yaml").write_text("services: {web: {command: over}}\n")
    web = load_in(tmp_path).services["web"]
    assert (web.image, web.command) == ("example/web", ("over",))


def test_what_cannot_be_merged_is_refused_at_its_line(tmp_path: Path) -> None:
    with pytest.raises(MigopsError, match=r"cannot override services\.web\.ports") as refused:
        including(tmp_path, "services:\n  web:\n    ports: 3\n")
    assert str(refused.value.at) == f"{tmp_path / 'compose.yaml'}:4"


def test_dotted_names_and_one_alias(tmp_path: Path) -> None:
    text = "services:\n  app: &app\n    image: example/web\n  worker: *app\n  worker.beat: *app\n"
    assert {service.image for service in read_text(tmp_path, text).services.values()} == {"example/web"}


def test_an_alias_inside_itself_is_a_cycle_still(tmp_path: Path) -> None:
    for text in ("x-a: &a {b: *a}\n", "x-a: &a {b.c: &b {d: *a}}\n"):
        with pytest.raises(MigopsError, match=r"cycle detected|contains itself"):
            read_text(tmp_path, text + "services: {a: {image: a}}\n")
    text = "x-a: &a {A: b}\nservices:\n  app:\n    image: x\n    environment: *a\n    <<: *a\n"
    with pytest.raises(MigopsError, match=r"cycle detected: node at path services\.app"):
        read_text(tmp_path, text)
