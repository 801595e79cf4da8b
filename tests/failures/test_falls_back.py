"""Journey 20: env.py falls back on localhost, because the service does not say where the database is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.shop import ENV, Shop

REFUSED = 'connection to server at "localhost" (127.0.0.1), port 5432 failed: Connection refused'
COMPOSE = (
    "services:\n  app:\n    build: .\n    environment: {{POSTGRES_USER: shop, POSTGRES_PASSWORD: x, POSTGRES_DB: shop"
    "{}}}\n"
    "  db:\n    image: postgres:15\n"
)


@pytest.mark.parametrize(("more", "is_cause"), [("", True), (", POSTGRES_HOST: localhost", False)])
def test_the_variable_that_is_missing_is_named(more: str, is_cause: bool, tmp_path: Path) -> None:
    shop = Shop.at(tmp_path).write("compose.yaml", COMPOSE.format(more)).line("001")
    shop.write("migrations/env.py", f'import os\n{ENV}host = os.getenv("POSTGRES_HOST", "localhost")\n')
    said = shop.explain(REFUSED, "upgrade", "head").of("connection-refused").text
    assert ("takes POSTGRES_HOST from the environment, else localhost, and the service app" in said) is is_cause
    assert ("localhost is the container that Alembic runs in" in said) is not is_cause
