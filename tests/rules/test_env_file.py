"""MIG106 through doctor: a .env file that the build copies, and that no rule asks to be in the image."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.shop import COMPOSE, Shop


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop.at(tmp_path).line("001")


@pytest.mark.parametrize("name", [".env", ".env.prod", ".envrc", "conf/.env.local"])
def test_it_would_be_copied(shop: Shop, name: str) -> None:
    said = shop.write(name, "SECRET=1\n").doctor().of("MIG106")
    assert f"as /app/{name}" in said.text
    assert "Dockerfile:3: `COPY . .`" in said.text
    base = name.rpartition("/")[2]
    assert f"add the line **/{base} to .dockerignore" in said.fix
    shop.write(".dockerignore", f"**/{base}\n")
    assert shop.doctor().said == (), "the fix, applied as it is printed"


@pytest.mark.parametrize("name", [".env.example", ".env.sample", "env.py", "app.env.py", ".environment"])
def test_what_is_no_env_file(shop: Shop, name: str) -> None:
    assert shop.write(name, "A=1\n").doctor().said == ()


def test_what_compose_gives_anyway_needs_no_other_way(shop: Shop) -> None:
    shop.write(".env", "A=1\n")
    assert "env_file: [.env]" in shop.doctor().of("MIG106").fix
    shop.write("compose.yaml", COMPOSE + "    env_file: .env\n")
    assert "env_file" not in shop.doctor().of("MIG106").fix


def test_the_image_is_never_asked_for_it(shop: Shop) -> None:
    """The image was built before the file was there, or left it out: nothing of that is stale."""
    shop.image(WorkingDir="/app").write(".env", "A=1\n")
    found = shop.check("--all-files")
    assert [each.name for each in found.said] == []
