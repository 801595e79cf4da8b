"""-x that env.py reads: the rows that are looked at may be of another schema than those that Alembic writes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from migops.errors import Operator
from migops.runner import verbs
from migops.runner.guards.migrating import Migration
from migops.runner.guards.scene import Scene

READS = b"tenant = context.get_x_argument(as_dictionary=True).get('tenant')"


def migration(words: str, env_py: bytes, said: list[str]) -> Migration:
    held = SimpleNamespace(environment={"env.py": SimpleNamespace(path="/app/migrations/env.py", content=env_py)})
    run = SimpleNamespace(say=said.append, target=SimpleNamespace(
        commands=SimpleNamespace(compose=("docker", "compose")), service="app"
    ))  # fmt: skip
    nothing = cast("Any", None)
    scene = Scene(cast("Any", run), verbs.read(words.split()), nothing, cast("Any", SimpleNamespace(held=held)))
    return Migration(cast("Any", SimpleNamespace(scene=scene)), ("a",), ("b",), ("b",))


def test_rows_that_stay_are_nobodys_doing_where_x_may_lead_elsewhere() -> None:
    said: list[str] = []
    result = cast("Any", SimpleNamespace(child=0, code=0))
    assert migration("-x tenant=f upgrade head", READS, said)._as_expected(result, ("a",)) is result
    assert said == ["the database that is told of here is as it was, at a: -x has led Alembic elsewhere"]
    for words, env_py, after in (
        ("upgrade head", READS, "a"), ("-x tenant=f upgrade head", b"", "a"), ("-x tenant=f upgrade head", READS, "c"),
    ):  # fmt: skip
        with pytest.raises(Operator, match="should have left it at b"):
            migration(words, env_py, said)._as_expected(result, (after,))
