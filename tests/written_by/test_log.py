"""`migops log` of the runs of other versions: it lists each, shows each, and says how each ended."""

from __future__ import annotations

import pytest

from tests.engine.sandbox import Sandbox
from tests.kit import example, migops
from tests.written_by.kept import VERSIONS, Kept

pytestmark = pytest.mark.engine


@pytest.mark.parametrize("version", VERSIONS)
def test_each_run_is_listed_and_shown(sandbox: Sandbox, version: str) -> None:
    kept, project = Kept(version, sandbox, sandbox.path / "state"), example("clean", sandbox.path)
    kept.put_journals(len(kept.runs))
    kept.put("lock")
    env = {**sandbox.env, "XDG_STATE_HOME": str(kept.state), "COLUMNS": "200"}

    found = migops("log", "--format", "json", cwd=project, env=env)
    assert found.code == 0, found.stderr
    assert found.json["locks"]["host"] is None, "its owner has gone, and what it wrote is there"
    shown = {run["run"]: run for run in found.json["runs"]}
    assert sorted(shown) == list(range(1, len(kept.runs) + 1))
    text = migops("log", cwd=project, env=env)
    assert text.code == 0, text.stderr

    for number, meant in enumerate(kept.runs, 1):
        run, (first, *rest) = shown[number], kept.lines(number)
        outcome = meant["outcome"] or "interrupted"
        assert (run["outcome"], run["exit"], run["cut_off"]) == (outcome, meant["exit"], not meant["outcome"]), number
        assert run["command"].split()[0] == meant["command"]
        assert (run["arguments"], run["began"]) == (first["arguments"], first["at"])
        assert [run[key] for key in ("user", "host", "pid")] == [first["who"][key] for key in ("user", "host", "pid")]
        steps = [(line["step"], line["status"]) for line in rest if "step" in line]
        assert [(step["step"], step["status"]) for step in run["steps"]] == steps
        ended = f"{outcome}, exit {meant['exit']}" if meant["outcome"] else "CUT OFF"
        (row,) = (line for line in text.stdout.splitlines() if line.split()[:1] == [str(number)])
        assert ended in row
        assert meant["command"] in row

        one = migops("log", str(number), cwd=project, env=env)
        assert one.code == 0, one.stderr
        assert f"run {number}: {meant['command']}" in one.stdout
        for step, status in steps:
            assert f"  {step}: {status}\n" in one.stdout
        (only,) = migops("log", str(number), "--format", "json", cwd=project, env=env).json["runs"]
        assert only == run
