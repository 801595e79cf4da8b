"""Which services use a database, by their environment."""

from __future__ import annotations

from pathlib import Path

from migops.backup.connected import leads_there
from migops.compose import ComposeOptions, load
from migops.database import parse_url

COMPOSE = """
services:
  app: {image: a, environment: {DATABASE_URL: postgresql+asyncpg://shop:x@db:5432/shop}}
  alias: {image: a, environment: {ANY: "postgres://shop:x@store/shop"}}
  pieces: {image: a, environment: {DB_HOST: db, DB_NAME: shop}}
  other: {image: a, environment: {DATABASE_URL: postgresql://shop:x@db/other}}
  elsewhere: {image: a, environment: {DATABASE_URL: postgresql://shop:x@db.example/shop}}
  none: {image: a, environment: {URL: "redis://cache/0", BROKEN: "http://[", EMPTY: ""}}
  db: {image: postgres:15, environment: {POSTGRES_DB: shop, HOST: db}, networks: {default: {aliases: [store]}}}
"""


def using(tmp_path: Path, url: str, server: str) -> set[str]:
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    project = load(ComposeOptions(), environment={}, cwd=str(tmp_path))
    services = project.services.values()
    return {each.name for each in services if leads_there(project, each, server, parse_url(url))}


def test_of_a_server_of_the_project(tmp_path: Path) -> None:
    assert using(tmp_path, "postgresql://shop:x@db/shop", "db") == {"app", "alias", "pieces"}


def test_of_a_server_elsewhere(tmp_path: Path) -> None:
    assert using(tmp_path, "postgresql://shop:x@db.example/shop", "") == {"elsewhere"}
