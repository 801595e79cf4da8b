"""What the engine is asked to make, and what cannot be made: no engine is needed to see it."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from migops.compose import ComposeOptions, load
from migops.core.errors import MigopsError
from migops.database import parse_url
from migops.sandbox.app import App, app_of
from migops.sandbox.bodies import app_body, server_body, server_environment
from migops.sandbox.live import Live, _of, live_of, refuse_address

URL = "postgresql+asyncpg://shop:canary-7f3a@db:5432/shop"
OFFICIAL = {"POSTGRES_USER": "shop", "POSTGRES_PASSWORD": "at-first", "POSTGRES_DB": "other", "PGDATA": "/data/pg"}


def live(url: str = URL, **changes: Any) -> Live:
    made = Live(parse_url(url), "shop-db-1", "sha256:db", ("db", "shop-db-1"), OFFICIAL, ("run.sh",), ("postgres",))
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://shop:canary-7f3a@10.0.0.5/shop", "10.0.0.5 is an address"),
        ("postgresql://shop:canary-7f3a@[fe80::1]/shop", "fe80::1 is an address"),
        ("postgresql://shop:canary-7f3a@localhost/shop", "localhost always means the machine itself"),
        ("postgresql://shop:canary-7f3a@host.docker.internal/shop", "host.docker.internal always means"),
        ("postgresql:///shop?host=/var/run/postgresql", "through a socket"),
        ("postgresql:///shop", "through a socket"),
        ("sqlite:///shop.db", "for PostgreSQL only"),
    ],
)
def test_hosts_that_no_other_server_can_be_given(url: str, why: str) -> None:
    with pytest.raises(MigopsError, match=r"disposable|live database") as refused:
        refuse_address(parse_url(url))
    assert why in refused.value.message
    assert "canary" not in f"{refused.value}{refused.value.hint}"


def test_a_database_outside_of_the_project_is_refused(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {app: {image: a}, db: {image: postgres}}\n")
    project = load(ComposeOptions(), environment=os.environ, cwd=str(tmp_path))
    for model in (project, None):
        with pytest.raises(MigopsError, match=r"db\.example\.com is not a service of the compose project"):
            live_of(None, model, parse_url("postgresql://shop@db.example.com/shop"))  # type: ignore[arg-type]


def test_the_first_start_makes_the_urls_user_and_database() -> None:
    made, admin = server_environment(live())
    assert admin is None
    assert (made["POSTGRES_USER"], made["POSTGRES_DB"]) == ("shop", "shop")
    assert made["POSTGRES_PASSWORD"] == "canary-7f3a", "the live one may have been given another since its first start"


def test_a_user_that_the_first_start_does_not_make() -> None:
    made, admin = server_environment(live(environment={"POSTGRES_PASSWORD_FILE": "/run/secrets/admin"}))
    assert admin is not None
    assert (admin.url.username, admin.url.database) == ("postgres", "shop")
    assert "POSTGRES_PASSWORD_FILE" not in made
    assert made["POSTGRES_PASSWORD"] == str(admin.url.password) != "canary-7f3a"
    assert admin.redact(f"x{admin.url.password}x") == "x***x"


def test_an_images_own_variables_are_left_as_they_are() -> None:
    own = {"POSTGRESQL_USERNAME": "shop", "POSTGRESQL_PASSWORD": "canary-7f3a"}
    assert server_environment(live(environment=own)) == (own, None)


def test_the_server_is_the_live_one_without_its_data() -> None:
    found = live(binds={"/etc/postgresql.conf": "/srv/pg.conf"}, data=("/data",), shared_memory=1 << 26)
    body = server_body(found, {"A": "b"}, "net", {"l": "1"})
    assert (body["Image"], body["Entrypoint"], body["Cmd"]) == ("sha256:db", ["run.sh"], ["postgres"])
    assert body["HostConfig"]["Tmpfs"] == {"/data": "rw"}
    assert body["HostConfig"]["NetworkMode"] == "net"
    (mount,) = body["HostConfig"]["Mounts"]
    assert mount == {"Type": "bind", "Source": "/srv/pg.conf", "Target": "/etc/postgresql.conf", "ReadOnly": True}
    assert body["NetworkingConfig"]["EndpointsConfig"] == {"net": {"Aliases": ["db", "shop-db-1"]}}
    assert "PortBindings" not in body["HostConfig"]
    as_user = server_body(live(user="999:998", data=("/data",)), {}, "net", {})
    assert as_user["HostConfig"]["Tmpfs"] == {"/data": "rw,mode=0700,uid=999,gid=998"}
    assert "Tmpfs" not in server_body(live(user="postgres", data=("/data",)), {}, "net", {})["HostConfig"]


def inspected(mounts: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "Id": "6391c38a825c" + "0" * 52, "Name": "/shop-db-1", "Image": "sha256:db", "Mounts": mounts,
        "Config": {"Env": ["PGDATA=/var/lib/postgresql/18/docker"], "Hostname": "6391c38a825c",
                   "Volumes": {"/var/lib/postgresql": {}}},
        "NetworkSettings": {"Networks": {"a": {"Aliases": ["db", "6391c38a825c", "store"]}, "b": None}},
    }  # fmt: skip


def test_neither_the_data_nor_a_socket_of_the_live_server_is_taken_along() -> None:
    def bind(source: str, target: str) -> dict[str, str]:
        return {"Type": "bind", "Source": source, "Destination": target}

    mounts = [
        bind("/srv/data", "/var/lib/postgresql/18/docker"), bind("/srv/all", "/var/lib"), bind("/srv/s", "/run"),
        bind("/srv/sock", "/var/run/postgresql"), bind("/srv/init", "/docker-entrypoint-initdb.d"),
        bind("/srv/pw", "/run/secrets/pw"), {"Type": "volume", "Name": "pgdata", "Destination": "/var/lib/postgresql"},
    ]  # fmt: skip
    found = _of(inspected(mounts), parse_url(URL), "db")
    assert found.binds == {"/docker-entrypoint-initdb.d": "/srv/init", "/run/secrets/pw": "/srv/pw"}
    assert found.sockets == ("/srv/all", "/srv/s", "/srv/sock")
    assert (found.data, found.volumes) == (("/var/lib/postgresql",), ("pgdata",))
    assert found.names == ("db", "shop-db-1", "store")


COMPOSE = """
services:
  app:
    image: app
    user: "1000"
    environment: {DATABASE_URL_FILE: /run/secrets/url, EMPTY: }
    secrets: [url]
    configs: [{source: settings, target: /etc/app.toml}]
    volumes:
      - .:/app
      - venv:/app/.venv
      - pgsocket:/app/run
      - uploads:/uploads
      - /app/cache
  db: {image: postgres}
secrets: {url: {file: ./url.txt}}
configs: {settings: {content: "a = 1"}}
volumes: {venv: , pgsocket: , uploads: }
"""


def test_the_app_gets_its_code_and_its_secrets_and_no_way_out(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text(COMPOSE)
    (tmp_path / "url.txt").write_text(URL)
    project = load(ComposeOptions(project_name="shop"), environment={}, cwd=str(tmp_path))
    found = app_of(
        project, project.services["app"], "sha256:app", live(volumes=("shop_pgsocket",)),
        working_dir="/app", code=["/app/migrations/versions"],
    )  # fmt: skip
    assert [(mount["Target"], mount["ReadOnly"]) for mount in found.mounts] == [("/app", True), ("/app/.venv", True)]
    assert found.files == {"/run/secrets/url": URL.encode(), "/etc/app.toml": b"a = 1"}
    assert "canary" not in repr(found)
    body = app_body(found, ["alembic", "heads"], "net", {}, environment={"X": "y"}, memory=["/app/m/versions"])
    assert (body["Entrypoint"], body["Cmd"]) == (["alembic"], ["heads"])
    assert (body["User"], body["WorkingDir"]) == ("1000", "/app")
    assert body["Env"] == ["DATABASE_URL_FILE=/run/secrets/url", "X=y"]
    assert body["HostConfig"]["Mounts"][-1] == {"Type": "tmpfs", "Target": "/app/m/versions"}


SOCKETS = """
services:
  app:
    image: app
    volumes: [/srv/sock/pg:/app/run, /srv/init:/app/init, ./own.sock:/app/own.sock, "/var/run:/var/run", ./src:/app/src]
  whole: {image: app, volumes: [/srv:/app]}
  db: {image: postgres}
"""


def test_no_socket_of_the_live_server_comes_with_the_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket works through a mount that is read-only, whatever the network: it must not lie in the one-off."""
    (tmp_path / "compose.yaml").write_text(SOCKETS)
    project = load(ComposeOptions(project_name="shop"), environment={}, cwd=str(tmp_path))
    held = live(sockets=("/srv/sock",), binds={"/docker-entrypoint-initdb.d": "/srv/init"})
    with socket.socket(socket.AF_UNIX) as own:
        monkeypatch.chdir(tmp_path)  # the name of a socket must be short
        own.bind("own.sock")
        found = app_of(project, project.services["app"], "sha256:app", held, working_dir="/", code=["/app/src"])
    assert [mount["Target"] for mount in found.mounts] == ["/app/src"]
    with pytest.raises(MigopsError, match="/srv is mounted at /app, and shop-db-1 has its socket below it"):
        app_of(project, project.services["whole"], "sha256:app", held, working_dir="/app", code=["/app/src"])


def test_an_image_that_needs_its_entrypoint() -> None:
    own = app_body(App("sha256:app", {}, keeps_entrypoint=True), ["alembic", "heads"], "net", {}, environment={})
    assert "Entrypoint" not in own
    assert own["Cmd"] == ["alembic", "heads"]
    composes = App("sha256:app", {}, entrypoint=("run.sh",), keeps_entrypoint=True)
    assert app_body(composes, ["alembic"], "net", {}, environment={})["Entrypoint"] == ["run.sh"]
