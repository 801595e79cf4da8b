"""MIG408: one name, several version tables."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from migops.analysis.chain import walk
from migops.analysis.evidence import Evidence
from migops.core.model import Finding
from migops.core.printed import Commands
from migops.rules import database_schema, judge
from migops.sources.database_state import DatabaseState


def findings(
    rows: Sequence[str], schemas: Sequence[str], elsewhere: Sequence[str] = (), table: str = "alembic_version",
    tables: Sequence[str] = ("product",),
) -> tuple[Finding, ...]:  # fmt: skip
    state = DatabaseState(
        tuple(rows), bool(schemas), tuple(tables), tuple(elsewhere), table, tuple(schemas), url="postgresql://u@db/d"
    )
    return judge(database_schema.RULES, Evidence(walk({}), {}, Commands(), database=state))[0]


def test_which_one_counts_is_said() -> None:
    (found,) = findings(["a"], ["tenant"], ["public"])
    assert (found.rule, found.severity.value) == ("MIG408", "warning")
    assert found.message == "2 schemas have a version table alembic_version: public and tenant"
    assert found.cause.startswith("the search path finds the one in tenant;")
    assert "version_table_schema='tenant'" in found.remedy[0].why
    assert found.facts["schemas"] == ["tenant", "public"]


def test_both_on_the_search_path_the_first_counts() -> None:
    (found,) = findings(["a"], ["app", "public"])
    assert found.facts["on_search_path"] == ["app", "public"]
    assert "the one in app" in found.cause


@pytest.mark.parametrize(
    "given",
    [
        {"rows": ["a"], "schemas": ["public"]},
        {"rows": ["a"], "schemas": ["tenant"], "elsewhere": ["public"], "table": "tenant.alembic_version"},
        {"rows": [], "schemas": [], "elsewhere": ["x", "y"]},
    ],
    ids=["one", "the schema is named", "MIG401 asks where it is"],
)
def test_no_finding(given: dict[str, Sequence[str]]) -> None:
    assert findings(**given) == ()  # type: ignore[arg-type]


def test_none_on_the_search_path_and_no_tables() -> None:
    (found,) = findings([], [], ["x", "y"], tables=())
    assert found.cause.startswith("the search path finds none;")
