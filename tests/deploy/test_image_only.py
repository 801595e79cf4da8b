"""A service that is not built here: its image is fetched, or taken as it is; with migrations on the host or without."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.deploy.stack import PRICE, Stack, things
from tests.engine.sandbox import Sandbox
from tests.kit import example, migops

pytestmark = pytest.mark.engine


def test_the_image_is_the_truth_where_the_host_has_no_migrations(sandbox: Sandbox) -> None:
    sources = example("clean", sandbox.path)
    ref = f"registry.invalid/{sandbox.name}-shop:1"
    compose = (sources / "compose.yaml").read_text().replace("build: .\n", f"image: {ref}\n    init: true\n")
    production = sandbox.path / "production"
    production.mkdir()
    (production / "compose.yaml").write_text(compose)
    found = Stack(sandbox, production, sandbox.path / "state")
    before = things(sandbox)

    lacking = found.deploy("app")
    assert (lacking.code, things(sandbox)) == (3, before), lacking.stderr
    assert "fetch it, then run this again: docker compose pull app" in lacking.stderr

    sandbox.build(sources, ref)
    fresh = found.deploy("app")
    assert fresh.code == 0, fresh.stderr
    said = " ".join(fresh.stderr.split())
    assert "verify: it contains 2 revisions, with head a94d5e61c8f3; the host has none to compare them with" in said
    assert (found.rows(), found.running()) == ([PRICE], [found.image(ref)])
    old = found.image(ref)
    unlock = migops("log", "--unlock", "app", cwd=production, env=found.env)
    assert (unlock.code, unlock.stdout.count("not held")) == (0, 3), unlock.stderr

    text = 'op.add_column("product", sa.Column("x", sa.Integer()))'
    Stack(sandbox, sources, found.state).write("b00000000001", PRICE, text)
    new = sandbox.build(sources, ref)
    done = found.deploy("app")
    assert (done.code, done.json["image"]) == (0, {"before": old, "after": new}), done.stderr
    assert (found.rows(), found.running()) == (["b00000000001"], [new])
    assert sorted(path.name for path in production.iterdir()) == ["compose.yaml"], "nothing is left on the host"

    shutil.copytree(sources, production, dirs_exist_ok=True, ignore=shutil.ignore_patterns("compose.yaml"))
    unreached = found.deploy("app")
    assert (unreached.code, found.running()) == (5, [new]), unreached.stderr
    assert "deploy the local image (--no-pull)" in unreached.json["hint"]
    kept = found.deploy("--no-pull", "app")
    assert kept.code == 0, kept.stderr

    tools = fetching(sandbox, ref, old)
    behind = found.deploy("app", env={"PATH": f"{tools}:{sandbox.env['PATH']}"})
    assert behind.code == 5, behind.stderr
    lacks = "the built image does not match the host: versions/b00000000001_b00000000001.py"
    assert lacks in behind.json["message"]
    assert (found.image(ref), found.running()) == (new, [new])

    sandbox.docker("rmi", ref)  # the name alone: the container still runs from the image
    unnamed = found.deploy("--dry-run", "app")
    assert unnamed.code == 3, unnamed.stderr
    assert f"docker tag {new} {ref}" in unnamed.stderr


def fetching(box: Sandbox, ref: str, image: str) -> Path:
    """A fake docker: its ``pull`` names an image that is here, since there is no registry; all the rest is real."""
    tools = box.path / "tools"
    tools.mkdir()
    real = shutil.which("docker", path=box.env["PATH"])
    text = f'case " $* " in *" pull "*) exec {real} tag {image} {ref};; esac\nexec {real} "$@"\n'
    (tools / "docker").write_text(f"#!/bin/sh\n# a fake\n{text}")
    (tools / "docker").chmod(0o755)
    return tools
