"""The context place where links lie in between: what is read is named as it was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.dockerfile.trace import BuildView, trace
from migops.sources.context import ContextReader
from tests.images.build import link
from tests.kit import Result, example, migops, write_image


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return example("clean", tmp_path)


def unbuilt(folder: Path, *more: str) -> Result:
    return migops("check-image", "--no-engine", *more, "--format", "json", cwd=folder)


def shared(project: Path) -> Path:
    """The versions folder moves to shared/v, and a link takes its place."""
    (project / "shared").mkdir()
    (project / "migrations/versions").rename(project / "shared/v")
    (project / "migrations/versions").symlink_to("../shared/v")
    return project


def test_a_project_that_is_reached_through_a_link(project: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(project)
    found = unbuilt(tmp_path, "-f", "link/compose.yaml")
    assert (found.code, found.rules) == (0, []), found.stdout + found.stderr
    found = unbuilt(tmp_path, "--context", "link")
    assert (found.code, found.rules) == (0, []), found.stdout + found.stderr
    write_image(tmp_path / "app.tar", {"/app": project})
    found = migops("check-image", "--image", "docker-archive:app.tar", "--context", "link", cwd=tmp_path)
    assert found.code == 0, found.stdout + found.stderr


def test_a_versions_folder_that_is_a_link(project: Path) -> None:
    found = unbuilt(shared(project))
    assert (found.code, found.rules) == (0, []), found.stdout + found.stderr
    places = {place["place"]: place["revisions"] for place in found.json["places"]}
    assert places["host"] == places["context"] > 0


def test_a_versions_folder_that_is_a_link_in_the_image_too(project: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "app.tar", {"/app": shared(project)}, link("app/migrations/versions", "../shared/v"))
    image = ("check-image", "--image", "docker-archive:../app.tar", "--format", "json")
    for more in ([], ["--all-files"]):
        found = migops(*image, *more, cwd=project)
        assert (found.code, found.rules) == (0, []), found.stdout + found.stderr


def test_what_is_kept_out_below_a_link_is_named(project: Path) -> None:
    (shared(project) / ".dockerignore").write_text("shared/v/a94*\n")
    found = unbuilt(project)
    assert (found.code, found.rules) == (1, ["MIG104"])
    assert found.json["findings"][0]["facts"]["pattern"] == "shared/v/a94*"


def test_a_link_to_a_folder_is_read_through_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY . /app\n")
    (tmp_path / "versions").mkdir()
    (tmp_path / "v").mkdir()
    for name in "ab":
        (tmp_path / "v" / f"{name}.py").write_text(name)
    (tmp_path / "versions/more").symlink_to("../v")
    view = trace(None, tmp_path)
    assert isinstance(view, BuildView)
    tree = ContextReader(view, tmp_path)(["/app/versions"])
    assert {path: entry.content for path, entry in tree.items() if entry.content} == {
        "/app/versions/more/a.py": b"a",
        "/app/versions/more/b.py": b"b",
    }
