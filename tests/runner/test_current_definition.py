"""Whether a container is what compose would create now: made by the real compose, then the files are edited."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from migops.compose import Project
from migops.core.model import Unknown
from migops.runner.current_definition import Definition, changed
from tests.compose.support import load_in
from tests.engine.sandbox import Sandbox

pytestmark = pytest.mark.engine

TEXT = """\
services:
  app:
    image: python:3.11-slim
    command: sleep infinity
    user: "1000:1000"
    working_dir: /srv/
    environment:
      DATABASE_URL: postgresql+psycopg://u:pa$$word@db/shop
      HOST: ${WHERE:-localhost}
      EMPTY: ""
      NUMBER: 5
      FROM_SHELL:
    env_file: [app.env]
    extra_hosts: ["host.docker.internal:host-gateway", "old=10.0.0.1", "six:[::1]"]
    volumes: [./code:/app, data:/data, /anonymous, {type: tmpfs, target: /memory}]
    tmpfs: [/scratch]
    secrets: [key]
    configs: [{source: settings, target: /etc/settings}]
    networks: [default, back]
    ports: ["8000"]
secrets: {key: {file: ./key}}
configs: {settings: {file: ./settings}}
volumes: {data: {}}
networks: {back: {}, third: {}}
"""
EDITS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("localhost", "db", ("HOST",)),
    ("@db/shop", "@db2/shop", ("DATABASE_URL",)),
    ("      NUMBER: 5\n", "", ("NUMBER",)),
    ("      NUMBER: 5\n", "      NUMBER: 5\n      ADDED: x\n", ("ADDED",)),
    ("[./code:/app, ", "[", ("the mount at /app",)),
    ("./code:/app", "./other:/app", ("the mount at /app",)),
    ("data:/data", "data:/elsewhere", ("the mount at /elsewhere", "the mount at /data")),
    ("networks: [default, back]", "networks: [default, third]", ("the network third",)),
    ("networks: {back: {}", "networks: {back: {name: other}", ("the network back",)),
    ('"old=10.0.0.1"', '"old=10.0.0.2"', ("the extra host old",)),
    ('user: "1000:1000"', 'user: "1001:1000"', ("user",)),
    ('    user: "1000:1000"\n', "", ("user",)),
    ("working_dir: /srv/", "working_dir: /opt", ("working_dir",)),
    ("networks: [default, back]", "network_mode: host", ("network_mode",)),
    # What Alembic never sees is no reason to leave a container that runs.
    ("command: sleep infinity", "command: sleep 5", ()),
    ('ports: ["8000"]', 'labels: {a: b}\n    restart: "no"', ()),
    ("networks: [default, back]", "networks: [back]", ()),
    ("working_dir: /srv/", "working_dir: /srv", ()),
)


def inspected(sandbox: Sandbox) -> Mapping[str, Any]:
    name = sandbox.docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={sandbox.name}").split()[0]
    found: Mapping[str, Any] = json.loads(sandbox.docker("inspect", name))[0]
    return found


def test_what_differs(sandbox: Sandbox) -> None:
    for name in ("code", "other"):
        (sandbox.path / name).mkdir()
    for name in ("key", "settings"):
        (sandbox.path / name).write_text("x")
    (sandbox.path / "app.env").write_text("IN_FILE='one two'\nDSN=${USER_NAME:-me}@db\n")
    file = sandbox.path / "compose.yaml"
    file.write_text(TEXT)
    sandbox.compose("create")
    container, image = inspected(sandbox), json.loads(sandbox.docker("image", "inspect", "python:3.11-slim"))[0]

    def now(old: str = "", new: str = "", **environment: str) -> tuple[str, ...] | Unknown:
        assert old in TEXT
        file.write_text(TEXT.replace(old, new, 1) if old else TEXT)
        project: Project = load_in(sandbox.path, {"COMPOSE_PROJECT_NAME": sandbox.name, **environment})
        return changed(Definition(project, project.services["app"], image["Config"]), container)

    assert now() == ()
    for old, new, words in EDITS:
        assert now(old, new) == words, (old, new)
    assert now(WHERE="db") == ("HOST",), "the shell's variable"
    assert now(FROM_SHELL="x") == ("FROM_SHELL",)
    lacking = now("${WHERE:-localhost}", "${WHERE}")
    assert isinstance(lacking, Unknown), "the shell that created it may have set it"
    assert "HOST depends on what is not set here" in lacking.reason
    assert now("localhost}", "db}\n      OTHER: ${NOT_SET}") == Unknown("OTHER depends on what is not set here")
    (sandbox.path / "app.env").write_text("IN_FILE=three\nDSN=${USER_NAME:-me}@db\n")
    assert now() == ("IN_FILE",)


def test_a_folder_entered_by_a_link(sandbox: Sandbox, tmp_path: Path) -> None:
    """Compose names the folder as the shell does: the same one under two names is one."""
    (sandbox.path / "code").mkdir()
    text = "services: {app: {image: 'python:3.11-slim', volumes: ['./code:/app']}}\n"
    (sandbox.path / "compose.yaml").write_text(text)
    sandbox.compose("create")
    link = tmp_path / "link"
    link.symlink_to(sandbox.path)
    project = load_in(link, {"COMPOSE_PROJECT_NAME": sandbox.name})
    image = json.loads(sandbox.docker("image", "inspect", "python:3.11-slim"))[0]["Config"]
    assert changed(Definition(project, project.services["app"], image), inspected(sandbox)) == ()
