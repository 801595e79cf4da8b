"""Which of the past restores tell of a server: those on another one of the project say nothing of it."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from migops.commands.backup.interrupted import COMMAND, _is_here
from migops.commands.backup.source import Source
from migops.database import parse_url
from migops.migrations.version_table import VersionTable
from migops.sources.database import Reached
from migops.state.journal import Run
from migops.state.process import Who


@pytest.mark.parametrize(
    ("url", "server", "noted", "here"),
    [
        ("db", "db", {"database": "new", "server": "db"}, True),
        ("db", "db", {"database": "new", "server": "pg2"}, False),
        ("db.example", "", {"database": "new", "server": "db.example:5432"}, True),
        ("db.example:5433", "", {"database": "new", "server": "db.example:5432"}, False),
        ("db", "db", {"database": "new"}, True),  # by migops 0.1.0
        ("db", "db", {}, False),  # it did nothing on any server
    ],
)
def test_is_here(url: str, server: str, noted: dict[str, str], here: bool) -> None:
    named = parse_url(f"postgresql://u@{url}/shop")
    source = Source(Reached(named, named, VersionTable(), "URL", ""), "p", "app", "x", server=server)
    step = {"step": "restore", "status": "started", **noted}
    run = Run(Path("x"), 1, COMMAND, (), cast(Who, None), "", (step,) if noted else ())
    assert _is_here(run, source) is here
