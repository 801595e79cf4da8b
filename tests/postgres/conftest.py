"""A real PostgreSQL for the tests of this folder."""

from __future__ import annotations

import time

import pytest

from migops.core.errors import Unavailable
from migops.database import DatabaseUrl, parse_url
from migops.database.postgres.session import open_session
from tests.engine.sandbox import Sandbox

CANARY = "kAn4ry-s3cret"


@pytest.fixture
def url(sandbox: Sandbox) -> DatabaseUrl:
    """A server that is up, and its address as migops reaches it."""
    name = f"{sandbox.name}-db"
    sandbox.docker("run", "-d", "--name", name, "-e", f"POSTGRES_PASSWORD={CANARY}", "postgres:15")
    address = sandbox.docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name).strip()
    found = parse_url(f"postgresql+asyncpg://postgres:{CANARY}@{address}/postgres")
    until = time.monotonic() + 180
    while True:
        try:
            with open_session(found, timeout=2):
                break
        except Unavailable:
            assert time.monotonic() < until
            time.sleep(0.2)
    return found
