"""What Alembic's process is told of lock timeouts, and where the watch alone decides."""

from __future__ import annotations

import pytest

from migops.core.model import MigrationFile, MigrationSet, Revision
from migops.migrations.build import build
from migops.runner.environment import environment, server_lock_timeout
from migops.runner.expected_run import ExpectedRun

A, B = Revision("a", path="/a.py"), Revision("b", ("a",), path="/b.py")
INDEX = b"op.create_index('i', 't', ['c'], postgresql_concurrently=True)"
OWN = {"PGOPTIONS": "-c search_path=shop", "PYTHONPATH": "/app"}


def traced(path: str) -> dict[str, str]:
    return {"PYTHONPATH": f"/trace:{path}"}


def test_ours_is_added_to_the_services_own() -> None:
    assert environment("migops-1", 2.5, traced, lambda name: OWN[name]) == {
        "PGAPPNAME": "migops-1", "PGOPTIONS": "-c search_path=shop -c lock_timeout=2500", "PYTHONPATH": "/trace:/app",
    }  # fmt: skip
    assert environment("m", 5, lambda path: {}, lambda name: "")["PGOPTIONS"] == "-c lock_timeout=5000"
    assert environment("m", 0.0001, lambda path: {}, lambda name: "")["PGOPTIONS"] == "-c lock_timeout=1"


def test_no_limit_gives_no_options() -> None:
    assert environment("m", 0, traced, lambda name: OWN[name]) == {"PGAPPNAME": "m", "PYTHONPATH": "/trace:/app"}
    assert environment("", 0, lambda path: {}, lambda name: "") == {}


def expected(
    steps: tuple[str, ...], after: tuple[str, ...] | None, *, graph: bool = True, text: bytes = INDEX,
    on_host: bool = False, others: bool = False,
) -> ExpectedRun:  # fmt: skip
    files = {
        "a.py": MigrationFile("a.py", "/a.py", "", content=b"pass"),
        "b.py": MigrationFile("b.py", "/b.py", "", content=text),
    }
    held = MigrationSet(("/",), files)
    return ExpectedRun((), after, steps, build([A, B]) if graph else None, held if graph else None, on_host, others)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (expected(("a",), ("a",)), 5.0),
        (expected(("a", "b"), ("b",)), 0.0),
        (expected(("b",), ("b",), text=b"op.execute('REINDEX INDEX CONCURRENTLY i')"), 0.0),
        (expected(("b",), ("b",), text=b"with op.get_context().autocommit_block():\n    ours.online_index('t')"), 0.0),
        (expected((), ()), 0.0),  # where anything runs, it is for another version table
        (expected((), (), graph=False), 5.0),  # `alembic current`
        (expected(("a",), ("a",), others=True), 0.0),
        (expected((), None), 0.0),  # which migrations will run is not known: it may be any
        (expected((), None, graph=False), 0.0),  # nor what they hold
        (expected(("b",), ("b",), text=b"", on_host=True), 0.0),  # taken away meanwhile
    ],
)
def test_what_waits_for_old_transactions_is_not_cut_off_by_the_server(given: ExpectedRun, seconds: float) -> None:
    assert server_lock_timeout(5.0, given, led_elsewhere=False) == seconds


def test_behind_a_pooler_no_options_are_given() -> None:
    assert server_lock_timeout(5.0, expected(("a",), ("a",)), led_elsewhere=True) == 0.0
