"""Merging, where a kept case would hide what is meant: which file's value stays, and where it is said to come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.compose import Project
from migops.compose.explain import explain
from tests.compose.support import load_in

BASE = """\
services:
  app:
    image: app
    command: [a]
    environment: {A: base, B: base}
    volumes:
      - ./one:/code
      - data:/data
    ports: ["80:80"]
volumes:
  data:
"""


def merged(folder: Path, override: str, base: str = BASE) -> Project:
    (folder / "compose.yaml").write_text(base)
    (folder / "compose.override.yaml").write_text(override)
    return load_in(folder)


def test_a_mount_on_the_same_target_replaces_the_first(tmp_path: Path) -> None:
    app = merged(tmp_path, "services:\n  app:\n    volumes:\n      - ./two:/code/\n      - ./x:/x\n").service("app")
    assert [(mount.target, mount.source) for mount in app.volumes] == [
        ("/code", str(tmp_path / "two")),
        ("/data", "data"),
        ("/x", str(tmp_path / "x")),
    ]


@pytest.mark.parametrize(
    ("override", "key", "wanted"),
    [
        ("command: [b, c]", "command", ["b", "c"]),
        ("environment: [B=over, C]", "environment", {"A": "base", "B": "over", "C": None}),
        ("environment: !override {C: c}", "environment", {"C": "c"}),
        ("environment: {A: !reset null}", "environment", {"B": "base"}),
        ("command: !reset null", "command", None),
        ("expose: !override ['81']", "expose", ["81"]),
        ("ports: !override []", "ports", None),
        ("volumes: !reset []", "volumes", None),
    ],
)
def test_what_an_override_does(tmp_path: Path, override: str, key: str, wanted: object) -> None:
    app = merged(tmp_path, f"services:\n  app:\n    {override}\n").resolved["services"]["app"]
    assert app.get(key) == wanted


def test_places_follow_the_values(tmp_path: Path) -> None:
    app = merged(tmp_path, "services:\n  app:\n    volumes:\n      - ./two:/code\n    build: .\n").service("app")
    places = {mount.target: str(mount.location).removeprefix(f"{tmp_path}/") for mount in app.volumes}
    assert places == {"/code": "compose.override.yaml:4", "/data": "compose.yaml:8"}
    assert app.build is not None
    assert str(app.build.location) == f"{tmp_path / 'compose.override.yaml'}:5"
    assert str(app.location) == f"{tmp_path / 'compose.yaml'}:2"


def test_extended_services_do_not_share_values(tmp_path: Path) -> None:
    text = "services:\n  a: {image: a, environment: {X: a}}\n  b: {extends: a, environment: {X: b}}\n"
    text += "  c: {extends: a}\n"
    services = merged(tmp_path, "services: {c: {environment: {X: c}}}\n", text).services
    assert {name: service.environment["X"] for name, service in services.items()} == {"a": "a", "b": "b", "c": "c"}


def test_short_forms_keep_their_place_when_they_are_merged(tmp_path: Path) -> None:
    base = "services:\n  app:\n    build: .\n    dns: 1.1.1.1\n    depends_on:\n      - db\n  db:\n    image: db\n"
    override = "services:\n  app:\n    build:\n      target: x\n    dns: 8.8.8.8\n    depends_on:\n"
    override += "      db: {condition: service_healthy}\n"
    project = merged(tmp_path, override, base)
    found = {one.path: str(one.location).rpartition("/")[2] for one in explain(project.tree, "services.app")}
    assert found["services.app.build.context"] == "compose.yaml:3"
    assert found["services.app.build.target"] == "compose.override.yaml:4"
    assert found["services.app.dns[0]"] == "compose.yaml:4"
    assert found["services.app.dns[1]"] == "compose.override.yaml:5"
    assert found["services.app.depends_on.db.condition"] == "compose.override.yaml:7"
    assert found["services.app.depends_on.db.required"] == "compose.yaml:6"
