"""-x that env.py reads: the rows that are looked at may be of another schema than those that Alembic writes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from migops.commands.alembic.guards.context import GuardContext
from migops.runner import arguments

READS = b"tenant = context.get_x_argument(as_dictionary=True).get('tenant')"


@pytest.mark.parametrize(
    ("words", "env_py", "elsewhere"),
    [
        ("-x tenant=f stamp head", READS, True), ("--x-arg=tenant=f upgrade head", READS, True),
        ("stamp head", READS, False), ("-x tenant=f stamp head", b"", False),
    ],
)  # fmt: skip
def test_that_env_py_reads_x_is_seen(words: str, env_py: bytes, elsewhere: bool) -> None:
    held = SimpleNamespace(environment={"env.py": SimpleNamespace(path="/app/migrations/env.py", content=env_py)})
    nothing = cast("Any", None)
    context = GuardContext(nothing, arguments.read(words.split()), nothing, cast("Any", SimpleNamespace(held=held)))
    assert context.may_lead_elsewhere is elsewhere
