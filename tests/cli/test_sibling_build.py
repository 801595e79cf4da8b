"""An image that another service of the project builds: its build is known to every check."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from migops.compose import ComposeOptions
from migops.target import Target, Wanted, resolve
from tests.kit import example, migops

COMPOSE = """services:
  app:
    image: {app}
    depends_on: [db]
  {builder}:
    build: {{context: ., dockerfile: {dockerfile}{tags}}}
    image: {image}
    command: alembic upgrade head
{more}  db:
    image: postgres:15
"""


def project(folder: Path, app: str, **given: str) -> Path:
    """The clean example; ``app`` is the image of a service without a build."""
    found = example("clean", folder)
    (found / "Dockerfile").rename(found / "Dockerfile.shop")
    values: Mapping[str, str] = {
        "builder": "migrate",
        "image": "shop",
        "dockerfile": "Dockerfile.shop",
        "tags": "",
        "more": "",
    }
    (found / "compose.yaml").write_text(COMPOSE.format(app=app, **{**values, **given}))
    return found


def target(folder: Path, *profiles: str) -> Target:
    return resolve(Wanted(service="app"), ComposeOptions(profiles=profiles), {}, folder)


@pytest.mark.parametrize(
    ("app", "given"),
    [
        ("shop", {}),
        ("shop:latest", {}),
        ("docker.io/library/shop", {}),
        ("shop", {"image": "docker.io/shop:latest"}),
        ("shop:2", {"tags": ", tags: ['shop:2']"}),
        ("shop", {"more": "    profiles: [tools]\n"}),
    ],
    ids=["same", "latest", "library", "both", "an additional name", "another profile"],
)
def test_the_build_is_known(tmp_path: Path, app: str, given: Mapping[str, str]) -> None:
    folder = project(tmp_path, app, **given)
    found = target(folder)
    assert found.build is not None
    assert (found.root, found.build.dockerfile) == (folder, folder / "Dockerfile.shop")
    assert found.commands.can_build
    assert found.commands.build("--no-cache") == ("docker", "compose", "build", "--no-cache", "migrate")
    done = migops("check-image", "--no-engine", "app", "--format", "json", cwd=folder)
    assert (done.code, done.json["verdict"]) == (0, "clean"), done.stderr


@pytest.mark.parametrize("app", ["shop:2", "team/shop", "registry.example/shop", "shop-app", "localhost/shop"])
def test_a_name_that_only_looks_alike_is_another_image(tmp_path: Path, app: str) -> None:
    found = target(project(tmp_path, app))
    assert found.build is None
    assert found.commands.build() == ()
    assert "migrate" not in found.siblings


def test_two_builds_of_one_name_are_no_answer(tmp_path: Path) -> None:
    other = "  other:\n    build: {context: ., dockerfile: Dockerfile.shop, target: other}\n    image: shop:latest\n"
    assert target(project(tmp_path, "shop", more=other)).build is None


def test_of_two_builds_the_one_that_it_waits_for_counts(tmp_path: Path) -> None:
    other = "  other:\n    build: {context: ., dockerfile: Dockerfile.shop, target: other}\n    image: shop:latest\n"
    folder = project(tmp_path, "shop", more=other)
    text = (folder / "compose.yaml").read_text()
    (folder / "compose.yaml").write_text(text.replace("depends_on: [db]", "depends_on: [db, migrate]"))
    assert target(folder).commands.build() == ("docker", "compose", "build", "migrate")


def test_a_fault_of_the_build_is_found_and_its_fix_builds_it(tmp_path: Path) -> None:
    folder = project(tmp_path, "shop")
    (folder / ".dockerignore").write_text("migrations/versions\n")
    done = migops("check-image", "--no-engine", "app", "--format", "json", cwd=folder)
    assert done.code == 1
    assert "does not know how" not in done.stdout
    assert "MIG104" in {each["rule"] for each in done.json["findings"]}


def test_on_a_host_without_its_sources_nothing_builds_it(tmp_path: Path) -> None:
    folder = project(tmp_path, "shop")
    (folder / "Dockerfile.shop").unlink()
    assert target(folder).build is None
