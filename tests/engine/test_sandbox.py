from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.engine import Engine
from tests.engine.inventory import Inventory
from tests.engine.sandbox import Sandbox

COMPOSE = """\
services:
  app:
    build: .
    init: true
    command: sleep 600
    volumes: ["/anonymous", "named:/named"]
volumes: {named: {}}
"""


@pytest.fixture
def inner(engine: Engine, sandbox: Sandbox) -> Sandbox:
    """A sandbox within the test's own, so that the test itself can clean it."""
    path = sandbox.path / f"{sandbox.name}inner"
    path.mkdir()
    return Sandbox(engine, path.name, path)


def test_nothing_is_left_of_a_project(engine: Engine, inner: Sandbox) -> None:
    before = Inventory.of(engine)
    (inner.path / "compose.yaml").write_text(COMPOSE)
    for number in range(2):  # the second build takes the tag from the first, the second `up` orphans a volume
        (inner.path / "Dockerfile").write_text(f"FROM python:3.11-slim\nRUN echo {number} >/number\n")
        inner.compose("up", "--build", "--detach", "--force-recreate", "--renew-anon-volumes")
    inner.docker("network", "create", f"{inner.name}-more")
    kinds = {words.split()[0] for words in Inventory.of(engine).ids() - before.ids()}
    assert kinds == {"container", "image", "network", "volume"}
    inner.clean()
    after = Inventory.of(engine)
    assert not {words for words in after.ids() - before.ids() if inner.name in words}
    assert after.belonging_to(inner.name).ids() == frozenset()
    assert after.orphans(before).volume, "what `up` orphaned mentions nobody: the end of the run removes it"


def test_a_name_for_a_foreign_image_goes_and_the_image_stays(engine: Engine, inner: Sandbox) -> None:
    inner.docker("tag", "python:3.11-slim", inner.tag("copy"))
    assert Inventory.of(engine).belonging_to(inner.name).image
    inner.clean()
    after = Inventory.of(engine)
    assert after.belonging_to(inner.name).ids() == frozenset()
    assert any("python:3.11-slim" in words for words in after.ids())


def test_what_mentions_another_sandbox_stays(engine: Engine, sandbox: Sandbox, inner: Sandbox) -> None:
    sandbox.docker("volume", "create", f"{sandbox.name}-kept")
    inner.clean()
    assert f"{sandbox.name}-kept" in Inventory.of(engine).volume


def test_an_untagged_image_is_found_by_its_label(engine: Engine, inner: Sandbox) -> None:
    (inner.path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    image = inner.build(inner.path, inner.tag("app"))
    (inner.path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /second\n")
    assert inner.build(inner.path, inner.tag("app")) != image
    inner.clean()
    assert image not in Inventory.of(engine).image


def test_the_environment_leads_to_the_engine_alone(
    engine: Engine, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "elsewhere")
    monkeypatch.setenv("COMPOSE_FILE", "elsewhere.yaml")
    assert "DOCKER_CONTEXT" not in engine.env
    assert "COMPOSE_FILE" not in engine.env
    assert sandbox.env["COMPOSE_PROJECT_NAME"] == sandbox.name
