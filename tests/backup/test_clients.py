"""Which services use one database of one server: only a URL's host, a host variable or depends_on settles it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from migops.commands.backup.clients import Evidence, Server, Use, usage
from migops.commands.backup.naming import Named, named
from migops.compose import ComposeOptions, Project, load

CANARY = "kAn4ry-s3cret"
COMPOSE = """
name: p
services:
  app: {image: a, environment: {DATABASE_URL: postgresql+asyncpg://shop:x@postgres:5432/shop}}
  postgres:
    image: postgres:15
    container_name: main-pg
    environment: {POSTGRES_DB: shop, POSTGRES_USER: postgres}
    networks: {default: {aliases: [store]}, back: {aliases: [database], ipv4_address: 10.9.0.2}}
  pg2:
    image: postgres:15
    environment: {POSTGRES_DB: shop, POSTGRES_USER: postgres}
    networks: {default: {aliases: [second]}, front: {aliases: [database]}}
  client: {image: c, MORE}
networks: {back: {ipam: {config: [{subnet: 10.9.0.0/24}]}}, front: {}, other: {}}
"""
YES, NO, UNSURE = Use.YES, Use.NO, Use.UNSURE


def project(tmp_path: Path, more: str) -> Project:
    (tmp_path / "compose.yaml").write_text(COMPOSE.replace("MORE", more))
    return load(ComposeOptions(), environment={}, cwd=str(tmp_path))


def judge(tmp_path: Path, more: str, *, far: str = "", twin: bool = False, by_image: bool = False) -> Use:
    model = project(tmp_path, more)
    server = Server(model, "app", "postgres", "postgres", 5432, "shop", frozenset({"172.18.0.7"}), frozenset({15432}))
    if far:
        server = replace(server, service="", host=far, addresses=frozenset(), published=frozenset())
    client = model.services["client"]
    values = {name: value for name, value in client.environment.items() if value}
    return usage(client, server, Evidence(values, client.command or (), twin, by_image)).use


def env(**values: str) -> str:
    pairs = ", ".join(f'{name}: "{value}"' for name, value in values.items())
    return f"environment: {{{pairs}}}"


def url(host: str, database: str = "shop") -> str:
    return env(DATABASE_URL=f"postgresql+asyncpg://u:{CANARY}@{host}/{database}")


@pytest.mark.parametrize(
    ("more", "use"),
    [
        # The case: a value that happens to be the server's name, beside the database's.
        (env(POSTGRES_USER="postgres", POSTGRES_DB="shop") + ", volumes: ['./d:/var/lib/postgresql/data']", NO),
        (env(DB_TYPE="postgres", APP="shop"), NO),
        (env(DB_DRIVER="postgres", DB_NAME="shop"), UNSURE),
        (env(DATABASE_URL="postgresql://postgres:postgres@pg2/shop", POSTGRES_USER="postgres"), NO),
        (env(DATABASE_URL="postgresql://postgres:x@pg2/shop") + ", depends_on: [postgres, pg2]", NO),
        (url("postgres"), YES),
        (url("POSTGRES.:5432"), YES),
        (url("postgres", "other"), NO),
        (url("store"), YES),
        (url("second"), NO),
        (url("main-pg"), YES),
        (url("p-postgres-1"), YES),
        (url("p-pg2-1"), NO),
        (url("172.18.0.7"), YES),
        (url("172.18.0.8"), NO),
        (url("db.example"), NO),
        (url("db.example:15432"), UNSURE),
        (url("host.docker.internal:15432"), YES),
        (url("host.docker.internal:5432"), NO),
        (url("localhost:15432"), NO),
        (url("localhost:15432") + ", network_mode: host", YES),
        (url("localhost") + ", network_mode: 'service:postgres'", YES),
        (url("localhost") + ", network_mode: 'service:pg2'", NO),
        # An alias leads to whichever server is in the same network; on both, it cannot be told.
        (url("database") + ", networks: [back]", YES),
        (url("database") + ", networks: [front]", NO),
        (url("database") + ", networks: [back, front]", UNSURE),
        (url("10.9.0.2") + ", networks: [back]", YES),
        (url("postgres") + ", networks: [other]", NO),
        (url("db") + ", links: ['postgres:db']", YES),
        (url("db") + ", links: ['pg2:db']", NO),
        (url("postgres") + ", links: ['pg2:postgres']", NO),
        (url("db") + ", external_links: ['main-pg:db']", YES),
        (url("db") + ", extra_hosts: ['db:172.18.0.7']", YES),
        (url("postgres") + ", extra_hosts: ['postgres:10.1.1.1']", NO),
        (url("db:15432") + ", extra_hosts: ['db:host-gateway']", YES),
        # Variables for host, port and name.
        (env(DB_HOST="postgres", DB_NAME="shop"), YES),
        (env(DB_HOST="postgres"), YES),
        (env(DB_HOST="postgres", DB_NAME="other"), NO),
        (env(DB_HOST="pg2", DB_NAME="shop"), NO),
        (env(PGHOST="store", PGDATABASE="shop"), YES),
        (env(ORDERS_DB_SERVER="postgres:5432", ORDERS_DB_DATABASE="shop"), YES),
        (env(HOSTNAME="postgres", X_DB="shop"), UNSURE),
        (env(POSTGRES_HOST_AUTH_METHOD="postgres"), NO),
        (env(CACHE_HOST="redis") + ", depends_on: [postgres]", YES),
        (env(DB_HOST="pg2") + ", depends_on: [postgres]", NO),
        (env(MONGODB_HOST="mongo", MYSQL_HOST="maria") + ", depends_on: [postgres]", YES),
        (env(APP_HOST="postgres", APP_NAME="web"), YES),
        # Other forms, and the command.
        (env(DSN=f"host=postgres port=5432 dbname=shop password={CANARY}"), YES),
        (env(DSN="host=pg2 dbname=shop user=postgres"), NO),
        (env(NET="Server=postgres;Database=shop;User Id=postgres"), YES),
        (env(JDBC="jdbc:postgresql://postgres:5432/shop?user=u"), YES),
        (env(ANY="postgresql:///shop?host=postgres"), YES),
        (env(ANY="postgresql://u@pg2,postgres/shop"), YES),
        ("command: ['run', '--db=postgresql://u@postgres/shop']", YES),
        ('command: [\'run\', \'{"db": "postgresql://u@postgres/shop", "x": 1}\']', YES),
        (env(URL="redis://postgres/0", BROKEN="postgresql://[", WEB="http://postgres/shop", EMPTY=""), NO),
        # depends_on settles it where nothing is named.
        ("depends_on: [postgres]", YES),
        ("depends_on: [pg2]", NO),
        ("depends_on: [postgres, pg2]", UNSURE),
        ("depends_on: [app]", NO),
        (env(POSTGRES_DB="shop"), UNSURE),
        ("restart: always", NO),
    ],
)
def test_of_a_server_of_the_project(tmp_path: Path, more: str, use: Use) -> None:
    assert judge(tmp_path, more) is use


@pytest.mark.parametrize(
    ("more", "use"),
    [
        (url("db.example"), YES),
        (url("DB.example:5432"), YES),
        (url("db.example:5433"), NO),
        (url("db.example", "other"), NO),
        (url("replica.example"), UNSURE),
        (url("postgres"), NO),
        (url("localhost"), NO),
        (env(DB_HOST="db.example", DB_PORT="5433", DB_NAME="shop"), NO),
        (env(DB_HOST="db.example", DB_NAME="shop"), YES),
        (env(POSTGRES_USER="db.example", POSTGRES_DB="shop"), UNSURE),
        ("depends_on: [postgres]", NO),
    ],
)
def test_of_a_server_elsewhere(tmp_path: Path, more: str, use: Use) -> None:
    assert judge(tmp_path, more, far="db.example") is use


def test_a_published_port_of_the_project(tmp_path: Path) -> None:
    """The service that is restored goes by the engine's host, the other one by the network."""
    project(tmp_path, url("postgres"))
    (tmp_path / "compose.yaml").write_text(
        (tmp_path / "compose.yaml").read_text().replace("container_name", "ports: ['15432:5432']\n    container_name")
    )
    model = load(ComposeOptions(), environment={}, cwd=str(tmp_path))
    evidence = Evidence({"DATABASE_URL": "postgresql://u@postgres/shop"})
    for host, port, use in (
        ("host.docker.internal", 15432, YES), ("db.example", 15432, UNSURE), ("host.docker.internal", 15433, NO),
    ):  # fmt: skip
        server = Server(model, "app", "", host, port, "shop")
        assert usage(model.services["client"], server, evidence).use is use


def test_a_name_on_another_network_is_not_settled(tmp_path: Path) -> None:
    """The server is another project's, on a network that the services share with it."""
    assert judge(tmp_path, url("pg"), far="pg") is YES
    assert judge(tmp_path, url("pg") + ", networks: [other]", far="pg") is UNSURE


def test_a_service_of_the_same_image(tmp_path: Path) -> None:
    """It may well have another server: its image alone tells only where the image has the URL."""
    assert judge(tmp_path, url("pg2"), twin=True, by_image=True) is NO
    assert judge(tmp_path, "restart: always", twin=True) is UNSURE
    assert judge(tmp_path, "restart: always", twin=True, by_image=True) is YES
    assert judge(tmp_path, "depends_on: [pg2]", twin=True) is NO


def test_the_server_itself(tmp_path: Path) -> None:
    model = project(tmp_path, "restart: always")
    server = Server(model, "app", "postgres", "postgres", 5432, "shop")
    for name, use in (("postgres", NO), ("pg2", NO), ("app", YES)):
        values = {key: value or "" for key, value in model.services[name].environment.items()}
        found = usage(model.services[name], server, Evidence(values))
        assert (found.use, CANARY in found.why) == (use, False)
    assert found.why == "DATABASE_URL points to postgres"


def test_what_is_named() -> None:
    assert named({"A": "postgresql://u@h:1/d"}) == [Named("A", "h", 1, "d")]
    assert named({"A": f"postgresql://u:{CANARY}@[::1]/d"}) == [Named("A", "::1", 5432, "d")]
    assert named({"DB_HOST": "[::1]:5", "DB_NAME": "d"}) == [Named("DB_HOST", "::1", 5, "d")]
    assert named({"PGHOST": "a,b", "PGPORT": "6"}) == [Named("PGHOST", "a", 6, None), Named("PGHOST", "b", 6, None)]
