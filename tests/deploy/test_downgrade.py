"""The downgrade of ``--on-failure downgrade`` undoes only what this very deploy has surely migrated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest

from migops.commands.deploy import downgrade, process
from migops.commands.deploy.deploy import Deploy, DeployRecord
from migops.commands.deploy.options import Options
from migops.core.errors import Unavailable
from tests.deploy.made import inputs


class Say:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)


def deploy(record: DeployRecord, say: Say | None = None) -> Deploy:
    nobody = cast("Any", None)
    options = replace(Options(), on_failure="downgrade")
    return Deploy(inputs(), options, nobody, nobody, nobody, cast("Any", say), nobody, record)


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (DeployRecord(before=("a",), after=("a",), has_migrated=True), "the database is where it was"),
        (DeployRecord(before=("a",), after=("b",)), "someone else has moved the database"),
        (DeployRecord(before=("a",), after=("b",), has_migrated=True, stays="its end is not known"), "its end is not"),
    ],
)
def test_it_leaves_alone_what_this_deploy_has_not_surely_done(record: DeployRecord, why: str) -> None:
    assert why in downgrade.go_back(deploy(record))["skipped"]


def test_a_container_that_cannot_be_removed_does_not_hide_what_was_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bool:
        raise Unavailable("device or resource busy")

    monkeypatch.setattr("migops.docker.execs.remove", refuse)
    say = Say()
    process.DetachedProcess(deploy(DeployRecord(), say), ("upgrade", "head")).remove()
    assert "could not be removed: device or resource busy" in say.lines[0]
