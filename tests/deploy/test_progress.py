"""The deploy's progress on a terminal: the build's output is one line, and Ctrl-C leaves a clean screen."""

from __future__ import annotations

import pytest

from tests.core.terminal_screen import drawn, on_terminal, screen
from tests.deploy.stack import edit, stack
from tests.engine.sandbox import Sandbox

pytestmark = pytest.mark.engine


def test_a_build_on_a_terminal_that_is_stopped(sandbox: Sandbox) -> None:
    found = stack(sandbox, "clean", "db", migrated=False)
    edit(found.project / "Dockerfile", "COPY . .\n", "COPY . .\nRUN echo a line of the build; sleep 600\n")
    words = ("-m", "migops", "rebuild-and-migrate", "--yes", "--cache", "app")
    with on_terminal(*words, env=found.env, cwd=str(found.project), echo=True) as running:
        running.until(r"2/\d+  build  \d+ s  #\d+ [\d.]+ a line of the build")
        running.type("\x03")
        code = running.end()
    assert code == 130, running.raw
    assert all(len(text) <= 77 for text in drawn(running.raw))
    seen = screen(running.raw)
    assert not any("a line of the build" in line and "build  " in line for line in seen), seen
    assert any(line.startswith("ABORTED") for line in seen), seen
