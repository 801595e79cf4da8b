"""The demo's way out where there is no engine; the engine's way is `make demo` itself."""

from __future__ import annotations

import pytest

from tests import demo
from tests.engine.errors import EngineUnavailable


def test_without_an_engine_the_demo_writes_an_archive_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def unavailable(version: str | None = None) -> None:
        raise EngineUnavailable("not root")

    monkeypatch.setattr(demo.engine, "up", unavailable)
    assert demo.main() == 0
    printed = capfd.readouterr().out
    for words in ("no Docker Engine here", "not root", "an archive that this demo writes", "MIG001", "CLEAN"):
        assert words in printed
