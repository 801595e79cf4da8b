"""doctor as a command: what it judges, its exit codes, and what is never shown. No engine is reachable here."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from migops.rules import RULES
from tests.cases.shop import COMPOSE, INI, READS_INI, Shop
from tests.kit import Result, example, migops

BEHIND = {"MIG402"}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop.at(tmp_path).line("001", "002")


def doctor(shop: Shop, *more: str) -> Result:
    return migops("doctor", "--image", shop.archive, *more, "--format", "json", cwd=shop.folder)


def test_it_judges_what_check_image_and_status_judge(shop: Shop) -> None:
    shop.image().database("001").line("001", "002", "003")
    found = doctor(shop, "--database-url", shop.url)
    assert found.code == 1
    assert found.json["command"] == "doctor"
    assert {"MIG002", *BEHIND} <= set(found.rules)
    assert found.json["deselected"] == []


def test_warnings_fail_only_where_that_is_asked(shop: Shop) -> None:
    shop.image().database("001")
    assert doctor(shop, "--database-url", shop.url).code == 0
    assert doctor(shop, "--database-url", shop.url, "--fail-on", "warning").code == 1


def test_a_database_that_cannot_be_asked_is_no_verdict(shop: Shop) -> None:
    shop.image()
    found = doctor(shop, "--database-url", "postgresql://shop:kAn4ry@127.0.0.1:1/shop", "--timeout", "2")
    assert (found.code, found.json["verdict"]) == (3, "unknown")
    assert "MIG402" in {each["rule"] for each in found.json["skipped"]}
    assert "kAn4ry" not in found.stdout + found.stderr


def test_a_database_that_is_not_there_yet_is_an_answer(shop: Shop) -> None:
    found = doctor(shop.image(), "--database-url", "sqlite:////nowhere/shop.db")
    assert (found.code, found.json["verdict"]) == (0, "clean")


def test_the_files_alone_need_no_database(shop: Shop) -> None:
    shop.write("compose.yaml", COMPOSE + "    environment: {DATABASE_URL: 'postgresql://shop@db/shop'}\n")
    found = migops("doctor", "--no-engine", "--format", "json", cwd=shop.folder)
    assert (found.code, found.json["verdict"]) == (0, "clean")
    with closing(sqlite3.connect(shop.folder.parent / "shop.db")) as connection, connection:
        connection.execute("CREATE TABLE product (id INTEGER)")
    asked = migops("doctor", "--no-engine", "--database-url", shop.url, "--format", "json", cwd=shop.folder)
    assert (asked.code, asked.rules) == (1, ["MIG401"])


def test_text_names_the_file_the_line_and_what_to_type(shop: Shop) -> None:
    shop.write("alembic.ini", INI + "sqlalchemy.url = postgresql://shop:kAn4ry@db/shop\n")
    for more, says in (((), "warning MIG503 sqlalchemy.url contains a password (alembic.ini:"),
                       (("-v",), "MIG503 credentials-in-ini (warning)")):  # fmt: skip
        found = migops("doctor", "--no-engine", *more, cwd=shop.folder, env={"COLUMNS": "80"})
        assert found.code == 0
        assert says in found.stdout
        assert max(len(line) for line in found.stdout.splitlines()) <= 80
        assert "kAn4ry" not in found.stdout + found.stderr


def test_the_command_to_type_is_its_own(tmp_path: Path) -> None:
    found = migops("doctor", "--no-engine", cwd=example("stale-base", tmp_path))
    assert found.code == 2
    assert "name one: migops doctor --no-engine base" in found.stderr


def test_nothing_is_written(shop: Shop) -> None:
    shop.image().database("002")
    before = {path: path.stat().st_mtime_ns for path in shop.folder.parent.rglob("*")}
    doctor(shop, "--database-url", shop.url)
    assert {path: path.stat().st_mtime_ns for path in shop.folder.parent.rglob("*")} == before


GUIDE = """
name: llm-bot
services:
  app:
    build: .
    entrypoint: []
    command: sh -c "alembic upgrade head || true; python main.py"
    depends_on: [postgres]
    environment: {DATABASE_URL: "postgresql+asyncpg://postgres:password@postgres:5432/catalog_db"}
  postgres:
    image: postgres:15
    environment: {POSTGRES_PASSWORD: password, POSTGRES_DB: catalog_db}
    healthcheck: {test: ["CMD-SHELL", "pg_isready -U postgres"]}
"""


def test_a_project_with_all_that_a_team_once_wrote_down(shop: Shop) -> None:
    """The settings of the guide that this program started from, before anybody mended one."""
    shop.write("compose.yaml", GUIDE).write("migrations/env.py", READS_INI + "target_metadata = None\n")
    shop.write("alembic.ini", INI.replace("path_separator", "version_path_separator") + "version_num_format = %04d\n"
               "sqlalchemy.url = postgresql+asyncpg://postgres:password@postgres:5432/catalog_db\n")  # fmt: skip
    shop.write("connection.py", "async def init_db(conn):\n    await conn.run_sync(Base.metadata.create_all)\n")
    shop.write("models.py", "Base = declarative_base()\n")
    shop.write("main.py", "import asyncio\nfrom connection import init_db\nasyncio.run(init_db(engine.begin()))\n")
    found = migops("doctor", "--no-engine", "--format", "json", cwd=shop.folder)
    assert sorted(found.rules) == [
        *(
            "MIG501",
            "MIG503",
            "MIG505",
            "MIG506",
            "MIG509",
            "MIG601",
            "MIG602",
            "MIG603",
            "MIG801",
            "MIG802",
            "MIG803",
            "MIG804",
        ),
    ]
    assert found.code == 1


def test_revisions_that_cannot_be_taken_back_are_worth_a_word(shop: Shop) -> None:
    back = "def downgrade():\n    {}\n"
    for name, parents, text in (
        ("003", "'002'", back.format("pass")), ("004", "'003'", back.format("raise NotImplementedError")),
        ("005", "'004'", ""), ("006", "'005'", back.format("op.x('y')")), ("007", "'005'", back.format("op.x()")),
        ("008", "('006', '007')", back.format("pass")),
        ("009", "'008'", f"def upgrade():\n    pass\n\n{back.format('pass')}"),
    ):  # fmt: skip
        shop.write(f"migrations/versions/{name}.py", f"revision = '{name}'\ndown_revision = {parents}\n{text}")
    found = migops("doctor", "--no-engine", "--format", "json", cwd=shop.folder)
    assert (found.code, found.rules) == (0, ["MIG307"])
    assert found.json["findings"][0]["severity"] == "info"
    assert found.json["findings"][0]["facts"]["revisions"] == ["003", "004", "005"]


def test_what_only_doctor_judges_is_said_by_no_other(shop: Shop) -> None:
    """Each of them has something to say of this project."""
    shop.write("compose.yaml", GUIDE).write("migrations/env.py", "target_metadata = None\n")
    shop.write("migrations/versions/003.py", "revision = '003'\ndown_revision = '002'\n")
    shop.write("connection.py", "Base.metadata.create_all(engine)\n").image().database("003")
    lint = {rule.id for rule in RULES if rule.lint}
    assert lint & set(doctor(shop, "--database-url", shop.url).rules)
    for command in (("check-image",), ("status", "--database-url", shop.url)):
        found = migops(*command, "--image", shop.archive, "--format", "json", cwd=shop.folder)
        assert not lint & set(found.rules)
        assert not lint & {each["rule"] for each in found.json["skipped"]}
