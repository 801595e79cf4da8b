"""The compose file was edited together with the code, and the new containers do not come up: the old ones come back as
they were, by their old definition; and what the new ones lack is found before the old ones are stopped."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.stack import Stack, edit, stack
from tests.engine.sandbox import Sandbox
from tests.faults.deploying import deploy, stands

pytestmark = pytest.mark.engine

CANARY = "old-value-canary"
HEALTH = """    healthcheck:
      test: ["CMD-SHELL", "test ! -e /app/sick && test -z \\"$$MODE\\""]
      interval: 1s
      retries: 1
"""
ENVIRONMENT = "    environment:\n      DATABASE_URL"


def inspected(found: Stack) -> dict[str, Any]:
    (one,) = json.loads(found.box.docker("inspect", f"{found.box.name}-app-1"))
    return dict(one)


def definition(found: Stack) -> tuple[Any, ...]:
    """What the app's container was created from, as far as these tests change it."""
    config, host = inspected(found)["Config"], inspected(found)["HostConfig"]
    return config["Cmd"], sorted(config["Env"]), config["Healthcheck"], host["PortBindings"], host["Init"]


def life(found: Stack) -> tuple[str, str]:
    """Which container of the app runs, and since when."""
    return str(inspected(found)["Id"]), str(inspected(found)["State"]["StartedAt"])


def kept(found: Stack) -> list[Path]:
    return sorted(found.state.glob("migops/*/*/definitions/*"))


def test_the_old_definition_comes_back(sandbox: Sandbox) -> None:
    """02: a new command, a new environment that the old image does not bear, one that it would bear."""
    found = stack(sandbox, more=HEALTH)
    compose = found.project / "compose.yaml"
    edit(compose, ENVIRONMENT, ENVIRONMENT.replace("DATABASE", f"TOKEN: {CANARY}\n      DATABASE"))
    found.compose("up", "-d", "--wait")
    text, before, was = compose.read_text(), stands(found), definition(found)
    (found.project / "new.sh").write_text("exit 3\n")
    changes = {
        "command": ("    build: .\n", '    build: .\n    scale: 2\n    command: ["sh", "/app/new.sh"]\n'),
        "environment": (f"TOKEN: {CANARY}", "TOKEN: new\n      MODE: new"),
    }
    for name, (old, new) in changes.items():
        compose.write_text(text)
        edit(compose, old, new)
        failed = deploy(found)
        assert (failed.code, failed.json["outcome"]) == (6, "failed"), (name, failed.stderr)
        assert (stands(found), definition(found)) == (before, was), name
        said = "the old containers run (from their old definition: the next `docker compose up -d` recreates app"
        assert said in failed.json["message"]
        written = "".join(path.read_text() for path in found.state.glob("migops/*/*/journal/*"))
        assert CANARY not in failed.stdout + failed.stderr + written, name
        (path,) = kept(found)  # those of the runs before are superseded
        assert [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent)] == [0o600, 0o700]
        assert CANARY in path.read_text()

    # Only a value has changed, and the way back fails: "the old containers run" would be a lie. The commands, typed in
    # their order, lead there.
    compose.write_text(text)
    edit(compose, f"TOKEN: {CANARY}", "PAYMENTS: live")
    (found.project / "sick").write_text("")
    lost = deploy(found, at={"containers:failed": f"mv {path.parent} {sandbox.path}/away"})
    assert (lost.code, lost.json["outcome"]) == (7, "operator"), lost.stderr
    assert "undoing the step keep failed" in lost.json["message"]
    assert "the old containers run" not in lost.json["message"]
    assert definition(found) != was
    (sandbox.path / "away").rename(path.parent)
    for words in lost.json["commands"]:
        typed = subprocess.run(words, cwd=found.project, env=found.env, capture_output=True, text=True, check=False)
        assert (typed.returncode, "--remove-orphans" in typed.stderr) == (0, False), (words, typed.stderr)
    assert (stands(found), definition(found)) == (before, was)


def test_what_is_lacking_or_changed_is_said_before_anything_is_done(sandbox: Sandbox) -> None:
    """19: a port that a process or a container has, a folder that is missing; at first, and just before the swap.
    And a secret's file that was edited since the old container has started: no way back brings it back."""
    found = stack(sandbox, more=HEALTH)
    compose, token = found.project / "compose.yaml", found.project / "token"
    token.write_text(CANARY)
    edit(compose, "    build: .\n", "    build: .\n    secrets: [token]\n")
    compose.write_text(compose.read_text() + "secrets: {token: {file: ./token}}\n")
    found.compose("up", "-d", "--wait")
    text, before, lived = compose.read_text(), stands(found), life(found)

    folder = found.project / "here"
    edit(compose, "    build: .\n", "    build: .\n    volumes: [{type: bind, source: ./here, target: /here}]\n")
    lacking = compose.read_text()
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        edit(
            compose,
            "    build: .\n",
            f'    build: .\n    ports: ["127.0.0.1:{port}:80"]\n    networks: [default, far]\n',
        )
        compose.write_text(compose.read_text() + "networks: {far: {external: true, name: no-such-network}}\n")
        refused = deploy(found)
        assert refused.code == 5, refused.stderr
        said = f"app publishes the port 127.0.0.1:{port}/tcp, which is taken by a process of this host"
        assert said in refused.stderr
        assert f"app mounts {folder}, which does not exist" in refused.stderr
        assert "app needs the external network no-such-network, which does not exist" in refused.stderr
    words = ("--init", "--name", f"{sandbox.name}-other", "-p", f"127.0.0.1:{port}:80", "python:3.11-slim")
    found.box.docker("run", "-d", *words, "sleep", "infinity")
    refused = found.deploy("--dry-run")
    assert refused.code == 5, refused.stderr
    assert f"taken by the container {sandbox.name}-other" in refused.stderr
    found.box.docker("rm", "-f", f"{sandbox.name}-other")
    compose.write_text(lacking)
    folder.mkdir()
    late = deploy(found, at={"revision:done": f"rmdir {folder}"})
    assert (late.code, late.json["outcome"]) == (6, "failed"), late.stderr
    assert "the old ones were not stopped" in late.json["message"]
    assert (stands(found), life(found)) == (before, lived)

    compose.write_text(text)
    token.write_text("another token")
    (note,) = [each for each in found.deploy("--dry-run").json["notes"] if "rollback" in each]  # nothing else changed
    assert f"{token} (/run/secrets/token in {sandbox.name}-app-1) was changed (content, owner or mode) at " in note
    (found.project / "sick").write_text("")
    partly = deploy(found)
    assert (partly.code, partly.json["outcome"]) == (7, "operator"), partly.stderr
    assert "the old image runs again, but not everything is as it was" in partly.json["message"]
    assert "the old containers run" not in partly.json["message"]
    assert str(token) in partly.json["message"]
    assert stands(found) == before
    assert CANARY not in partly.stdout + partly.stderr
