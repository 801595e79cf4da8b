"""MIG8 through doctor: who waits for whom, and what the compose file says of the database."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cases.shop import INI, Answer, Shop

READY = "      interval: 1s\n      test: [CMD, pg_isready, -h, 127.0.0.1]\n"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop.at(tmp_path).line("001")


def of(shop: Shop, app: str, db: str, more: str = "") -> Answer:
    text = f"services:\n  app:\n    build: .\n{app}  db:\n    image: postgres:15\n{db}{more}volumes: {{data: }}\n"
    return shop.write("compose.yaml", text).doctor("--select", "MIG8", "app")


DEPENDS = "    depends_on: {db: {condition: service_healthy}}\n"
DATA = "    volumes: ['data:/var/lib/postgresql/data']\n"
HEALTH = f"    healthcheck:\n{READY}"


def names(answer: Answer) -> list[str]:
    return [each.name for each in answer.said]


def test_all_as_it_should_be(shop: Shop) -> None:
    assert names(of(shop, DEPENDS, DATA + HEALTH)) == []


def test_nothing_waits(shop: Shop) -> None:
    said = of(shop, "    depends_on: [db]\n", DATA).of("MIG801")
    assert "app starts before db is ready" in said.text
    assert "db has no healthcheck" in said.text
    assert "pg_isready" in said.fix
    assert "app: depends_on: {db: {condition: service_healthy}}" in said.fix


def test_the_server_that_the_url_names(shop: Shop) -> None:
    url = "    environment: {DATABASE_URL: 'postgresql://shop:pw@db:5432/shop'}\n"
    assert names(of(shop, url, DATA + HEALTH)) == ["MIG801"]
    other = "  other:\n    image: postgres:15\n"
    assert names(of(shop, url.replace("@db", "@elsewhere.example"), DATA + HEALTH, other)) == []


def test_a_start_that_waits_by_itself(shop: Shop) -> None:
    start = "#!/bin/sh\nset -e\nuntil pg_isready -h db; do sleep 1; done\nexec python main.py\n"
    shop.write("start.sh", start)
    assert names(of(shop, "    depends_on: [db]\n    entrypoint: [sh, /app/start.sh]\n", DATA + HEALTH)) == []


def test_it_waits_for_what_waits(shop: Shop) -> None:
    migrate = "  migrate:\n    build: .\n    command: alembic upgrade head\n" + DEPENDS
    waits = "    depends_on: {migrate: {condition: service_completed_successfully}}\n"
    assert names(of(shop, waits, DATA + HEALTH, migrate)) == []


def test_nothing_waits_for_the_one_that_migrates(shop: Shop) -> None:
    migrate = "  migrate:\n    build: .\n    command: alembic upgrade head\n" + DEPENDS
    said = of(shop, DEPENDS, DATA + HEALTH, migrate).of("MIG801")
    assert "app starts while migrate may still migrate" in said.text
    assert "migrate: {condition: service_completed_successfully}" in said.fix


MIGRATES = '#!/bin/sh\nset -e\nalembic upgrade head\nexec "$@"\n'


@pytest.mark.parametrize(
    ("command", "migrates_and_ends"),
    [
        ("sleep infinity", False),
        ("sleep inf", False),
        ("sleep 1d", False),
        ("sleep 5", True),
        ("tail -f /dev/null", False),
        ("sh -c 'while true; do sleep 60; done'", False),
        ("sh -c 'while :; do sleep 60; done'", False),
        ("sh -c 'until false; do sleep 60; done'", False),
        ("sh -c 'trap : TERM; sleep infinity & wait'", False),
        ("echo done", True),
    ],
)
def test_what_idles_behind_a_migrating_entrypoint_is_not_there_to_migrate(
    shop: Shop, command: str, migrates_and_ends: bool
) -> None:
    shop.write("start.sh", MIGRATES)
    entrypoint = "    entrypoint: [sh, /app/start.sh]\n"
    other = f"  shell:\n    build: .\n{entrypoint}    command: {json.dumps(command)}\n{DEPENDS}"
    said = of(shop, DEPENDS, DATA + HEALTH, other).said
    assert any("while shell may still migrate" in each.text for each in said) is migrates_and_ends


def test_what_is_restarted_whenever_it_ends_must_be_let_end_first(shop: Shop) -> None:
    migrate = "  migrate:\n    build: .\n    command: alembic upgrade head\n    restart: always\n" + DEPENDS
    fix = of(shop, DEPENDS, DATA + HEALTH, migrate).of("MIG801").fix
    assert fix.index('under migrate: restart: "no" (now: always)') < fix.index("service_completed_successfully")


def test_no_wait_that_would_be_a_circle(shop: Shop) -> None:
    after = "    depends_on: {app: {condition: service_started}}\n"
    migrate = "  migrate:\n    build: .\n    command: alembic upgrade head\n" + after
    assert names(of(shop, DEPENDS, DATA + HEALTH, migrate)) == []


@pytest.mark.parametrize("value", ["password", "Postgres", "shop"])
def test_a_password_that_everybody_tries(shop: Shop, value: str) -> None:
    user = f"    environment: {{POSTGRES_USER: shop, POSTGRES_PASSWORD: {value}}}\n"
    said = of(shop, DEPENDS, DATA + HEALTH + user).of("MIG802")
    assert "POSTGRES_PASSWORD of service db" in said.text
    assert "${POSTGRES_PASSWORD:?}" in said.fix


def test_every_place_of_the_password_is_named(shop: Shop) -> None:
    """Changing some of them and not the others locks the application out."""
    shop.write(".env", "# settings\nDB_PASSWORD=changethis\n").write(".dockerignore", ".env\n")
    shop.write("alembic.ini", f"{INI}sqlalchemy.url = postgresql://shop:changethis@db/shop\n")
    user = "    environment: {POSTGRES_USER: shop, POSTGRES_PASSWORD: '${DB_PASSWORD}'}\n"
    url = "    environment:\n      DATABASE_URL: postgresql://shop:changethis@db/shop\n"
    worker = "  worker:\n    image: other\n    environment: {PGPASSWORD: '${DB_PASSWORD:-changethis}', PGUSER: shop}\n"
    said = of(shop, DEPENDS + url, DATA + HEALTH + user, worker).of("MIG802")
    for place in (
        ".env:2: DB_PASSWORD=",
        "compose.yaml:6: write ${POSTGRES_PASSWORD:?}",
        "alembic.ini:4: the password",
    ):
        assert place in said.fix, said.fix
    assert "set the same password there" in said.fix
    assert r"""docker compose exec db psql -U shop -d shop -c '\password "shop"'""" in said.fix
    assert said.fix.rstrip().endswith("docker compose up -d db app worker")
    assert "changethis" not in said.text + said.fix


def test_a_default_in_the_compose_file_is_not_looked_for_in_the_env_file(shop: Shop) -> None:
    shop.write(".env", "OTHER=changethis\n").write(".dockerignore", ".env\n")
    user = "    environment: {POSTGRES_USER: shop, POSTGRES_PASSWORD: '${DB_PASSWORD:-changethis}'}\n"
    said = of(shop, DEPENDS, DATA + HEALTH + user).of("MIG802")
    assert ".env:" not in said.text
    assert "compose.yaml:" in said.text


def test_a_password_of_its_own(shop: Shop) -> None:
    assert names(of(shop, DEPENDS, DATA + HEALTH + "    environment: {POSTGRES_PASSWORD: xu7-quiet}\n")) == []


@pytest.mark.parametrize(
    ("test", "found"),
    [
        ("[CMD, pg_isready, -U, shop]", True),
        ("pg_isready -U shop || exit 1", True),
        ("pg_isready --host=localhost -U shop", False),
        ("psql -h 127.0.0.1 -c 'select 1'", False),
    ],
)
def test_the_socket(shop: Shop, test: str, found: bool) -> None:
    health = f"    healthcheck:\n      test: {test}\n"
    assert names(of(shop, DEPENDS, DATA + health)) == (["MIG803"] if found else [])


@pytest.mark.parametrize(
    ("mounts", "found"),
    [
        ("", True),
        ("    volumes: ['/var/lib/postgresql/data']\n", True),
        ("    volumes: ['data:/backups']\n", True),
        ("    volumes: ['./pg:/var/lib/postgresql/data']\n", False),
        ("    volumes: ['data:/var/lib/postgresql']\n", False),
        ("    volumes: ['data:/data']\n    environment: {PGDATA: /data/pg}\n", False),
        ("    tmpfs: /var/lib/postgresql/data\n", False),
    ],
)
def test_where_the_data_is(shop: Shop, mounts: str, found: bool) -> None:
    assert names(of(shop, DEPENDS, mounts + HEALTH)) == (["MIG804"] if found else [])


def test_a_project_without_a_server_of_its_own(shop: Shop) -> None:
    assert names(shop.doctor("--select", "MIG8")) == []


def test_a_default_password_in_the_env_file_of_the_project(shop: Shop) -> None:
    shop.write(".env", "# local\nPOSTGRES_PASSWORD=changethis\n")
    db = '    environment: {POSTGRES_USER: shop, POSTGRES_PASSWORD: "${POSTGRES_PASSWORD:?}"}\n'
    said = of(shop, DEPENDS, db + DATA + HEALTH).of("MIG802")
    assert f"{shop.folder}/.env:2" in said.text
    assert f"{shop.folder}/.env:2: POSTGRES_PASSWORD=…" in said.fix
    assert "write ${POSTGRES_PASSWORD" not in said.fix, "it is written so already"


def test_a_default_password_in_an_env_file_of_the_service(shop: Shop) -> None:
    shop.write("db.env", "POSTGRES_USER=login\nPOSTGRES_PASSWORD=login\nPOSTGRES_DB=login\n")
    said = of(shop, DEPENDS, "    env_file: [db.env]\n" + DATA + HEALTH).of("MIG802")
    assert f"{shop.folder}/db.env:2: POSTGRES_PASSWORD=…" in said.fix
    assert "db.env:1" not in said.text + said.fix, "a user of the same name is no password"
    assert "db.env:3" not in said.text + said.fix
