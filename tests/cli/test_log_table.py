"""The table of `migops log`: its columns stay apart, however a run ended."""

from __future__ import annotations

from pathlib import Path

from migops.commands.log.look import DatabaseLock, LogResult, RunLog
from migops.output import View, render
from migops.state.journal import Run
from migops.state.process import ourselves


def test_the_columns_stay_apart() -> None:
    ends = [("operator", 7), ("interrupted", 130), ("done", 0)]
    when = ("2026-11-22T08:34:00.000+00:00", "2026-11-22T08:34:05.000+00:00")
    runs = [
        Run(Path("x"), number, "alembic downgrade", ("downgrade", "-1"), ourselves(), when[0], (), word, code, when[1])
        for number, (word, code) in enumerate(ends, 1)
    ]
    run_log = RunLog("shop", Path("x"), tuple(runs), None, None, DatabaseLock(), ())
    head, *rows = render("log", LogResult(run_log, run_log.runs), View(width=120)).splitlines()[:4]
    for row, (word, code) in zip(rows, ends, strict=True):
        assert f"  {word}, exit {code}  " in row
        assert row.index("alembic downgrade -1") == head.index("command")
