"""What a run leaves in the engine is its error, whichever of its processes left it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine import layout
from tests.engine.engine import Engine
from tests.engine.fixtures import SecondEngines
from tests.engine.inventory import Inventory
from tests.engine.runs import Run
from tests.engine.sandbox import Sandbox

REPO = Path(__file__).parents[2]
LEAVING = """
import pytest

@pytest.mark.parametrize("number", range(3))
def test_it(sandbox, engine_run, number):
    sandbox.docker("volume", "create", f"{sandbox.name}-gone")
    if number == 2:
        sandbox.docker("volume", "create", f"{engine_run.token}-OUTER-left")
"""


def test_a_run_alone_answers_for_all_that_is_new_but_orphans(
    second_engine: SecondEngines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = second_engine().engine
    with monkeypatch.context() as patch:
        patch.delenv("MIGOPS_TEST_SHARED", raising=False)
        patch.setattr(layout, "run", lambda: tmp_path)  # among no other runs
        leave_and_meet(engine)
    assert list((tmp_path / "sessions").iterdir()) == []


def leave_and_meet(engine: Engine) -> None:
    engine.docker("volume", "create", "before")
    run, other, killed = Run.new(), Run("mtother", os.getppid()), Run("mtkilled", 2**22)  # no process has that number
    killed.begin(engine)
    assert not run.begun
    run.begin(engine)
    engine.docker("volume", "create")  # as if compose had orphaned it
    engine.docker("volume", "create", "nobody-knows-whose")
    assert run.end(engine) == ["volume nobody-knows-whose nobody-knows-whose"]
    assert set(Inventory.of(engine).volume) == {"before", "nobody-knows-whose"}

    for one in (run, other):
        one.begin(engine)
    engine.docker("volume", "create")
    engine.docker("volume", "create", "nor-this")
    engine.docker("volume", "create", f"{run.token}-ours")
    assert run.end(engine) == [f"volume {run.token}-ours {run.token}-ours"], "they met: each answers for its own"
    assert other.end(engine) == []


def test_what_a_worker_leaves_is_an_error_of_the_whole_run(sandbox: Sandbox) -> None:
    test = sandbox.path / "test_leaving.py"
    test.write_text(LEAVING.replace("OUTER", sandbox.name))
    # with a cache of its own it does not meet this run, and takes the engine for somebody else's
    env = {**sandbox.env, "XDG_CACHE_HOME": str(sandbox.path), "PYTHONPATH": str(REPO), "MIGOPS_TEST_ENGINE": ""}
    words = ("-n", "2", "-p", "tests.engine.fixtures", "-o", "markers=engine:", "-p", "no:cacheprovider")
    command = (sys.executable, "-m", "pytest", *words, str(test))
    done = subprocess.run(command, cwd=sandbox.path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "3 passed, 1 error" in done.stdout
    assert f"-{sandbox.name}-left" in done.stdout
    assert "-gone" not in done.stdout
