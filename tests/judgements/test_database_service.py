"""MIG503, MIG802 and MIG804: passwords that are none, passwords of another server, data folders of other images."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.judgements.project import DATABASE, Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.at(tmp_path)


def with_database(project: Project, image: str, *lines: str, more: str = "") -> Project:
    own = "".join(f"    {line}\n" for line in (f"image: {image}", *lines))
    text = f"services:\n  app:\n    build: .\n    depends_on: [db]\n  db:\n{own}{more}"
    return project.write("compose.yaml", text + "volumes: {data: }\n")


@pytest.mark.parametrize(
    ("url", "rules"),
    [
        ("postgresql://shop:t4k9xW2q@db/shop", ["MIG503"]),
        ("postgresql://${USER}:${PASSWORD}@${HOST}/shop", []),
        ("postgresql://<user>:<password>@<host>/shop", []),
        ("postgresql://shop:***@db/shop", []),
        ("postgresql://shop:{password}@db/shop", []),
        ("postgresql://shop:xxxx@db/shop", []),
        ("postgresql://shop@db/shop", []),
    ],
)
def test_a_placeholder_is_no_password(project: Project, url: str, rules: list[str]) -> None:
    ini = f"[alembic]\nscript_location = alembic\nsqlalchemy.url = {url}\n"
    assert project.write("alembic.ini", ini).doctor("MIG503").rules == rules


def test_only_what_holds_the_password_is_changed(project: Project) -> None:
    names = "POSTGRES_USER: shop, POSTGRES_PASSWORD: shop, POSTGRES_DB: shop"
    app = ["DB_NAME: shop", "DB_USER: shop", "DB_PASSWORD: shop", "SECRET_KEY: shop", "FIRST_SUPERUSER_PASSWORD: shop",
           "DATABASE_URL: 'postgresql://shop:shop@db/shop'"]  # fmt: skip
    environment = "\n      ".join(("environment:", *app))
    text = DATABASE.replace("POSTGRES_USER: shop, POSTGRES_PASSWORD: t4k9xW2q, POSTGRES_DB: shop", names)
    project.compose(environment).write(
        "compose.yaml", (project.folder / "compose.yaml").read_text().replace(DATABASE, text)
    )
    judged = project.doctor("MIG802")
    assert "is the name of its user" in judged.of("MIG802")["message"]
    fix = judged.fix("MIG802")
    assert all(f" {name} of app" in fix for name in ("DB_PASSWORD", "DATABASE_URL"))
    assert not any(
        name in fix for name in ("DB_NAME", "DB_USER", "SECRET_KEY", "SUPERUSER", "POSTGRES_USER", "POSTGRES_DB")
    )


def test_several_variables_on_one_line(project: Project) -> None:
    project.write(".env", "DB_USER=postgres\nDB_PASS=postgres\n")
    line = 'environment: {POSTGRES_USER: "${DB_USER}", POSTGRES_PASSWORD: "${DB_PASS}"}'
    judged = with_database(project, "postgres:15", line, "volumes: ['data:/var/lib/postgresql/data']").doctor("MIG802")
    assert f"{project.folder}/.env:2: DB_PASS=…" in judged.fix("MIG802")
    assert ".env:1" not in judged.fix("MIG802")


def test_another_server_with_the_same_password_keeps_it(project: Project) -> None:
    other = "  logs:\n    image: postgres:15\n    environment: {POSTGRES_PASSWORD: postgres}\n"
    other += "  reader:\n    image: busybox\n    environment: {LOGS_DB_HOST: logs, LOGS_DB_PASSWORD: postgres}\n"
    own = "environment: {POSTGRES_PASSWORD: postgres}"
    fix = with_database(project, "postgres:15", own, more=other).doctor("MIG802").fix("MIG802")
    assert "POSTGRES_PASSWORD of db" in fix
    assert "of logs" not in fix
    assert "LOGS_DB_PASSWORD" not in fix


@pytest.mark.parametrize(
    ("image", "line", "cause"),
    [
        ("postgres:15", "restart: always", "mounts no named volume at /var/lib/postgresql or below"),
        ("postgis/postgis:15-3.4", "restart: always", "at /var/lib/postgresql or below"),
        ("postgres:15", "volumes: ['data:/var/lib/postgresql/data']", ""),
        ("registry.example/f29/postgresql", "restart: always", "mounts no named volume for its data"),
        ("registry.example/f29/postgresql", "volumes: ['data:/var/lib/pgsql/data']", ""),
        ("registry.example/postgres-of-ours", "volumes: ['data:/data']", ""),
        ("registry.example/postgres-of-ours", "volumes: ['./init:/docker-entrypoint-initdb.d']", "for its data"),
        ("bitnami/postgresql:15", "volumes: ['data:/bitnami/postgresql']", ""),
        ("postgres:15", "volumes_from: [store]", ""),
    ],
)
def test_where_the_data_is(project: Project, image: str, line: str, cause: str) -> None:
    store = "  store:\n    image: busybox\n    volumes: ['data:/var/lib/postgresql/data']\n"
    judged = with_database(project, image, line, more=store).doctor("MIG804")
    assert judged.rules == (["MIG804"] if cause else [])
    if cause:
        assert cause in judged.of("MIG804")["cause"]
