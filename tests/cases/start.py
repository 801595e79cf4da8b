"""Cases in which the application does something to the schema when it starts."""

from __future__ import annotations

from tests.cases.case import Case
from tests.cases.shop import COMPOSE, Answer, Shop

INIT_DB = """
from models import Base
async def init_db(engine):
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
"""
UPGRADES = """
from alembic import command
from alembic.config import Config

def initialize():
    command.upgrade(Config("alembic.ini"), "head")

initialize()
"""
CALLS_IT = "import asyncio\nfrom database import init_db\nasyncio.run(init_db(engine))\n"
ONE_SHOT = """services:
  app:
    build: .
    command: python main.py
    depends_on: [db_migration]
  db_migration:
    build: .
    command: alembic upgrade head
"""


def create_all_before_alembic(shop: Shop) -> Answer:
    shop.write("compose.yaml", COMPOSE + "    command: python main.py\n").write("main.py", CALLS_IT)
    return shop.line("price_levels_1").write("database.py", INIT_DB).doctor()


def create_all_beside_a_one_shot(shop: Shop) -> Answer:
    """A container migrates, the application creates, and which is first is chance."""
    shop.write("compose.yaml", ONE_SHOT).write("database.py", INIT_DB).write("main.py", CALLS_IT)
    return shop.line("001").doctor("app")


def every_worker_upgrades(shop: Shop) -> Answer:
    shop.write("main.py", UPGRADES)
    shop.write("compose.yaml", COMPOSE + "    entrypoint: []\n    command: gunicorn --workers 3 main:app\n")
    return shop.line("001").doctor()


def an_entrypoint_for_three_replicas(shop: Shop) -> Answer:
    """Nothing in Alembic stops two upgrades at the same time."""
    shop.write("start.sh", "#!/bin/sh\nset -e\nalembic upgrade head\nexec python main.py\n")
    shop.write("compose.yaml", COMPOSE + "    entrypoint: [sh, /app/start.sh]\n    deploy: {replicas: 3}\n")
    return shop.line("001").doctor()


def nothing_waits_for_the_one_shot(shop: Shop) -> Answer:
    return shop.line("001").write("compose.yaml", ONE_SHOT).doctor("app")


CASES = (
    Case("31b", nothing_waits_for_the_one_shot, "MIG801", ("app starts while db_migration may still migrate",),
         ("db_migration: {condition: service_completed_successfully}",)),
    Case("30c", create_all_before_alembic, "MIG601", ("database.py:5", "create_all"),
         ("remove the call (tests may keep it)",)),
    Case("31", create_all_beside_a_one_shot, "MIG601", ("database.py:5",), ("remove the call (tests may keep it)",),
         never=("MIG602",)),
    Case("37", every_worker_upgrades, "MIG602", ("app migrates at every start", "main.py:6"),
         ("service_completed_successfully", "migops alembic --service app upgrade head")),
    Case("near-633", an_entrypoint_for_three_replicas, "MIG602", ("start.sh:3", "3 containers start with it"),
         ("service_completed_successfully",), never=("MIG603",)),
)  # fmt: skip
