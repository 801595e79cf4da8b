"""A host that has only a compose file: image and containers say what the migrations are, and the host is absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_first_command import DOCKERFILE, INI, SCRIPT, project, write
from tests.engine.sandbox import Sandbox
from tests.kit import Result, migops, write_image

COMPOSE = "services:\n  app:\n    image: shop\n  db:\n    image: postgres:15\n"


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """A server's folder, beside it the archive of an image with migrations in its working directory."""
    write_image(tmp_path / "app.tar", {"/app": project(tmp_path / "source", {})}, config={"WorkingDir": "/app"})
    write_image(tmp_path / "none.tar", {"/app": write(tmp_path / "other", {"x": ""})}, config={"WorkingDir": "/app"})
    return write(tmp_path / "server", {"compose.yaml": COMPOSE})


def call(folder: Path, command: str, *arguments: str, image: str = "app") -> Result:
    return migops(command, "--image", f"docker-archive:../{image}.tar", *arguments, cwd=folder)


@pytest.mark.parametrize("command", ["status", "doctor", "check-image"])
def test_the_image_is_read_and_the_host_is_absent(server: Path, command: str) -> None:
    found = call(server, command, "--format", "json", "app")
    states = {place["place"]: place["status"] for place in found.json["places"]}
    assert (states["host"], states["image"]) == ("absent", "read"), found.stderr
    assert [place["heads"] for place in found.json["places"] if place["place"] == "image"] == [["a1"]]
    reason = next(place["reason"] for place in found.json["places"] if place["place"] == "host")
    assert "found neither an alembic.ini nor a pyproject.toml" in reason


def test_status_shows_the_revisions(server: Path) -> None:
    found = call(server, "status", "app")
    assert found.code == 0
    assert "a1" in found.stdout


def test_nothing_to_compare_with_is_no_pass(server: Path) -> None:
    found = call(server, "check-image", "--format", "json", "app")
    assert (found.code, found.json["verdict"]) == (3, "unknown")
    assert found.json["missing"][0].startswith("host: found neither")


def test_a_configuration_of_another_name_in_the_image(server: Path, tmp_path: Path) -> None:
    files = {"migrations/alembic.ini": "[alembic]\n", "migrations/env.py": "", "migrations/versions/f1.py": SCRIPT}
    write_image(tmp_path / "flask.tar", {"/app": write(tmp_path / "flask", files)}, config={"WorkingDir": "/app"})
    assert "a1" in call(server, "status", "app", image="flask").stdout


def test_an_image_without_a_configuration_is_refused_with_both_reasons(server: Path) -> None:
    found = call(server, "check-image", "app", image="none")
    assert found.code == 2
    assert f"found neither an alembic.ini nor a pyproject.toml with [tool.alembic] in {server} or below" in found.stderr
    assert "/app/alembic.ini" in found.stderr
    assert "--config FILE" in found.stderr


def test_scripts_without_a_configuration_on_the_host_still_get_their_two_lines(server: Path) -> None:
    write(server, {"m/env.py": "", "m/versions/a1.py": SCRIPT})
    assert "two lines make one" in call(server, "check-image", "app", image="none").stderr
    write(server, {"alembic.ini": INI.replace("migrations", "m")})
    assert call(server, "check-image", "app").code == 0


@pytest.mark.parametrize("arguments", [("--no-engine",), ("--config", "alembic.ini")])
def test_without_an_image_to_read_the_host_is_needed(server: Path, arguments: tuple[str, ...]) -> None:
    found = migops("check-image", *arguments, "app", cwd=server)
    assert found.code == 2


def test_a_command_that_acts_needs_the_host(server: Path) -> None:
    found = migops("rescue", "app", cwd=server)
    assert found.code == 2
    assert "found neither an alembic.ini" in found.stderr


def test_the_only_service_that_is_no_known_server_needs_no_name(server: Path) -> None:
    assert call(server, "status").code == 0
    write(server, {"compose.yaml": f"{COMPOSE}  other:\n    image: ghcr.io/x/y\n"})
    found = call(server, "status")
    assert found.code == 2
    assert "name the service: migops status --image docker-archive:../app.tar app" in found.stderr


@pytest.mark.engine
def test_containers_are_compared_with_the_image(sandbox: Sandbox, tmp_path: Path) -> None:
    """Where they differ there is no verdict, as only the host could say which is right."""
    source = project(tmp_path / "source", {"Dockerfile": f"{DOCKERFILE}CMD sleep 600\n"})
    build = f"services:\n  app:\n    build: {source}\n    image: {sandbox.tag('shop')}\n    init: true\n"
    folder = write(tmp_path / "server", {"compose.yaml": build})
    sandbox.compose("up", "-d", "--build", cwd=folder)
    write(folder, {"compose.yaml": build.replace(f"    build: {source}\n", "")})
    found = migops("check-image", cwd=folder, env=sandbox.env)
    assert found.code == 0, found.stdout + found.stderr
    assert "same migrations in image, container" in found.stdout
    sandbox.compose("exec", "-T", "app", "touch", "migrations/versions/b1.py", cwd=folder)
    assert migops("check-image", cwd=folder, env=sandbox.env).code == 3
