"""A session whose lock another run has does not pass for one that holds it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest

from migops.core.errors import Locked
from migops.runner.migration_lock import MigrationLock


class Session:
    def lock(self) -> None:
        raise Locked("another run has it")


def test_a_lock_that_was_not_taken_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = MigrationLock(Path(), None, cast("Any", None), "migops", 1.0, ExitStack(), None, ())
    monkeypatch.setattr(MigrationLock, "open_session", lambda self: Session())
    with pytest.raises(Locked):
        lock.take(0.0)
    assert lock.session is None, "the next check must try again, and fail again"
