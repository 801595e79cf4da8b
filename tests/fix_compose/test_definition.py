"""The definition of a sandbox project: what it takes over, what it leaves out, and what cannot be started in one."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from migops.compose import ComposeOptions, EnvFiles, Project, load
from migops.sandbox.definition import Trial, document, needed, obstacle

COMPOSE = """
services:
  app:
    build: .
    image: shop
    container_name: shop_app
    hostname: shop
    ports: ["8000:8000"]
    labels: {traefik.enable: "true"}
    restart: always
    deploy: {labels: {a: b}, resources: {limits: {memory: 1g}}}
    cpu_shares: 512
    cap_drop: [ALL]
    logging: {driver: syslog}
    extra_hosts: ["live:10.0.0.1"]
    dns: 10.0.0.2
    networks: {back: {aliases: [api], ipv4_address: 10.9.0.5}}
    environment: {PRICE: "$$5", EMPTY: }
    volumes: ["./conf:/conf", "./absent:/absent", "live:/live", "/anonymous", "cache:/cache"]
    secrets: [pw]
    depends_on: {db: {condition: service_healthy, restart: true}}
  db:
    image: postgres:15
    volumes: ["./pg:/var/lib/postgresql/data", "./conf:/docker-entrypoint-initdb.d"]
    networks: [back]
    healthcheck: {test: [CMD, pg_isready], interval: 20s, retries: 2}
  other: {image: other}
networks:
  back: {name: live-net, external: true}
volumes:
  live: {external: true, name: production-data}
  cache: {driver: nfs}
secrets:
  pw: {file: ./pw}
"""


def project(folder: Path, text: str = COMPOSE) -> Project:
    (folder / "conf").mkdir(exist_ok=True)
    (folder / "pg").mkdir(exist_ok=True)
    (folder / "pw").write_text("x")
    (folder / "compose.yaml").write_text(text)
    return load(ComposeOptions(project_name="live"), {}, cwd=str(folder))


def made(folder: Path, **more: Any) -> dict[str, Any]:
    model = project(folder)
    services = needed(model, ["app"])
    images = dict.fromkeys(services, "sha256:1")
    trial = Trial(model, services, images, frozenset({"db"}), **more)
    text = document(trial, {"owner": "me"})
    result: dict[str, Any] = json.loads(text.replace("$$", "$"))
    return result


def test_nothing_of_the_live_project_is_in_reach(tmp_path: Path) -> None:
    whole = made(tmp_path)
    assert whole["services"].keys() == {"app", "db"}
    app = whole["services"]["app"]
    left_out = {"ports", "container_name", "extra_hosts", "dns", "build"}
    assert not left_out & app.keys()
    assert app["labels"] == {"owner": "me"}
    assert app["networks"] == {"default": {"aliases": ["api", "shop_app"]}}
    network = whole["networks"]["default"]
    assert (network["internal"], network["labels"]) == (True, {"owner": "me"})
    assert network["driver_opts"] == {"com.docker.network.bridge.inhibit_ipv4": "true"}, "no port of the machine"
    assert whole["volumes"] == {"cache": {"labels": {"owner": "me"}}, "live": {"labels": {"owner": "me"}}}
    assert (app["image"], app["pull_policy"], app["restart"]) == ("sha256:1", "never", "on-failure:3")
    assert app["logging"]["driver"] == "json-file"
    assert app["environment"] == {"PRICE": "$5"}
    assert app["depends_on"] == {"db": {"condition": "service_healthy", "required": True}}
    assert not {"production-data", "live-net"} & set(json.dumps(whole).split('"'))


def test_mounts_only_read_and_data_is_empty(tmp_path: Path) -> None:
    whole = made(tmp_path)
    app = {each["target"]: each for each in whole["services"]["app"]["volumes"]}
    assert app["/conf"] == {"type": "bind", "source": f"{tmp_path}/conf", "target": "/conf", "read_only": True}
    assert app["/absent"] == {"type": "volume", "target": "/absent"}, "compose would create the folder on the host"
    db = {each["target"]: each for each in whole["services"]["db"]["volumes"]}
    assert db["/var/lib/postgresql/data"]["type"] == "volume"
    assert db["/docker-entrypoint-initdb.d"]["read_only"]


def test_health_checks_have_the_same_time_in_shorter_steps(tmp_path: Path) -> None:
    check = made(tmp_path)["services"]["db"]["healthcheck"]
    assert (check["interval"], check["retries"]) == ("1s", 40)


def test_a_migrated_database(tmp_path: Path) -> None:
    services = made(tmp_path, schema=("alembic", "upgrade", "heads"), app="app")["services"]
    assert services["migops-schema"]["entrypoint"] == ["alembic"]
    assert services["migops-schema"]["depends_on"]["db"]["condition"] == "service_healthy"
    assert services["app"]["depends_on"]["migops-schema"]["condition"] == "service_completed_successfully"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("privileged: true", "`privileged`"),
        ("devices: ['/dev/ttyUSB0']", "`devices`"),
        ("network_mode: host", "network_mode: host"),
        ("network_mode: service:other", "network_mode: service:other"),
        ("pid: host", "`pid`"),
        ("volumes: ['/var/run/docker.sock:/var/run/docker.sock']", "what runs on this machine"),
        ("volumes: ['/run:/host']", "what runs on this machine"),
        ("volumes: ['./sockets:/sockets']", "the socket of another program"),
        ("env_file: absent.env", "absent.env"),
    ],
)
def test_what_would_reach_out_of_it(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "sockets").mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "sockets/live"))
        text = f"services:\n  app:\n    image: shop\n    {line}\n  other: {{image: other}}\n"
        (tmp_path / "compose.yaml").write_text(text)
        model = load(ComposeOptions(), {}, cwd=str(tmp_path), env_files=EnvFiles.OPTIONAL)
    assert reason in obstacle(model, ["app"])


@pytest.mark.parametrize("source", ["/", "/var", "/var/lib"])
def test_a_folder_above_the_engines_socket_is_in_no_sandbox(tmp_path: Path, source: str) -> None:
    (tmp_path / "compose.yaml").write_text(f"services:\n  app:\n    image: shop\n    volumes: ['{source}:/host:ro']\n")
    assert "what runs on this machine" in obstacle(load(ComposeOptions(), {}, cwd=str(tmp_path)), ["app"])


def test_a_socket_in_a_large_folder_is_found(tmp_path: Path) -> None:
    deep = tmp_path / "code/z"
    deep.mkdir(parents=True)
    for number in range(2500):
        (tmp_path / f"code/{number}.py").touch()
    (tmp_path / "compose.yaml").write_text("services:\n  app:\n    image: shop\n    volumes: ['./code:/code']\n")
    model = load(ComposeOptions(), {}, cwd=str(tmp_path))
    assert obstacle(model, ["app"]) == ""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(deep / "live"))
        assert "the socket of another program" in obstacle(model, ["app"])


def test_it_takes_no_more_of_the_machine_than_the_live_service_may(tmp_path: Path) -> None:
    app = made(tmp_path)["services"]["app"]
    assert app["deploy"] == {"resources": {"limits": {"memory": "1073741824"}}}
    assert (app["cpu_shares"], app["cap_drop"]) == (512, ["ALL"])
