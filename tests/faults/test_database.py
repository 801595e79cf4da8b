"""FAULTS.md 13-15 on a real PostgreSQL: what the version table may look like, who may not come in, who holds a lock."""

from __future__ import annotations

import secrets
import time

import psycopg
import pytest

from migops.core.errors import Unavailable
from migops.database import connect, parse_url
from tests.engine.proxy import Fault, proxy
from tests.engine.sandbox import Sandbox
from tests.kit import Result, example, migops, write_image

pytestmark = pytest.mark.engine

CANARY = f"kAn4ry-{secrets.token_hex(4)}"  # nobody else's: all processes of the machine are searched for it
SECOND = "a94d5e61c8f3"
VERSION_TABLE = "CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)"


class Shop:
    """The clean example with its database up, its image as an archive, and a way into the database for the test."""

    def __init__(self, box: Sandbox) -> None:
        self.box = box
        self.project = example("clean", box.path)
        write_image(box.path / "app.tar", {"/app": self.project})
        compose = self.project / "compose.yaml"
        box.seldom(compose)
        compose.write_text(compose.read_text().replace("only-for-this-example", CANARY))
        box.compose("up", "-d", "--wait", "db", cwd=self.project)
        self.container = box.compose("ps", "-q", "db", cwd=self.project).strip()
        form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        self.address = box.docker("inspect", "-f", form, self.container).strip()

    def url(self, user: str = "shop", password: str = CANARY, query: str = "", name: str = "shop") -> str:
        return f"postgresql+asyncpg://{user}:{password}@{self.address}/{name}{query}"

    def session(self, name: str = "shop") -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.url(name=name).replace("+asyncpg", ""), autocommit=True)

    def execute(self, *statements: str) -> None:
        with self.session() as session:
            for statement in statements:
                session.execute(statement)

    def status(self, *more: str) -> Result:
        image = ("--image", "docker-archive:../app.tar")
        return migops("status", *image, "--format", "json", *more, cwd=self.project, env=self.box.env)


@pytest.fixture
def shop(sandbox: Sandbox) -> Shop:
    return Shop(sandbox)


def test_every_state_of_the_version_table_is_a_finding_of_its_own(shop: Shop) -> None:
    def found() -> tuple[str, list[str]]:
        result = shop.status()
        assert result.code == 0, result.stderr
        return result.json["state"], [rule for rule in result.rules if rule.startswith("MIG4")]

    # What an extension brings (PostGIS does) is not the application's.
    shop.execute("CREATE TABLE of_an_extension (id INTEGER)", "ALTER EXTENSION plpgsql ADD TABLE of_an_extension")
    assert found() == ("fresh", [])
    shop.execute("CREATE TABLE product (id INTEGER)")
    assert found() == ("no version", ["MIG401"])
    shop.execute(VERSION_TABLE)
    assert found() == ("no version", ["MIG401"])
    shop.execute("INSERT INTO alembic_version VALUES ('3f1c0a7be210')")
    assert found() == ("behind", ["MIG402"])
    shop.execute(f"INSERT INTO alembic_version VALUES ('{SECOND}')")
    assert found() == ("up to date", ["MIG405"])
    shop.execute("DELETE FROM alembic_version", "INSERT INTO alembic_version VALUES ('ffff')")
    assert found() == ("unknown revision", ["MIG404"])
    shop.execute("ALTER TABLE alembic_version RENAME version_num TO number")
    assert found() == ("database unknown", [])


def test_a_version_table_in_a_schema(shop: Shop) -> None:
    shop.execute(
        "CREATE SCHEMA tenant", "CREATE TABLE product (id INTEGER)", VERSION_TABLE.replace("TABLE ", "TABLE tenant."),
        f"INSERT INTO tenant.alembic_version VALUES ('{SECOND}')",
    )  # fmt: skip
    finding = shop.status().json["findings"][0]
    assert finding["facts"]["version_table_in"] == ["tenant"]
    shop.execute(VERSION_TABLE, f"INSERT INTO alembic_version VALUES ('{SECOND}')")
    (twice,) = (each for each in shop.status().json["findings"] if each["rule"].startswith("MIG4"))
    assert (twice["rule"], twice["facts"]["schemas"]) == ("MIG408", ["public", "tenant"])
    shop.execute("ALTER ROLE shop SET search_path = tenant, public")
    (turned,) = (each for each in shop.status().json["findings"] if each["rule"].startswith("MIG4"))
    assert turned["facts"]["on_search_path"] == ["tenant", "public"]
    shop.execute("DROP TABLE public.alembic_version", "ALTER ROLE shop RESET search_path")
    env_py = shop.project / "migrations/env.py"
    text = env_py.read_text().replace("connection=connection,", 'connection=connection, version_table_schema="tenant",')
    env_py.write_text(text)
    write_image(shop.box.path / "app.tar", {"/app": shop.project})
    assert shop.status().json["current"] == [SECOND]


def refused(result: Result, *words: str) -> str:
    """The reason why the database place is unknown; the canary is nowhere."""
    assert result.code == 3, result.stdout
    reason = next(line for line in result.json["missing"] if line.startswith("database: "))
    for word in words:
        assert word in reason, reason
    assert CANARY not in result.stdout
    assert result.stderr == "", "nothing is logged beside the report"
    return str(reason)


def test_who_is_not_let_in(shop: Shop) -> None:
    """A wrong password, TLS refused, an unknown host: no verdict, and the secret appears nowhere."""
    gate = ("--fail-on", "error", "--timeout", "4")
    shop.execute(f"ALTER USER shop PASSWORD '{CANARY}-changed'")
    refused(shop.status(*gate), "password authentication failed", "postgresql://shop@db:5432/shop", "compose.yaml:5")
    for url, word in (
        (shop.url(), "password authentication failed"),
        (shop.url(password="", query=f"?password={CANARY}"), "password authentication failed"),
        (shop.url(query="?ssl=require"), "SSL"),
        (shop.url(name="none").replace(CANARY, f"{CANARY}-changed"), "does not exist"),
        (f"postgresql://shop:{CANARY}@no-such-host.invalid/shop", "no-such-host.invalid"),
        (f"postgresql://shop:{CANARY}@{shop.address}:1/shop", "refused"),
        (f"postgresql://shop:a@{CANARY}@{shop.address}/shop", "%40"),
        (f"postgresql://shop:{CANARY}@{shop.address}/shop?sslmode={CANARY}", "sslmode"),
    ):
        reason = refused(shop.status(*gate, "--database-url", url), word)
        assert "Traceback" not in reason
    for view in ("text", "mermaid"):
        shown = shop.status("--format", view, "-v", "--database-url", shop.url())
        assert CANARY not in shown.stdout + shown.stderr


def test_a_version_table_that_someone_has_locked(shop: Shop) -> None:
    shop.execute(VERSION_TABLE)
    with shop.session() as session, session.transaction():
        session.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        reason = refused(shop.status("--fail-on", "error"), "lock timeout")
        assert time.monotonic() - started < 1200
        assert "another session holds a lock" in reason


def test_a_server_that_freezes_in_the_middle(shop: Shop) -> None:
    with proxy((shop.address, 5432), fault=Fault(after=0, stall=True, on=b"pg_class")) as between:
        host, port = between.address  # type: ignore[misc]
        url = shop.url().replace(shop.address, f"{host}:{port}")
        started = time.monotonic()
        refused(shop.status("--fail-on", "error", "--timeout", "2", "--database-url", url))
        assert time.monotonic() - started < 120
        assert between.struck == 1


def test_a_server_that_is_paused_or_stopped(shop: Shop) -> None:
    shop.box.docker("pause", shop.container)
    refused(shop.status("--fail-on", "error", "--timeout", "2"), "is paused")
    shop.box.docker("unpause", shop.container)
    shop.box.docker("stop", "-t", "5", shop.container)
    refused(shop.status("--fail-on", "error"), "is exited", "docker compose up -d --no-deps db")


def test_it_only_reads(shop: Shop) -> None:
    shop.execute(VERSION_TABLE)
    url = parse_url(shop.url())
    with pytest.raises(Unavailable, match="read-only transaction"), connect(url, timeout=60) as connection:
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('x')")
    with connect(url, timeout=60) as connection:
        settings = connection.exec_driver_sql(
            "SELECT current_setting('transaction_read_only'), current_setting('lock_timeout'), "
            "current_setting('application_name'), current_setting('client_encoding')"
        ).one()
    assert tuple(settings) == ("on", "3s", "migops", "UTF8")
    with shop.session() as session:
        left = session.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'migops'").fetchone()
    assert left == (0,)


def test_a_database_in_sql_ascii(shop: Shop) -> None:
    shop.execute("CREATE DATABASE old ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    with shop.session("old") as session:
        session.execute(VERSION_TABLE)
        session.execute(f"INSERT INTO alembic_version VALUES ('{SECOND}')")
    assert shop.status("--database-url", shop.url(name="old")).json["current"] == [SECOND]


def test_a_published_port(shop: Shop) -> None:
    compose = shop.project / "compose.yaml"
    image = "    image: postgres:15\n"
    compose.write_text(compose.read_text().replace(image, f"{image}    ports: ['127.0.0.1::5432']\n"))
    shop.box.compose("up", "-d", "--wait", "db", cwd=shop.project)
    found = shop.status().json["database"]
    assert found["address"].startswith("127.0.0.1:")
    assert "published port" in found["address"]


def test_waiting_for_a_server_that_starts(shop: Shop) -> None:
    shop.box.docker("stop", "-t", "5", shop.container)
    shop.box.docker("start", shop.container)
    found = shop.status("--wait", "30", "--fail-on", "error")
    assert found.code == 0, found.stdout
    assert found.json["state"] == "fresh"
