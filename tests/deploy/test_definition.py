"""The old definition: derived from a container, it makes the same one again. And what is read for the way back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, cast

import pytest

from migops.commands.deploy import bound_files, definition, essence, interrupted_runs
from migops.commands.deploy.definition import Old
from migops.commands.deploy.definition_mounts import injected
from migops.commands.deploy.kept_definition import superseded
from migops.docker import Engine, ImageNotFound, connect
from migops.docker.containers import inspect
from migops.state.journal import Run
from migops.state.process import ourselves
from tests.engine.sandbox import Sandbox

MUCH = """services:
  app:
    image: python:3.11-slim
    command: ["sh", "-c", "echo $$$$HOME; exec sleep infinity"]
    init: true
    user: "1:1"
    working_dir: /tmp
    hostname: shop
    environment: {PRICE: "5$$", EMPTY: "", LINES: "a\\nb"}
    env_file: [more.env]
    labels: {"some/label": "x$$y", empty: ""}
    secrets: [file, word]
    configs: [{source: text, target: /etc/text}]
    ports: ["127.0.0.1::80", "127.0.0.1::81/udp"]
    expose: ["90"]
    volumes:
      - "data:/data"
      - "./folder:/folder:ro"
      - "/anonymous"
      - {type: bind, source: ./file, target: /file, read_only: true}
      - {type: tmpfs, target: /memory, tmpfs: {size: 1000000}}
    tmpfs: ["/scratch:size=1m"]
    restart: on-failure:3
    healthcheck: {test: ["CMD", "true"], interval: 1500ms, timeout: 2s, retries: 2, start_period: 1m}
    stop_signal: SIGINT
    stop_grace_period: 1s
    networks: {inner: {aliases: [shop.test], ipv4_address: "${NET}.77"}, default: {}}
    extra_hosts: ["far:192.0.2.1"]
    cap_drop: [NET_RAW]
    security_opt: ["no-new-privileges:true"]
    ulimits: {nofile: {soft: 1000, hard: 2000}}
    mem_limit: 100m
    cpus: 0.5
    pids_limit: 99
    shm_size: 70m
    sysctls: {net.core.somaxconn: "200"}
    dns: [192.0.2.2]
    logging: {driver: json-file, options: {max-size: 1m}}
    deploy: {replicas: 1}
  peer:
    image: python:3.11-slim
    entrypoint: ["sleep"]
    command: ["infinity"]
    init: true
    network_mode: service:app
    read_only: true
    container_name: ${COMPOSE_PROJECT_NAME}-by-its-own-name
networks: {inner: {ipam: {config: [{subnet: "${NET}.0/24"}]}}}
volumes: {data: {}}
secrets: {file: {file: ./file}, word: {environment: WORD}}
configs: {text: {content: "price: 5$$"}}
"""


@pytest.mark.engine
@pytest.mark.usefixtures("engine_environ")
def test_a_definition_makes_the_same_containers_again(sandbox: Sandbox) -> None:
    (sandbox.path / "compose.yaml").write_text(MUCH)
    (sandbox.path / "more.env").write_text("MORE=1\n")
    (sandbox.path / "file").write_text("secret")
    (sandbox.path / "folder").mkdir()
    net = f"10.227.{os.getpid() % 256}"  # other runs may be at it
    sandbox.compose("up", "-d", "-t", "0", env={**sandbox.env, "WORD": "sesame", "NET": net})
    names = {"app": f"{sandbox.name}-app-1", "peer": f"{sandbox.name}-by-its-own-name"}
    with connect() as engine:
        before = {service: _there(engine, name) for service, name in names.items()}
        config = engine.image("python:3.11-slim")["Config"]
        old = [Old("app", "python:3.11-slim", (before["app"],), config, injected(engine, before["app"], ["/etc/text"])),
               Old("peer", "python:3.11-slim", (before["peer"],), config)]  # fmt: skip
        assert [definition.inexpressible(each) for each in old] == [(), ()]
        (sandbox.path / "old.json").write_text(definition.text(definition.document(sandbox.name, old, {})))
        sandbox.compose("-f", "old.json", "up", "-d", "-t", "0", "--no-deps", "--pull", "never", "app", "peer")
        after = {service: _there(engine, name) for service, name in names.items()}
        for service, was in before.items():
            assert was["Id"] != after[service]["Id"]
            assert essence.differences(was, after[service]) == ()
    read = sandbox.docker("exec", names["app"], "cat", "/run/secrets/file", "/run/secrets/word", "/etc/text")
    assert read == "secretsesameprice: 5$"


def _there(engine: Any, name: str) -> dict[str, Any]:
    found = inspect(engine, name)
    assert found is not None
    return found


def container(**changed: Any) -> dict[str, Any]:
    """As the engine inspects one, as far as it matters here."""
    config = {"Env": ["TOKEN=old"], "Cmd": ["serve"], "Labels": {"com.docker.compose.service": "app"}, "Hostname": ""}
    host = {"NetworkMode": "none", "RestartPolicy": {"Name": "no"}}
    mounts: list[dict[str, Any]] = []
    made: dict[str, Any] = {"Id": "1" * 64, "Name": "/shop-app-1", "Config": config, "HostConfig": host,
                            "Mounts": mounts, "NetworkSettings": {"Networks": {}}}  # fmt: skip
    return {key: {**value, **changed[key]} if isinstance(changed.get(key), dict) else changed.get(key, value)
            for key, value in made.items()}  # fmt: skip


def test_differences_are_named_and_their_values_are_not() -> None:
    old = container()
    assert essence.differences(old, container(Id="2" * 64)) == ()
    changed = container(Config={"Env": ["TOKEN=new", "MODE=x"], "Cmd": ["other"]}, HostConfig={"Privileged": True})
    assert essence.differences(old, changed) == ("Cmd", "Env MODE", "Env TOKEN", "Privileged")
    emptied = container(Config={"Env": []})
    assert essence.differences(container(Config={"Env": ["TOKEN="]}), emptied) == ("Env TOKEN",), "empty is not unset"


def test_a_container_of_docker_compose_1_is_like_one_of_2() -> None:
    """1.29 has underscores in its names, and older engines the container's ID among the aliases."""
    labels = {f"com.docker.compose.{key}": value
              for key, value in {"project": "shop", "service": "app", "container-number": "1"}.items()}  # fmt: skip
    first = {"shop_default": {"Aliases": ["app", "1" * 12], "IPAMConfig": None}}
    old = container(
        Name="/shop_app_1", Config={"Labels": labels, "Hostname": "1" * 12},
        HostConfig={"NetworkMode": "shop_default"}, NetworkSettings={"Networks": first},
    )  # fmt: skip
    made = definition.document("shop", [Old("app", "shop", (old,))], {})["services"]["app"]
    assert not {"container_name", "hostname", "labels"} & made.keys()
    assert made["networks"] == {"network-1": {"priority": 1000}}
    second = {"shop_default": {"Aliases": ["shop-app-1", "app"], "IPAMConfig": {}}}
    new = container(Name="/shop-app-1", Id="2" * 64, Config={"Labels": labels, "Hostname": "2" * 12},
                    HostConfig={"NetworkMode": "shop_default"}, NetworkSettings={"Networks": second})  # fmt: skip
    assert essence.differences(old, new) == ()


def test_what_no_compose_file_can_say() -> None:
    seccomp = container(Config={"Env": ["A"]}, HostConfig={"SecurityOpt": ['seccomp={"x":1}'], "PublishAllPorts": True})
    said = definition.inexpressible(Old("app", "shop", (seccomp,)))
    assert said == ("Env A (removed from the image's)", "PublishAllPorts", "SecurityOpt seccomp")


def test_an_entrypoint_that_was_taken_away_stays_away() -> None:
    image = {"Entrypoint": ["/start"], "Cmd": ["x"]}
    made = definition.document("shop", [Old("app", "shop", (container(),), image)], {})
    assert made["services"]["app"]["entrypoint"] == []
    assert made["services"]["app"]["network_mode"] == "none"


def test_files_that_changed_since_the_container_started(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.write_text("old")
    link.symlink_to(file)
    mounts = [{"Type": "bind", "Source": str(each), "Destination": f"/{each.name}"} for each in (file, link, tmp_path)]
    gone = {"Type": "bind", "Source": str(tmp_path / "gone"), "Destination": "/gone"}
    one = {"Name": "/shop-app-1", "Mounts": [*mounts, gone], "State": {"StartedAt": "2999-01-01T00:00:00.123456789Z"}}
    files, folders = bound_files.of(one)
    assert folders == [str(tmp_path)]
    assert [(each.target, each.changed) for each in files] == [("/file", ""), ("/link", ""), ("/gone", "is gone")]

    earlier, _ = bound_files.of({**one, "State": {"StartedAt": "2000-01-01T00:00:00Z"}})
    assert [each.changed.startswith("was changed (content, owner or mode) at ") for each in earlier] == [
        True,
        True,
        False,
    ]

    assert list(bound_files.since(files)) == []
    os.utime(file, (0, 0))
    assert list(bound_files.since(files)) == [], "the content is the same"
    file.write_text("new")
    assert [str(each) for each in bound_files.since(files[:1])] == \
        [f"{file} (/file in shop-app-1) was changed during this deploy"]  # fmt: skip


def test_the_definition_is_interpolated_to_what_it_was() -> None:
    made = definition.document("shop", [Old("app", "shop", (container(Config={"Env": ["A=$x${y}"]}),))], {})
    assert made["services"]["app"]["environment"] == {"A": "$$x$${y}"}
    assert json.loads(definition.text(made)) == made


class _Images:
    """An engine that knows only which tags its images have."""

    def __init__(self, tags: dict[str, list[str]]) -> None:
        self.tags = tags

    def image(self, name: str) -> dict[str, Any]:
        if name not in self.tags:
            raise ImageNotFound(name)
        return {"RepoTags": self.tags[name]}


def test_a_definition_goes_with_its_rollback_image(tmp_path: Path) -> None:
    images = {1: "gone", 2: "untagged", 3: "kept", 4: "now"}
    for number, image in images.items():
        document = {"x-migops": {"images": {"app": image}}}
        (tmp_path / f"{number:06}.compose.json").write_text(json.dumps(document))
    (tmp_path / "000005.compose.json").write_text("{")
    engine = _Images({"untagged": ["app:latest"], "kept": ["app:migops-rollback-3"], "now": ["app:migops-rollback"]})
    found = superseded(cast(Engine, engine), tmp_path, {"now"})
    assert sorted(int(path.name[:6]) for path in found) == [1, 2, 4, 5]


def test_a_killed_run_names_the_definition_that_it_kept(tmp_path: Path) -> None:
    path = tmp_path / "000001.compose.json"
    steps = ({"step": "keep", "status": "done", "definition": str(path)}, {"step": "swap", "status": "started"})
    run = Run(tmp_path / "000001.jsonl", 1, "rebuild-and-migrate", (), ourselves(), "now", steps)
    assert str(path) not in interrupted_runs.sentence([run]), "it is gone"
    path.write_text("{}")
    assert interrupted_runs.sentence([run]).endswith(f"; the definition of the old ones is kept in {path}")
