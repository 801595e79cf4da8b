"""Public bug reports that the text settles: what is said of the project before anything runs, and after the edit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from migops.analysis.chain import walk
from migops.commands import status as statuses
from migops.compose import ComposeOptions
from migops.core.model import Absent, PlaceName, Severity
from migops.rules import RULES
from migops.sources.database_state import DatabaseState
from migops.target import Wanted, resolve
from tests.cases.shop import COMPOSE, Shop
from tests.kit import migops
from tests.rules.made import FIRST, container, evidence

SERVER = (
    "  db:\n    image: postgres:15\n    environment: {POSTGRES_USER: shop, POSTGRES_PASSWORD: s3cr}\n"
    "    healthcheck: {test: [CMD, pg_isready, -h, 127.0.0.1]}\n"
)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop.at(tmp_path).line("a1")


def rules(shop: Shop, *words: str) -> set[str]:
    return {each["rule"] for each in shop.run("doctor", "--no-engine", *words).json["findings"]}


def test_a_build_that_migrates_is_edited_before_it_is_built(shop: Shop) -> None:
    """ETretyakov/hero-app#1: the next step is the line of the Dockerfile, not a build that must fail."""
    text = (shop.folder / "Dockerfile").read_text()
    shop.write("Dockerfile", text.replace("COPY . .\n", "COPY . .\nRUN alembic upgrade head\n"))
    said = migops("doctor", "app", "--no-engine", cwd=shop.folder)
    assert said.code == 1
    assert "next   edit Dockerfile:4 (step 1)" in said.stdout, said.stdout
    shop.write("Dockerfile", text)
    assert "MIG107" not in rules(shop)


def test_a_host_that_falls_back_to_localhost_is_named_with_its_server(shop: Shop) -> None:
    """genlayerlabs/genlayer-studio#1705: the migration service does not set POSTGRES_HOST, and its application does."""
    env = "import os\nfrom alembic import context\nfrom sqlalchemy import create_engine\n"
    url = "'postgresql+psycopg2://shop:s3cr@' + os.getenv('POSTGRES_HOST', 'localhost') + '/shop'"
    shop.write("migrations/env.py", f"{env}engine = create_engine({url})\n")
    migrate = COMPOSE.replace("app:", "migrate:") + "    command: alembic upgrade head\n"
    app = "  app:\n    build: .\n    environment: {POSTGRES_HOST: db}\n"
    shop.write("compose.yaml", migrate + app + SERVER)
    said = migops("status", "migrate", "--no-engine", cwd=shop.folder).stdout
    words = " ".join(said.split())
    assert "env.py:4 takes POSTGRES_HOST from the environment, else localhost" in words, said
    assert "set it there: POSTGRES_HOST: db" in words
    shop.write("compose.yaml", migrate + "    environment: {POSTGRES_HOST: db}\n" + app + SERVER)
    assert "localhost" not in migops("status", "migrate", "--no-engine", cwd=shop.folder).stdout


def test_a_history_that_only_a_container_has_is_compared_with_it(shop: Shop) -> None:
    """JVT038/MetaTube#79: neither host nor image has migrations; status ended with a traceback."""
    found = evidence(container(FIRST), host=FIRST, image=FIRST)
    held = found.chain.held(PlaceName.CONTAINER)
    assert held is not None
    places = {PlaceName.HOST: Absent("no configuration"), PlaceName.CONTAINER: held}
    graph = found.containers[0].found.graph  # type: ignore[union-attr]
    state = DatabaseState(("001",), True, ("item",), (), "alembic_version", ("public",), url="postgresql://u@db/d")
    given = replace(found, chain=walk(places), graphs={PlaceName.CONTAINER: graph}, database=state)
    target = resolve(Wanted(), ComposeOptions(), {}, shop.folder)
    made = statuses.make(target, given, RULES, Severity.ERROR, ())
    assert (made.word, made.against) == ("up to date", PlaceName.CONTAINER)
    assert made.sentence == "the database has every revision of the container"
    without = statuses.make(
        target,
        replace(given, chain=walk({PlaceName.HOST: Absent("no configuration")}), graphs={}, containers=()),
        RULES,
        Severity.ERROR,
        (),
    )
    assert (without.word, without.current) == ("history unknown", ("001",))
