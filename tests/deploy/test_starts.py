"""An image that migrates whenever it starts: refused with the reason, deployed where that is accepted."""

from __future__ import annotations

import pytest

from tests.deploy.stack import PRICE, Stack, edit, quick, things
from tests.engine.sandbox import Sandbox
from tests.kit import example

pytestmark = pytest.mark.engine


def test_a_migrating_entrypoint(sandbox: Sandbox) -> None:
    found = Stack(sandbox, example("migrating-entrypoint", sandbox.path), sandbox.path / "state")
    quick(found.project / "compose.yaml")
    before = things(sandbox)
    refused = found.deploy("--cache")
    assert (refused.code, things(sandbox)) == (5, before), refused.stderr
    assert "app migrates at every start: `alembic upgrade head`" in refused.stderr
    assert "entrypoint.sh:2" in refused.stderr, "and where that is"

    taken = found.deploy("--cache", "--accept-migrating-entrypoint")
    assert taken.code == 0, taken.stderr
    said = " ".join(taken.stderr.split())
    assert "so does the swap, and the old image will not start once the database has moved on" in said
    assert (found.rows(), found.running()) == ([PRICE], [found.image()])

    edit(found.project / "entrypoint.sh", "alembic upgrade head\n", "")
    mended = found.deploy("--cache")
    assert mended.code == 0, "what counts is the start of the new image, not of the old one"

    edit(found.project / "Dockerfile", 'CMD ["python", "main.py"]', "CMD alembic upgrade head && exec python main.py")
    coming = found.deploy("--dry-run")
    assert coming.code == 5, "and so it is where the old one is harmless"
