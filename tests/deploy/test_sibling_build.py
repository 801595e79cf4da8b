"""An image that another service builds is built by a deploy, not pulled: no registry has it."""

from __future__ import annotations

import pytest

from tests.deploy.stack import PRICE, Stack, edit, quick
from tests.engine.sandbox import Sandbox
from tests.kit import example

pytestmark = pytest.mark.engine

NEXT = "b00000000001"
BUILDER = """services:
  tools:
    profiles: [tools]
    build: .
    image: docker.io/library/${COMPOSE_PROJECT_NAME}-app:latest
    command: alembic upgrade head
    environment:
      DATABASE_URL: postgresql+psycopg://shop:${POSTGRES_PASSWORD:-only-for-this-example}@db:5432/shop

"""


def test_a_sibling_builds_the_image(sandbox: Sandbox) -> None:
    found = Stack(sandbox, example("clean", sandbox.path), sandbox.path / "state")
    file = found.project / "compose.yaml"
    quick(file)
    edit(file, "    build: .\n", "    image: ${COMPOSE_PROJECT_NAME}-app\n")
    edit(file, "services:\n", BUILDER)
    first = found.deploy("app", "--cache")
    assert first.code == 0, first.stderr
    said = " ".join(first.stderr.split())
    assert "docker compose build tools" in said, "also where its profile is not enabled"
    assert "by the build of tools" in said
    assert "compose pull" not in said
    assert (found.rows(), found.running()) == ([PRICE], [found.image()])

    edit(file, "    profiles: [tools]\n", "")
    edit(file, "    depends_on:\n", "    depends_on:\n      tools: {condition: service_completed_successfully}\n")
    found.write(NEXT, PRICE, "op.execute(\"insert into product (title) values ('new')\")")
    second = found.deploy("app", "--cache")
    assert second.code == 0, second.stderr
    assert (found.rows(), found.running()) == ([NEXT], [found.image()])
    assert found.query("select count(*) from product") == "1"
