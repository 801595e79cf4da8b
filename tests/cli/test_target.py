"""What is said where it is not plain what should be checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit import example, migops

INI = "[alembic]\nscript_location = m\n"


@pytest.mark.parametrize("service", [[], ["app"]])
def test_a_build_context_that_is_not_there(tmp_path: Path, service: list[str]) -> None:
    (tmp_path / "compose.yaml").write_text("services:\n  app:\n    build: ./nodir\n")
    found = migops("check-image", *service, cwd=tmp_path)
    assert found.code == 2
    assert "compose.yaml:3: build.context is not a folder" in found.stderr
    assert "nodir" in found.stderr


def test_of_many_configurations_five_are_named(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services:\n  app:\n    build: .\n")
    for number in range(12):
        (tmp_path / f"part{number:02}").mkdir()
        (tmp_path / f"part{number:02}" / "alembic.ini").write_text(INI)
    found = migops("check-image", "app", cwd=tmp_path)
    assert found.code == 2
    assert "part04/alembic.ini and 7 more" in found.stderr
    assert "part05" not in found.stderr


@pytest.mark.parametrize("options", ["-c prod.ini", "--config=prod.ini", "-x tenant=a -c prod.ini", "-cprod.ini"])
def test_the_configuration_that_the_services_command_names(tmp_path: Path, options: str) -> None:
    (tmp_path / "compose.yaml").write_text(
        f"services:\n  app:\n    build: .\n    command: alembic {options} upgrade head\n"
    )
    (tmp_path / "alembic.ini").write_text(INI)
    found = migops("check-image", "app", cwd=tmp_path)
    assert found.code == 2
    assert "service 'app' runs Alembic with prod.ini" in found.stderr


def test_no_finding_has_an_empty_fix(tmp_path: Path) -> None:
    project = example("clean", tmp_path)
    for script in (project / "migrations/versions").iterdir():
        script.unlink()
    found = migops("check-image", "--no-engine", "--format", "json", cwd=project)
    assert "MIG305" in found.rules
    assert all(step["why"] for finding in found.json["findings"] for step in finding["remedy"])


def test_a_project_name_means_that_there_is_a_project(tmp_path: Path) -> None:
    found = migops("check-image", "--image", "app", "--host-dir", ".", "-p", "shop", cwd=tmp_path)
    assert found.code == 2
    assert "no compose file found" in found.stderr
