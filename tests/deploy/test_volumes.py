"""Volumes over the migrations: an anonymous one is made anew and the old one kept, a named one gets the image's."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.containers import SCRIPTS
from tests.deploy.stack import CREATE, PRICE, Stack, edit, quick
from tests.engine.sandbox import Sandbox
from tests.kit import example

pytestmark = pytest.mark.engine

BROKEN = "raise SystemExit('it does not come up')\n"


def broken(box: Sandbox, name: str, volume: str = "") -> Stack:
    """The example in its state, and a database at the first revision. ``volume`` is one more in its Dockerfile."""
    found = Stack(box, example(name, box.path), box.path / "state")
    box.seldom(found.project / "compose.yaml")
    quick(found.project / "compose.yaml")
    if volume:
        edit(found.project / "Dockerfile", "VOLUME /app/migrations\n", f"VOLUME /app/migrations {volume}\n")
    subprocess.run((f"./{SCRIPTS[name]}",), cwd=found.project, env=box.env, check=True, capture_output=True)
    found.compose("up", "-d", "--wait", "db")
    found.compose("exec", "-T", "app", "alembic", "upgrade", CREATE)
    found.query("insert into product (title) values ('kept')")
    return found


def mounted(found: Stack) -> dict[str, str]:
    """What lies over which folder of the app's container."""
    container = found.compose("ps", "-q", "app").strip()
    mounts = json.loads(found.box.docker("inspect", "-f", "{{json .Mounts}}", container))
    return {each["Destination"]: each["Name"] for each in mounts}


def versions(found: Stack) -> list[str]:
    names = found.compose("exec", "-T", "app", "ls", "/app/migrations/versions").split()
    return [name[:12] for name in names if name.endswith(".py")]


def test_an_anonymous_volume_is_made_anew_and_is_the_way_back(sandbox: Sandbox) -> None:
    found = broken(sandbox, "anonymous-volume", "/data")
    found.compose("exec", "-T", "app", "sh", "-c", "echo kept > /data/upload")
    old = mounted(found)

    main = (found.project / "main.py").read_text()
    (found.project / "main.py").write_text(BROKEN)
    failed = found.deploy("--cache", "--on-failure", "downgrade")
    assert (failed.code, failed.json["outcome"]) == (6, "failed"), failed.stderr
    assert "  | it does not come up" in failed.stderr, "what the new one said, which is gone with it"
    assert mounted(found) == old, "its very volumes"
    assert found.rows() == [CREATE]

    (found.project / "main.py").write_text(main)
    done = found.deploy("--cache")
    assert done.code == 0, done.stderr
    assert versions(found) == [CREATE, PRICE]
    assert old["/app/migrations"] in done.stderr
    assert "app keeps its other anonymous volumes: /data" in done.stderr
    assert mounted(found)["/data"] == old["/data"]
    assert sandbox.docker("volume", "inspect", "-f", "{{.Name}}", old["/app/migrations"]).strip()
    (swap,) = [line for line in found.journals()[-1] if (line.get("step"), line.get("status")) == ("swap", "done")]
    assert swap["volumes_kept"] == [old["/app/migrations"]]

    new = mounted(found)
    found.compose("up", "-d", "--no-deps", "app")
    assert mounted(found) == new, "compose takes them over from there"
    left = [name for run in found.journals() for line in run for name in line.get("volumes_left", ())]
    assert len(left) == 1, "that of the containers that did not come up is named, too"
    found.compose("down", "-t", "0")
    for each in {*old.values(), *new.values(), *left}:
        sandbox.docker("volume", "rm", each)


def test_a_named_volume_gets_the_migrations_and_back(sandbox: Sandbox) -> None:
    found = broken(sandbox, "named-volume")
    assert versions(found)[1] != PRICE
    before = versions(found)

    main = (found.project / "main.py").read_text()
    (found.project / "main.py").write_text(BROKEN)
    failed = found.deploy("--cache", "--on-failure", "downgrade")
    assert (failed.code, failed.json["outcome"]) == (6, "failed"), failed.stderr
    assert (versions(found), found.rows()) == (before, [CREATE])

    (found.project / "main.py").write_text(main)
    done = found.deploy("--cache")
    assert done.code == 0, done.stderr
    assert f"the volume {sandbox.name}_migrations shows older migrations" in done.stderr
    assert (versions(found), found.rows()) == ([CREATE, PRICE], [PRICE])
    assert found.query("select title from product") == "kept"
