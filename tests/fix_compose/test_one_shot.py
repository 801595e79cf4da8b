"""MIG602 in the compose file: the upgrade becomes a service of its own, and the application's start stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.commands.fix.model import Fix
from migops.compose import ComposeOptions, load
from tests.cases.shop import Shop
from tests.fix_compose.kit import findings, fix_of, fixed, refused, shop_at

DB = "  db:\n    image: postgres:15\n    healthcheck:\n      test: [CMD, pg_isready, -h, 127.0.0.1]\n"
HEALTHY = "    depends_on:\n      db: {condition: service_healthy}\n"


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return shop_at(tmp_path)


def compose(shop: Shop, app: str, more: str = "", db: str = DB) -> str:
    text = f"services:\n  app:  # the shop\n    build: .\n{app}\n{db}{more}"
    shop.write("compose.yaml", text)
    return text


def test_whole(shop: Shop) -> None:
    command = '    command: sh -c "alembic upgrade head && exec python main.py"  # both\n'
    ports = '    ports: ["8000:8000"]\n    restart: always\n'
    before = compose(shop, command + ports + HEALTHY)
    after = before.replace("app:  #", "app: &app  #").replace("alembic upgrade head && ", "")
    after = after.replace(
        f"{HEALTHY}\n",
        f"{HEALTHY}      migrate:\n        condition: service_completed_successfully\n\n"
        "  migrate:\n    <<: *app\n    command: alembic upgrade head\n"
        '    image: ${COMPOSE_PROJECT_NAME}-app\n    restart: "no"\n    ports: []\n'
        "    depends_on:\n      db:\n        condition: service_healthy\n\n",
    )
    assert fixed(shop, "MIG602")["compose.yaml"].decode() == after
    assert findings(shop, "MIG801") == []


STARTS = {
    "words": '    command: ["bash", "-ec", "python -m alembic upgrade head; exec python main.py"]\n',
    "folded": '    command: >\n      sh -c "alembic upgrade head &&\n             python main.py"\n',
    "lines": (
        "    command:\n      - sh\n      - -c\n      - |\n        alembic upgrade head\n        exec python main.py\n"
    ),
    "entrypoint": "    entrypoint: [sh, -c, 'alembic upgrade head && exec python main.py']\n",
    "a name and more": (
        '    command: sh -c "poetry run alembic upgrade head && exec python main.py $$PORT"\n    container_name: shop\n'
        "    labels: {a: b}\n    deploy: {replicas: 1}\n    healthcheck: {test: 'true'}\n"
    ),
}


@pytest.mark.parametrize("start", STARTS.values(), ids=STARTS.keys())
def test_starts(shop: Shop, start: str) -> None:
    compose(shop, start + HEALTHY)
    made = fixed(shop, "MIG602")["compose.yaml"].decode()
    assert made.count("alembic upgrade head") == 1
    assert "python main.py" in made
    assert findings(shop, "MIG801") == []


def test_services_with_the_same_code_wait_too(shop: Shop) -> None:
    worker = f"  worker:\n    build: .\n    command: python main.py\n{HEALTHY}"
    compose(shop, f'    command: sh -c "alembic upgrade head && exec python main.py"\n{HEALTHY}', worker)
    fix = fix_of(shop, "MIG602")
    assert isinstance(fix, Fix)
    assert fix.by_name_only
    assert fixed(shop, "MIG602")["compose.yaml"].count(b"service_completed_successfully") == 2
    assert findings(shop, "MIG801") == []


SINGLE = ("    scale: 3\n", "    deploy: {replicas: 3}\n", "    post_start: [{command: python warm.py}]\n")


@pytest.mark.parametrize("line", SINGLE)
def test_the_upgrade_runs_once_and_without_the_applications_hooks(shop: Shop, line: str) -> None:
    """Three containers of one upgrade would run it at the same time."""
    compose(shop, f'    command: sh -c "alembic upgrade head && exec python main.py"\n{line}{HEALTHY}')
    fixed(shop, "MIG602")
    model = load(ComposeOptions(), {}, cwd=str(shop.folder))
    migrate, app = (model.services[name].raw for name in ("migrate", "app"))
    assert [migrate.get("scale", 1), migrate.get("deploy", {}).get("replicas", 1)] == [1, 1]
    assert not migrate.get("post_start")
    assert line.strip().partition(":")[0] in app, "the application keeps it"


@pytest.mark.parametrize(
    "line",
    [
        "networks: {back: {ipv4_address: 10.9.0.5}}", "networks: {back: {aliases: [api]}}",
        "mac_address: 02:42:ac:11:00:02",
    ],
)  # fmt: skip
def test_an_address_of_the_application_is_not_shared(shop: Shop, line: str) -> None:
    back = "networks:\n  back: {ipam: {config: [{subnet: 10.9.0.0/24}]}}\n"
    start = '    command: sh -c "alembic upgrade head && exec python main.py"\n'
    compose(shop, f"{start}    {line}\n{HEALTHY}", back if "back" in line else "")
    assert "which only one service can have" in refused(shop, "MIG602")


REFUSED = {
    "a third command": ("sh -c 'alembic upgrade head && python seed.py && exec python main.py'", "one more command"),
    "something before": ("sh -c 'cd /app && alembic upgrade head && exec python main.py'", "one more command"),
    "in the background": ("sh -c 'alembic upgrade head && python main.py & wait'", "one more command"),
}


@pytest.mark.parametrize(("command", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_not_simple_enough(shop: Shop, command: str, reason: str) -> None:
    compose(shop, f"    command: {command}\n{HEALTHY}")
    assert reason in refused(shop, "MIG602")


def test_other_places_and_names(shop: Shop) -> None:
    start = '    command: sh -c "alembic upgrade head && exec python main.py"\n'
    compose(shop, start)
    assert "MIG801" in refused(shop, "MIG602"), "the one-shot service would fail where the application was restarted"
    compose(shop, start + HEALTHY, "  migrate:\n    image: busybox\n")
    assert "already" in refused(shop, "MIG602")
    shop.write("start.sh", "#!/bin/sh\nset -e\nalembic upgrade head\nexec python main.py\n")
    compose(shop, f"    command: sh /app/start.sh\n{HEALTHY}")
    assert "start.sh" in refused(shop, "MIG602")
