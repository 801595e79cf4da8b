"""Each state, its fix followed as printed."""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from migops import target
from migops.cli.main import cli
from migops.commands.failures import FAILURES
from migops.commands.failures.explain import filled
from migops.commands.failures.inputs import FailureInputs
from migops.commands.failures.known import Failure
from migops.compose import ComposeOptions
from migops.core.printed import BARE, may_be_next
from migops.rules import RULES
from tests.cases.shop import Shop
from tests.engine.sandbox import Sandbox
from tests.fixes import host, images, live
from tests.fixes.known import ELSEWHERE, IN_WORDS, NOT_YET
from tests.fixes.live import script
from tests.fixes.state import Contents, State, follow, nothing, replace
from tests.kit import example, migops


@pytest.mark.parametrize("state", host.STATES, ids=lambda state: state.rule)
def test_the_fix_as_printed(state: State, tmp_path: Path) -> None:
    shop = Shop.at(tmp_path)
    state.build(shop)
    follow(state, shop)


@pytest.mark.engine
@pytest.mark.parametrize("state", [*images.STATES, *images.STARTED], ids=lambda state: state.rule)
def test_the_fix_of_an_image(state: State, sandbox: Sandbox) -> None:
    shop = Shop.at(sandbox.path)
    state.build(shop)
    sandbox.compose("build", "-q", "app", cwd=shop.folder)
    if state in images.STARTED:
        sandbox.compose("up", "-d", "app", cwd=shop.folder)
    if state.change:
        state.change(shop)
    follow(state, shop, sandbox.env)


@pytest.mark.engine
@pytest.mark.parametrize("state", live.STATES, ids=lambda state: state.rule)
def test_the_fix_of_a_running_project(state: State, sandbox: Sandbox) -> None:
    shop = Shop(example("clean", sandbox.path))
    started(shop, sandbox)
    state.build(shop)
    if state.change:
        state.change(shop)
    follow(state, shop, sandbox.env, lambda: rows(shop, sandbox))


def started(shop: Shop, sandbox: Sandbox) -> None:
    """The project as its users have it: built, migrated, with a row."""
    sandbox.compose("build", "-q", "app", cwd=shop.folder)
    sandbox.compose("up", "-d", "--wait", "db", cwd=shop.folder)
    assert migops("alembic", "upgrade", "head", cwd=shop.folder, env=sandbox.env).code == 0
    psql(shop, sandbox, "INSERT INTO product (title, price) VALUES ('kept', 1)")


def psql(shop: Shop, sandbox: Sandbox, sql: str) -> str:
    words = ("psql", "-v", "ON_ERROR_STOP=1", "-U", "shop", "-d", "shop", "-qAtc", sql)
    return sandbox.compose("exec", "-T", "db", *words, cwd=shop.folder).strip()


def rows(shop: Shop, sandbox: Sandbox) -> Contents:
    """What the one row of the one table has, column by column: a column that comes to it loses nothing."""
    told = psql(shop, sandbox, "SELECT key, value FROM product, jsonb_each_text(to_jsonb(product))")
    assert told, "the row is there"
    return {"product": [tuple(line.split("|")) for line in told.splitlines()]}


@pytest.mark.engine
def test_a_start_that_stamps_hides_a_migration(sandbox: Sandbox) -> None:
    """Alembic counts the new revision as applied, and it never ran: the printed fix has it run, and loses nothing."""
    shop = Shop(example("clean", sandbox.path))
    started(shop, sandbox)
    script(shop, "c10000000001", "stock")
    models = shop.folder / "models.py"
    models.write_text(models.read_text() + "    stock: Mapped[int | None]\n")
    stamps = '    command: sh -c "alembic stamp head 2>/dev/null || true; exec sleep 600"\n    init: true\n'
    replace("compose.yaml", "    build: .\n", f"    build: .\n{stamps}")(shop)
    sandbox.compose("up", "-d", "--build", "app", cwd=shop.folder)
    wait_for(lambda: psql(shop, sandbox, "TABLE alembic_version") == "c10000000001")
    words = ("doctor", "--select", "MIG409", "--select", "MIG604", "--format", "json")
    found = {each["rule"]: each for each in migops(*words, cwd=shop.folder, env=sandbox.env).json["findings"]}
    assert "lacks column product.stock" in found["MIG409"]["message"]
    assert "alembic stamp head" in found["MIG604"]["message"]
    look = found["MIG409"]["remedy"][0]["command"]
    assert "MIG407" in migops(*look[1:], "--format", "json", cwd=shop.folder, env=sandbox.env).rules
    state = State("MIG407", nothing, {"c10000000001 never ran": nothing},
                  look=("status", "--drift", "--ignore", "MIG7"))  # fmt: skip
    follow(state, shop, sandbox.env, lambda: rows(shop, sandbox))
    assert psql(shop, sandbox, "SELECT stock IS NULL FROM product") == "t", "it has run now"
    assert psql(shop, sandbox, "TABLE alembic_version") == "c10000000001"


def wait_for(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.5)


def test_services_that_idle_are_no_one_shots(tmp_path: Path) -> None:
    """Behind a migrating entrypoint, `sleep infinity` and `tail -f /dev/null` never end: nothing may wait for them."""
    shop = Shop.at(tmp_path).line("a1")
    shop.write("docker-entrypoint.sh", '#!/bin/sh\nset -e\nalembic upgrade head\nexec "$@"\n')
    (shop.folder / "docker-entrypoint.sh").chmod(0o755)
    shop.write("Dockerfile", 'FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nENTRYPOINT ["./docker-entrypoint.sh"]\n'
               'CMD ["uvicorn", "app.main:app"]\n')  # fmt: skip
    waits = "    depends_on: {db: {condition: service_healthy}}\n    init: true\n"
    check = "    healthcheck: {test: [CMD, pg_isready, -h, 127.0.0.1]}\n"
    shop.write("compose.yaml", f"services:\n  web:\n    build: .\n    image: shop-app\n{waits}"
               f"  shell:\n    image: shop-app\n    command: sleep infinity\n{waits}"
               f"  tools:\n    image: shop-app\n    command: tail -f /dev/null\n{waits}"
               f"  db:\n    image: postgres:15\n{check}")  # fmt: skip
    found = migops("doctor", "web", "--no-engine", "--format", "json", cwd=shop.folder).json["findings"]
    assert "MIG602" in {each["rule"] for each in found}, "the entrypoint migrates"
    assert "MIG801" not in {each["rule"] for each in found}


SHOWN = {state.rule for state in (*host.STATES, *images.STATES, *images.STARTED, *live.STATES)}


def test_every_rule_is_shown_or_has_its_reason() -> None:
    """A new rule comes with its state here, or with the reason why its fix cannot be typed."""
    known = [*SHOWN, *ELSEWHERE, *IN_WORDS, *NOT_YET]
    assert sorted(known) == sorted(rule.id for rule in RULES)


@pytest.mark.parametrize("rule", ELSEWHERE)
def test_what_is_shown_elsewhere_is_there(rule: str) -> None:
    file, _, name = ELSEWHERE[rule].partition("::")
    text = (Path(__file__).parents[2] / file).read_text()
    assert f"def {name}(" in text
    assert rule in text or file.endswith("test_containers.py")


@pytest.mark.parametrize("rule", IN_WORDS)
def test_a_fix_in_words_makes_no_command(rule: str) -> None:
    """Nothing that makes a command is called by the rule's own function."""
    (found,) = (each for each in RULES if each.id == rule)
    source = inspect.getsource(found.check)
    assert not re.search(r"commands\.(?!service|compose|image)|rebuild\(|run_alembic\(|\.command\(", source)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name)
def test_what_a_known_failure_prints_can_be_typed(failure: Failure, tmp_path: Path) -> None:
    """Each command of migops there, with the options of the call, is one that its command line takes."""
    shop = Shop.at(tmp_path).line("a1")
    found = target.resolve(target.Wanted(), ComposeOptions(("compose.yaml",), "shop"), {}, shop.folder)
    match = re.match(r"(?P<revision>a1)(?P<host>app)", "a1app")
    assert match
    for step in failure.fix:
        command = filled(step, match, FailureInputs(found, ("current",)))
        if command and command[0] == "migops":
            known = cli.get_command(click.Context(cli), command[1])
            assert known is not None
            given = known.make_context(command[1], list(command[2:])).params
            of_call = (given.get("files"), given.get("project_name"))
            assert command[1] in BARE or of_call == (("compose.yaml",), "shop")
            assert not [word for word in command if word in ("FILE", "REVISION", "SERVICE") or "{" in word]
            assert may_be_next(command) or "merge" in command
