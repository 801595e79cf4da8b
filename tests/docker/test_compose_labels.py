"""Compose's labels: read alike from a row of the engine's list and from an inspection."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import migops
from migops.docker import compose_labels, connect
from migops.docker.containers import name_of, running
from tests.engine.sandbox import Sandbox

LABELS = {
    "com.docker.compose.project": "shop",
    "com.docker.compose.service": "app",
    "com.docker.compose.oneoff": "False",
    "com.docker.compose.container-number": "2",
}


@pytest.mark.parametrize("container", [{"Labels": LABELS}, {"Config": {"Labels": LABELS}}])
def test_a_container_of_compose(container: dict[str, Any]) -> None:
    assert compose_labels.service_of(container) == "app"
    assert compose_labels.read(container, compose_labels.NUMBER) == "2"
    assert not compose_labels.is_one_off(container)


@pytest.mark.parametrize(
    "container", [{}, {"Labels": None}, {"Labels": {}}, {"Config": None}, {"Config": {}}, {"Config": {"Labels": None}}]
)
def test_a_container_that_is_not_composes(container: dict[str, Any]) -> None:
    assert compose_labels.service_of(container) == ""
    assert not compose_labels.is_one_off(container)


def test_filters() -> None:
    project, service, one_off = list(LABELS)[:3]
    assert compose_labels.filters("shop") == {project: "shop"}
    assert compose_labels.filters("shop", "app") == {project: "shop", service: "app"}
    assert compose_labels.filters("shop", "app", one_offs=False) == {project: "shop", service: "app", one_off: "False"}
    assert compose_labels.filters("shop", "") == {project: "shop", service: ""}, "no service is not every service"


class Engine:
    """An engine that lists these containers to whoever asks for a service's."""

    def __init__(self, *containers: dict[str, Any]) -> None:
        self.listed = list(containers)

    def containers(self, labels: dict[str, str]) -> list[dict[str, Any]]:
        assert labels == compose_labels.filters("shop", "app")
        return self.listed


def test_what_runs_is_no_one_off_and_has_not_ended() -> None:
    one_off = {**LABELS, compose_labels.ONE_OFF: "True"}
    lasting = {"Id": "1", "State": "running", "Labels": LABELS}
    engine = Engine(
        {"Id": "0", "State": "exited", "Labels": LABELS}, lasting, {"Id": "2", "State": "running", "Labels": one_off}
    )
    assert running(engine, "shop", "app") == [lasting]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("container", "name"),
    [
        ({"Names": ["/shop-app-1", "/other/alias"], "Id": "f" * 64}, "shop-app-1"),
        ({"Name": "/shop-app-1", "Id": "f" * 64}, "shop-app-1"),
        ({"Names": [], "Id": "f" * 64}, "f" * 12),
        ({"Names": None}, "?"),
    ],
)
def test_the_name_of_a_container(container: dict[str, Any], name: str) -> None:
    assert name_of(container) == name


def test_no_other_module_spells_them() -> None:
    spelled = re.compile(r"com\.docker\.compose")
    source = Path(migops.__file__).parent
    files = [path.relative_to(source).as_posix() for path in source.rglob("*.py") if spelled.search(path.read_text())]
    assert files == ["docker/compose_labels.py"]


@pytest.mark.engine
def test_a_hooks_container_is_no_container_of_the_service(sandbox: Sandbox) -> None:
    """Compose 5 keeps a failed ``pre_start`` container, with the service's labels; a real compose 5 was not run."""
    labels = {compose_labels.PROJECT: sandbox.name, compose_labels.SERVICE: "app"}
    words = [word for name, value in labels.items() for word in ("--label", f"{name}={value}")]
    sandbox.docker("create", *words, "python:3.11-slim", "true")
    hook = sandbox.docker("create", *words, "--label", f"{compose_labels.HOOK}=pre_start", "python:3.11-slim", "true")
    with connect(environment=sandbox.env) as engine:
        for services in (None, "app"):
            rows = engine.containers(compose_labels.filters(sandbox.name, services))
            assert len(rows) == 1
            assert rows[0]["Id"] != hook.strip()
        assert len(engine.containers(compose_labels.filters(sandbox.name), hooks=True)) == 2
        assert hook.strip() in {row["Id"] for row in engine.containers({})}
