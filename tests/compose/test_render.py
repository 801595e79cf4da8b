"""A project as text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migops.compose import render
from migops.compose.tree import plain
from migops.compose.yamlfile import documents
from migops.core.errors import MigopsError
from tests.compose.support import load_in, read_text

TEXT = """\
services:
  web: {image: web, depends_on: [app], command: echo $$HOME, x-more: {a: 1}, labels: {a: "1e3", b: "0o17", c: "no"}}
  app: {build: ., depends_on: [db], volumes: [data:/data]}
  db: {image: db, profiles: [p]}
volumes: {data: {}, unused: {}}
x-top: {a: []}
"""


def test_json_can_be_read_back(tmp_path: Path) -> None:
    project = read_text(tmp_path, TEXT, profiles=("p",))
    shown = render.to_json(project)
    assert json.loads(shown)["services"]["web"]["command"] == ["echo", "$$HOME"]
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "compose.yaml").write_text(shown)
    again = load_in(tmp_path / "again", profiles=("p",))
    assert again.resolved["services"] == project.resolved["services"]


def test_yaml_says_the_same_and_extensions_too(tmp_path: Path) -> None:
    project = read_text(tmp_path, TEXT, profiles=("p",))
    (document,) = documents(render.to_yaml(project).replace("$$", "$").encode(), "shown.yaml")
    shown = plain(document.value)
    assert shown["services"]["web"]["labels"] == {"a": "1e3", "b": "0o17", "c": "no"}
    assert shown["services"]["web"]["x-more"] == {"a": 1}
    assert "command" not in shown["services"]["app"]
    assert shown["x-top"] == {"a": []}
    assert shown["services"]["app"]["volumes"] == project.resolved["services"]["app"]["volumes"]


def test_lists_of_names(tmp_path: Path) -> None:
    project = read_text(tmp_path, TEXT, profiles=("p",), project_name="shop")
    assert render.service_names(project) == ["db", "app", "web"]
    assert render.image_names(project) == ["shop-app", "db", "web"]
    assert render.volume_names(project) == ["data"]


def test_variables_can_be_left_alone(tmp_path: Path) -> None:
    from migops.compose import ComposeOptions, load

    text = "services: {a: {image: 'x:${TAG:?must}', ports: ['${P}:80'], scale: '${N}'}}\n"
    (tmp_path / "compose.yaml").write_text(text)
    project = load(ComposeOptions(), {}, cwd=str(tmp_path), interpolate=False)
    service = json.loads(render.to_json(project))["services"]["a"]
    assert (service["image"], service["ports"], service["scale"]) == ("x:${TAG:?must}", ["${P}:80"], "${N}")


def test_ssh_with_a_path_has_no_json_as_in_compose(tmp_path: Path) -> None:
    project = read_text(tmp_path, "services:\n  a:\n    build:\n      context: .\n      ssh: ['id=./key']\n")
    with pytest.raises(MigopsError, match="SSHKey") as refused:
        render.to_json(project)
    assert refused.value.at is not None
    assert "id: " in render.to_yaml(project)


def test_bytes_that_are_no_utf_8_are_shown_as_such(tmp_path: Path) -> None:
    project = read_text(tmp_path, "services: {a: {image: 'x:$BAD'}}\n", environment={"BAD": "\udcff"})
    assert json.loads(render.to_json(project))["services"]["a"]["image"] == "x:\ufffd"
    assert "x:\ufffd" in render.to_yaml(project)
    assert render.image_names(project) == ["x:\ufffd"]


def test_numbers_without_json_are_refused_where_they_are(tmp_path: Path) -> None:
    project = read_text(tmp_path, "services: {a: {image: a}}\nx-a:\n  - b: -.inf\n")
    with pytest.raises(MigopsError, match="unsupported value: -Inf") as refused:
        render.to_json(project)
    assert str(refused.value.at) == f"{tmp_path / 'compose.yaml'}:3"
    assert "-.inf" in render.to_yaml(project)


def test_a_secret_s_content_is_shown_nowhere(tmp_path: Path) -> None:
    text = "services: {a: {image: a, secrets: [s], configs: [c]}}\nsecrets: {s: {environment: TOKEN}}\n"
    project = read_text(tmp_path, text + "configs: {c: {environment: TOKEN}}\n", environment={"TOKEN": "canary-4711"})
    assert "canary-4711" not in render.to_json(project) + render.to_yaml(project)
    assert project.resolved["secrets"] == {"s": {"environment": "TOKEN", "name": f"{project.name}_s"}}
