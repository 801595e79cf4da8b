"""How a run went, judged by rows that are only described: our exit code, and what is said."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from migops.commands.alembic.call import Result, RunOptions
from migops.commands.alembic.guards.context import GuardContext
from migops.commands.alembic.guards.outcome import reported
from migops.core.errors import Failed, ManualActionRequired, MigopsError
from migops.core.model import MigrationFile, MigrationSet, Revision
from migops.core.printed import Commands
from migops.database.postgres.lock_rows import Blocker, Waiting
from migops.database.postgres.watch import Wait, Watched
from migops.migrations.build import build
from migops.runner.expected_run import ExpectedRun
from migops.runner.outcome import judge

A, B, C = Revision("a", path="/a.py"), Revision("b", ("a",), path="/b.py"), Revision("c", ("b",), path="/c.py")
WAITING = Waiting(5, "10.0.0.3", "migops-1", None, "ALTER TABLE t", "relation", "AccessExclusiveLock", "t", (9,))
BLOCKER = Blocker(9, "psql", "10.0.0.1", "shop", "idle in transaction", "00:12:40", "SELECT 1")
CUT = Watched([Wait(WAITING, (BLOCKER,), 5.0, cancelled=True)])
LOGGED = "Running upgrade  -> a, x\nRunning upgrade a -> b, y\nRunning upgrade b -> c, z\n"


def judged(
    after: tuple[str, ...] | None, child: int = 0, *, expected: tuple[str, ...] | None = ("c",),
    seen: Watched | None = None, output: str = "", script: bytes = b"", env_py: bytes = b"", stopped: bool = False,
    doubt: str = "",
) -> tuple[Any, str]:  # fmt: skip
    """An upgrade of an empty database to c: the result or the error, and what was said."""
    files = {name: MigrationFile(name, f"/{name}", "", content=script) for name in ("a.py", "b.py", "c.py")}
    held = MigrationSet(("/",), files, environment={"env.py": MigrationFile("env.py", "/env.py", "", content=env_py)})
    run_ = ExpectedRun((), expected, ("a", "b", "c"), build([A, B, C]), held)
    commands = Commands("app", ("docker", "compose", "-f", "c.yaml"))
    run = SimpleNamespace(run_options=RunOptions(), target=SimpleNamespace(commands=commands, service="app"))
    said: list[str] = []
    where = SimpleNamespace(doubt=doubt)
    call = SimpleNamespace(verb="upgrade")
    context = cast(GuardContext, SimpleNamespace(run=run, call=call, say=said.append, where=where))
    result = Result(child, child, output, cast(Any, None), stopped)
    try:
        outcome = judge(run_, child, output, after, seen or Watched(), None, attempts=3)
        return reported(context, run_, outcome, result, is_postgresql=True), "\n".join(said)
    except MigopsError as error:
        return error, "\n".join(said)


@pytest.mark.parametrize(
    ("given", "outcome", "text"),
    [
        ({"after": ("c",)}, 0, ""),
        ({"after": ("c",), "expected": None}, 0, "was at no revision, and is at c now"),
        ({"after": ("x",)}, ManualActionRequired, "someone else has changed it meanwhile"),
        (
            {"after": ()},
            0,
            "Alembic has changed another one, unknown to migops (env.py chooses it, by -x or -n, or for",
        ),
        ({"after": (), "doubt": "whether …"}, 0, "or for each schema; or the container does: whether …)"),
        ({"after": None}, ManualActionRequired, "it is not known which revision the database is at now"),
        ({"after": (), "child": 1}, 1, ""),
        ({"after": (), "child": 1, "script": b"with autocommit_block():"}, 1, "what a, b and c did outside"),
        ({"after": ("b",), "child": 1, "output": LOGGED}, 1, "failed at c; the 2 before it stay"),
        ({"after": ("b",), "child": 1, "env_py": b"transaction_per_migration=True"}, 1, "failed at c; the 2 before it"),
        (
            {"after": ("c",), "child": 1, "output": LOGGED},
            ManualActionRequired,
            "someone else has migrated it meanwhile",
        ),
        ({"after": ("b",), "child": 1}, ManualActionRequired, "or a part of this run has stayed"),
        ({"after": (), "child": 1, "seen": CUT}, Failed, "in the way: pid 9 (psql), user shop from 10.0.0.1"),
        ({"after": (), "child": 1, "output": "canceling statement due to lock timeout"}, Failed, "gave up"),
        (
            {"after": (), "child": 1, "seen": CUT, "script": b"op.get_bind().commit()"},
            ManualActionRequired,
            "may have stayed",
        ),
        ({"after": (), "child": 1, "seen": Watched(lost="the session is lost")}, Failed, "because another run could"),
        (
            {"after": ("b",), "child": 1, "seen": Watched(lost="the session is lost")},
            ManualActionRequired,
            "and is at b now",
        ),
        ({"after": ("c",), "seen": Watched(lost="the session is lost")}, 0, "had finished all the same, at c"),
        ({"after": (), "child": 130, "stopped": True}, 130, "the database is as it was, at no revision"),
        ({"after": ("b",), "child": 130, "stopped": True}, 130, "was at no revision, and is at b now"),
    ],
)
def test_how_it_went(given: dict[str, Any], outcome: Any, text: str) -> None:
    found, said = judged(**given)
    if isinstance(outcome, int):
        assert found.code == outcome, found
        assert text in said
        assert text or not said
    else:
        assert type(found) is outcome, found
        assert text in str(found)
    if isinstance(found, ManualActionRequired):
        assert found.commands == (("migops", "status", "-f", "c.yaml", "app"),)
