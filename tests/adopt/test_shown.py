"""What the user reads, at 80 and at 120 columns, and the document."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from migops.commands.adopt.inputs import AdoptInputs
from migops.commands.adopt.match import match
from migops.commands.adopt.outcome import Baseline, Outcome
from migops.commands.adopt.steps import Step
from migops.core.model import ImageIdentity, MigrationSet, Revision
from migops.core.printed import Commands
from migops.database import parse_url
from migops.database.postgres.schema import DatabaseSchema, Item
from migops.database.postgres.schema.items import schema_of
from migops.migrations.version_table import VersionTable
from migops.output import View, render
from migops.sandbox import App, Live
from migops.sources.database import Reached
from migops.sources.database_state import DatabaseState
from migops.target import Target

GOLDEN = Path(__file__).parent / "golden"
URL = parse_url("postgresql://shop:canary-7f3a@db:5432/shop")
COMPOSE = ("docker", "compose", "-f", "prod.yml")


def table(name: str, *columns: tuple[str, str]) -> list[Item]:
    full = f"public.{name}"
    return [
        Item("table", full, full, "table"),
        *(Item("column", full, f"{full}.{column}", kind) for column, kind in columns),
        Item("column order", full, full, ", ".join(column for column, _ in columns)),
        Item("primary key", full, f"{full}.{name}_pkey", "PRIMARY KEY (id)"),
    ]


PRODUCT = table("product", ("id", "integer NOT NULL"), ("title", "character varying NOT NULL"))
PRICED = table(
    "product", ("id", "integer NOT NULL"), ("title", "character varying NOT NULL"), ("price", "integer DEFAULT 0")
)
FUNCTION = Item("function", "", "public.touch()", "CREATE FUNCTION public.touch()\n RETURNS trigger\n AS $$ … $$")
TITLE = ("title", "character varying NOT NULL")
STEPS = [
    Step((), {}),
    Step(("3f1c0a7be210",), schema_of(PRODUCT)),
    Step(("a94d5e61c8f3",), schema_of([*PRICED, FUNCTION])),
    Step(("da7a00000001",), schema_of([*PRICED, FUNCTION])),
]
MESSAGES = {"3f1c0a7be210": "Create product", "a94d5e61c8f3": "Add product.price", "da7a00000001": "Set prices"}
DIFFERENT = [
    *table("product", ("price", "bigint DEFAULT 0"), TITLE, ("id", "integer NOT NULL")),
    *table("audit", ("id", "integer NOT NULL"), ("at", "date")),
    replace(FUNCTION, text="CREATE FUNCTION public.touch()\n RETURNS trigger\n LANGUAGE sql\n AS $$ … $$"),
    Item("extension", "", "pg_stat_statements", ""),
    Item("table", "other.thing", "other.thing", "table"),
]


def inputs() -> AdoptInputs:
    target = Target(
        "shop-app", Path("/srv/shop"), Path("/srv/shop/alembic.ini"), project="shop", service="app",
        commands=Commands("app", COMPOSE, "shop-app"),
    )  # fmt: skip
    state = DatabaseState(
        (), False, ("product",), server="PostgreSQL 15.6", url=URL.shown, origin="DATABASE_URL, prod.yml:5",
        address="172.18.0.2:5432, the address of shop-db-1",
    )  # fmt: skip
    return AdoptInputs(
        target=target, project=None, service=None, image=ImageIdentity("shop-app", "sha256:608ec450266d" + "0" * 52),
        migrations=MigrationSet(
            ("/app/versions",), {}, tuple(Revision(key, message=text) for key, text in MESSAGES.items())
        ),
        alembic=("alembic",), reached=Reached(URL, URL, VersionTable(), state.origin, state.address), state=state,
        live=Live(URL, "shop-db-1", "sha256:db", ("db",), {}), app=App("sha256:app", {}), network="shop_default",
    )  # type: ignore[arg-type]  # fmt: skip


def outcome(items: list[Item], **more: object) -> Outcome:
    live = DatabaseSchema(schema_of(items), ("public",))
    wanted = str(more.pop("wanted", ""))
    return Outcome(inputs(), match(STEPS, live, "alembic_version", "", wanted=wanted), **more)  # type: ignore[arg-type]


CASES = {
    "equal": outcome(PRODUCT, dry_run=True),
    "several": outcome([*PRICED, FUNCTION]),
    "different": outcome(DIFFERENT),
    "named": outcome(PRODUCT, wanted="head"),
    "nothing-ran": outcome([]),
    "adopted": outcome(PRODUCT, stamped=("3f1c0a7be210",)),
    "versioned": Outcome(replace(inputs(), state=replace(inputs().state, rows=("a94d5e61c8f3",))), None),
}


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("name", CASES)
def test_text(name: str, width: int) -> None:
    golden = GOLDEN / f"{name}-{width}.txt"
    shown = render("adopt", CASES[name], View(width=width))
    if not golden.exists():
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(shown)
        pytest.fail(f"{golden} was written: look at it")
    assert shown == golden.read_text()
    assert "canary" not in shown
    assert all(len(line) <= width or line.startswith("next") for line in shown.splitlines())


def test_quiet_is_one_line() -> None:
    assert render("adopt", CASES["different"], View(quiet=True)).count("\n") == 1


def test_the_document() -> None:
    found = json.loads(render("adopt", CASES["different"], View(), "json"))
    assert (found["schema"], found["command"], found["verdict"]) == (1, "adopt", "different")
    assert found["chosen"]["heads"] == ["da7a00000001"]
    assert found["not_compared"] == ["other"]
    assert (found["strict"], found["kinds_not_compared"][:3]) == (False, ["comment", "owner", "grant"])
    by_name = {each["name"]: each for each in found["chosen"]["differences"]}
    assert by_name["public.product.price"]["migrations"] == {
        "name": "public.product.price", "definition": "integer DEFAULT 0",
    }  # fmt: skip
    assert by_name["public.audit"]["migrations"] is None
    assert by_name["public.audit"]["within"] == [
        "column public.audit.id", "column public.audit.at", "primary key public.audit.audit_pkey",
    ]  # fmt: skip
    assert "canary" not in json.dumps(found)


def test_what_was_not_compared_is_told() -> None:
    plain = CASES["equal"]
    assert "; not compared: data, comments, owners" in " ".join(render("adopt", plain, View()).split())
    assert plain.match is not None
    strict = replace(plain, match=replace(plain.match, strict=True), dry_run=True)
    shown = render("adopt", strict, View(width=200))
    assert (
        "; not compared: data, text search, subscriptions, roles (owners and grants are compared by role name)" in shown
    )
    assert "next  migops adopt -f prod.yml --strict app" in shown
    found = json.loads(render("adopt", strict, View(), "json"))
    assert (found["strict"], found["kinds_not_compared"]) == (True, [])


def test_a_baseline_tells_what_comes_next() -> None:
    made = Baseline(Path("/srv/shop/versions/b1_first.py"), "3f1c0a7be210", "first", "text")
    planned = render("adopt", replace(CASES["equal"], baseline=made), View(width=80))
    assert "plan  write the baseline to the host; stamp 3f1c0a7be210 in" in planned
    assert "next  migops adopt -f prod.yml --baseline -m first app\n" in planned
    shown = render("adopt", replace(CASES["adopted"], baseline=made), View(width=80))
    assert "3f1c0a7be210 (first)" in shown
    assert "next  docker compose -f prod.yml build app\n" in shown
