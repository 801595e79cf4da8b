"""``migops config --explain``: where a value comes from, and which file overrode which."""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.compose.explain import explain
from migops.core.errors import MigopsError
from tests.compose.support import load_in

FILES = {
    "compose.yaml": (
        "x-base: &base\n  restart: always\nservices:\n  app:\n    <<: *base\n    image: app\n    env_file: [a.env]\n"
        "    environment: {A: main, B: b}\n    volumes:\n      - ./src:/code\n    labels: {com.example.x: a}\n"
    ),
    "compose.override.yaml": (
        "services:\n  app:\n    image: app2\n    environment:\n      - A=over\n    volumes:\n      - ./other:/code:ro\n"
    ),
    "a.env": "A=file\nC=file\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "value", "places"),
    [
        ("services.app.image", "app2", ["compose.override.yaml:3", "compose.yaml:6"]),
        ("services.app.restart", "always", ["compose.yaml:2"]),
        ("services.app.environment.A", "over", ["compose.override.yaml:5", "compose.yaml:8", "a.env:1"]),
        ("services.app.environment.B", "b", ["compose.yaml:8"]),
        ("services.app.environment.C", "file", ["a.env:2"]),
        ("services.app.volumes[0].read_only", True, ["compose.override.yaml:7", "compose.yaml:10"]),
        ("services.app.volumes./code.type", "bind", ["compose.override.yaml:7", "compose.yaml:10"]),
        ("services.app.labels.com.example.x", "a", ["compose.yaml:11"]),
        ("services.app.networks.default", None, ["compose.yaml:4"]),
    ],
)
def test_the_places_of_a_value_and_of_what_it_replaced(
    folder: Path, path: str, value: object, places: list[str]
) -> None:
    (found,) = explain(load_in(folder).tree, path)
    assert found.value == value
    told = [str(at).removeprefix(f"{folder}/") for at in (found.location, *found.replaced)]
    assert told == places


def test_a_path_above_values_tells_each_of_them(folder: Path) -> None:
    tree = load_in(folder).tree
    paths = [one.path for one in explain(tree, "services.app.volumes")]
    assert paths[:3] == [f"services.app.volumes[0].{key}" for key in ("type", "source", "target")]
    assert len(explain(tree, "")) > len(paths)


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("services.ap", "did you mean app?"),
        ("nothing.here", "available: x-base, services, name, networks"),
        ("services.app.volumes.3", "it is a list of 1; give a number from 0 to 0"),
        ("services.app.image.x", "its parent is a single value"),
    ],
)
def test_a_path_to_nothing(folder: Path, path: str, hint: str) -> None:
    with pytest.raises(MigopsError, match="nothing at") as refused:
        explain(load_in(folder).tree, path)
    assert refused.value.hint == hint
