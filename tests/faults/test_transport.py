"""The same verdict over every way to an engine: the socket, and TCP with TLS on loopback (certificates needed)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.fixtures import SecondEngines
from tests.images.build import Member
from tests.kit import Result, example, migops, write_image

pytestmark = pytest.mark.engine
IMAGE = "migops-test/app:1"  # the name that the hand-made archive carries


@pytest.fixture
def stale(tmp_path: Path) -> Path:
    project = example("clean", tmp_path)
    ghost = Member("app/migrations/versions/0ld_ghost.py", b"revision = '0ld'\ndown_revision = 'a94d5e61c8f3'\n")
    write_image(tmp_path / "app.tar", {"/app": project}, ghost)
    return project


def check(project: Path, env: dict[str, str]) -> Result:
    return migops("check-image", "--image", IMAGE, "--context", ".", "--format", "json", cwd=project, env=env)


@pytest.mark.parametrize("tls", [False, True], ids=["socket", "tls"])
def test_the_same_verdict(stale: Path, second_engine: SecondEngines, tls: bool) -> None:
    second = second_engine(images=(), tls=tls)
    second.engine.docker("load", "-i", str(stale.parent / "app.tar"))
    found = check(stale, second.engine.env)
    assert found.code == 1, found.stdout + found.stderr
    assert found.rules == ["MIG001", "MIG101"]
    assert found.json["findings"][0]["facts"]["layer"]["created_by"].startswith("COPY")


def test_tls_without_our_certificates_is_no_verdict(stale: Path, second_engine: SecondEngines, tmp_path: Path) -> None:
    second = second_engine(images=(), tls=True)
    (tmp_path / "none").mkdir()
    found = check(stale, {**second.engine.env, "DOCKER_CERT_PATH": str(tmp_path / "none")})
    assert found.code == 3
    assert "Traceback" not in found.stderr
    assert second.engine.host in found.json["missing"][0]
