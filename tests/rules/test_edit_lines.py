"""A step of the plan that edits a file says which line of which file, where the finding knows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.shop import COMPOSE, Shop

DB = "  db:\n    image: postgres:15\n    healthcheck: {test: [CMD, pg_isready, -h, 127.0.0.1]}\n    restart: always\n"
URL = "    environment: {DATABASE_URL: 'postgresql://shop:pw7@db:5432/shop'}\n"
HEAD = "FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\n"
SWALLOWED = "alembic upgrade head || true; exec python main.py"
STAMPED = "alembic stamp head; exec python main.py"


def edits(shop: Shop, rule: str) -> list[str]:
    """``file:line`` of the rule's edits in the plan, the file below the project; '' without a line."""
    steps = shop.run("doctor", "app", "--no-engine", "--fail-on", "info", "--select", rule).json["plan"]
    chosen = [each for each in steps if each["action"] == "edit"]
    return [f"{Path(each['file']).name}:{each['line']}" if each["file"] else "" for each in chosen]


@pytest.mark.parametrize(("rule", "start"), [("MIG603", SWALLOWED), ("MIG604", STAMPED)])
@pytest.mark.parametrize(
    ("dockerfile", "compose", "at"),
    [
        ('ENTRYPOINT ["sh", "/app/start.sh"]\n', "", "start.sh:2"),
        ("ENTRYPOINT []\n# the start\nCMD {}\n", "", "Dockerfile:6"),
        ('ENTRYPOINT ["sh", "-c", "{}"]\n', "", "Dockerfile:4"),
        ("ENTRYPOINT []\n", '    command: sh -c "{}"\n', "compose.yaml:4"),
    ],
    ids=["script", "CMD", "ENTRYPOINT", "compose"],
)
def test_a_start(rule: str, start: str, dockerfile: str, compose: str, at: str, tmp_path: Path) -> None:
    shop = Shop.at(tmp_path).line("a1").write("start.sh", f"#!/bin/sh\n{start}\n")
    shop.write("Dockerfile", HEAD + dockerfile.format(start))
    shop.write("compose.yaml", COMPOSE + compose.format(start) + URL + DB)
    assert edits(shop, rule) == [at]


@pytest.mark.parametrize(
    ("rule", "compose", "at"),
    [
        ("MIG808", COMPOSE + "    container_name: shop\n" + URL + DB, "compose.yaml:4"),
        ("MIG804", COMPOSE + URL + DB.replace("image", "# its data\n    image"), "compose.yaml:5"),
    ],
)
def test_the_compose_file(rule: str, compose: str, at: str, tmp_path: Path) -> None:
    shop = Shop.at(tmp_path).line("a1").write("Dockerfile", HEAD).write("compose.yaml", compose)
    assert edits(shop, rule)[-1] == at  # a backup by hand may come before


def test_a_start_that_only_an_image_has_is_changed_by_hand(tmp_path: Path) -> None:
    """Its script is no file of this machine: a line of it would be one that nobody can open."""
    shop = Shop.at(tmp_path).line("a1").image(Entrypoint=["sh", "-c", SWALLOWED])
    steps = shop.run("doctor", "--image", shop.archive, "--select", "MIG603").json["plan"]
    chosen = [each for each in steps if "MIG603" in each["rules"]]
    assert [each["file"] for each in chosen] == [""]
