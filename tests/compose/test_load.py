"""The loader's public API on small projects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from migops.compose import ComposeOptions, Project, load
from migops.core.errors import MigopsError

Write = Callable[..., Path]


def load_here(folder: Path, *, environment: dict[str, str] | None = None, **options: object) -> Project:
    return load(ComposeOptions(**options), environment or {"HOME": "/home/ci"}, cwd=str(folder))  # type: ignore[arg-type]


def test_a_service_with_mounts_and_a_build(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "name: shop\n"
        "services:\n"
        "  app:\n"
        "    build: ./app\n"
        "    volumes:\n"
        "      - ./src:/code:ro\n"
        "      - data/sub:/data\n"
        "      - /cache\n"
        "    x-migops: {heads: many}\n"
        "volumes:\n"
        "  data/sub: {}\n".replace("data/sub", "data")
    )
    project = load_here(tmp_path)
    app = project.service("app")
    assert (project.name, project.directory) == ("shop", str(tmp_path))
    assert app.image is None
    assert app.image_ref == "shop-app"
    assert app.build is not None
    assert app.build.context == str(tmp_path / "app")
    assert app.build.dockerfile == "Dockerfile"
    assert app.extensions == {"x-migops": {"heads": "many"}}
    bind, named, anonymous = app.volumes
    assert (bind.type, bind.source, bind.target, bind.read_only) == ("bind", str(tmp_path / "src"), "/code", True)
    assert (named.type, named.source, named.volume_name) == ("volume", "data", "shop_data")
    assert anonymous.is_anonymous
    assert [mount.location.line for mount in app.volumes] == [6, 7, 8]
    assert str(app.location) == f"{tmp_path / 'compose.yaml'}:3"


def test_an_inactive_service_is_told_from_an_unknown_one(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(
        "services:\n  app: {image: app}\n  tools:\n    image: tools\n    profiles: [debug]\n"
    )
    project = load_here(tmp_path)
    assert list(project.services) == ["app"]
    with pytest.raises(MigopsError, match="in profile debug") as inactive:
        project.service("tools")
    assert inactive.value.hint == "enable it with --profile debug"
    with pytest.raises(MigopsError, match="no such service: web"):
        project.service("web")
    assert "tools" in load_here(tmp_path, profiles=("debug",)).services
