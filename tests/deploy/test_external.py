"""A database outside of the project: another project's container on a network that both share."""

from __future__ import annotations

import pytest

from tests.deploy.stack import CREATE, PASSWORD, PRICE, Stack, edit, quick, things
from tests.engine.sandbox import Sandbox
from tests.kit import example

pytestmark = pytest.mark.engine


def test_it_is_backed_up_by_an_image_that_is_named_or_not_at_all(sandbox: Sandbox) -> None:
    network, server = f"{sandbox.name}-shared", f"{sandbox.name}-pg"
    sandbox.docker("network", "create", network)
    variables = {"POSTGRES_USER": "shop", "POSTGRES_DB": "shop", "POSTGRES_PASSWORD": PASSWORD}
    words = [word for key, value in variables.items() for word in ("-e", f"{key}={value}")]
    sandbox.docker("run", "-d", "--name", server, "--network", network, "--network-alias", "pg", *words, "postgres:15")
    sandbox.docker("exec", server, "sh", "-c", "until pg_isready -h 127.0.0.1 -U shop; do sleep 0.2; done")

    found = Stack(sandbox, example("clean", sandbox.path), sandbox.path / "state")
    compose = found.project / "compose.yaml"
    text = compose.read_text()
    app = text[: text.index("    depends_on:")].replace("@db:", "@pg:")
    app += "    networks: [shared]\n    deploy: {replicas: 2}\n"
    compose.write_text(f"{app}networks:\n  shared:\n    external: true\n    name: {network}\n")
    quick(compose)

    fresh = found.deploy("--cache")
    assert (fresh.code, fresh.json["revisions"]["after"]) == (0, [PRICE]), fresh.stderr
    found.compose("exec", "-T", "app", "alembic", "downgrade", CREATE)
    before = things(sandbox)

    refused = found.deploy("--cache")
    assert refused.code == 5, refused.stderr
    assert "backup-image: postgres:15" in refused.stderr
    assert "--no-backup" in refused.stderr
    assert things(sandbox) == before

    edit(compose, "    networks: [shared]\n", "    networks: [shared]\n    x-migops: {backup-image: 'postgres:15'}\n")
    done = found.deploy("--cache")
    assert done.code == 0, done.stderr
    assert done.json["backup"].endswith(".dump")

    found.compose("exec", "-T", "app", "alembic", "downgrade", CREATE)
    edit(compose, "    x-migops: {backup-image: 'postgres:15'}\n", "")
    without = found.deploy("--cache", "--no-backup")
    assert (without.code, without.json["backup"]) == (0, None), without.stderr
    assert "no backup is taken: data destroyed by a migration cannot be recovered" in without.stderr
    assert found.running() == [found.image()] * 2, "both replicas"
