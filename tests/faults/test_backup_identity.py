"""Backups of two servers that each have a database of one name, and of a server that was made again, on real ones."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.engine.sandbox import Sandbox
from tests.faults.test_backup import Backups, until
from tests.faults.test_database import CANARY, SECOND, Shop
from tests.kit import Result, example, migops

pytestmark = pytest.mark.engine

PASSWORD = "only-for-this-test"  # not the canary: it is among docker's words, where another test looks for that
FROM_010 = Path(__file__).parent.parent / "backup/data/from-0.1.0"
SERVICES = """
  users:
    build: .
    environment: {{DATABASE_URL: "postgresql+asyncpg://shop:{password}@pg2:5432/shop"}}
  pg2:
    image: postgres:15
    init: true
    environment: {{POSTGRES_USER: shop, POSTGRES_PASSWORD: {password}, POSTGRES_DB: shop}}
    volumes: ["second:/var/lib/postgresql/data"]
    healthcheck: {{test: ["CMD-SHELL", "pg_isready -h 127.0.0.1 -U shop"], interval: 1s, retries: 60}}
  orders-worker:
    <<: &idle {{image: "postgres:15", init: true, entrypoint: ["sleep", "infinity"], stop_grace_period: 1s}}
    environment: {{DB_HOST: db, DB_NAME: shop}}
  users-worker:
    <<: *idle
    environment: {{DATABASE_URL: "postgresql://shop:{password}@pg2/shop", POSTGRES_USER: db, POSTGRES_DB: shop}}
  report:
    <<: *idle
    environment: {{POSTGRES_DB: shop}}
"""
RUNNING = ("orders-worker", "users-worker", "report")


class Two(Backups):
    """The shop's server with orders, and a second one with users, in a database of the same name."""

    def __init__(self, shop: Shop, state: Path) -> None:
        super().__init__(shop, state)
        compose = shop.project / "compose.yaml"
        added = SERVICES.format(password=CANARY)
        text = compose.read_text().replace("\nvolumes:", f"{added}\nvolumes:\n  second:", 1)
        compose.write_text(text)
        self.compose("up", "-d", "--wait", "--no-deps", "pg2", *RUNNING)
        self.fill_second()

    def compose(self, *words: str) -> str:
        return self.shop.box.compose(*words, cwd=self.shop.project)

    def second(self, *statements: str) -> str:
        words = [word for each in statements for word in ("-c", each)]
        return self.compose("exec", "-T", "pg2", "psql", "-U", "shop", "-d", "shop", "-At", *words).strip()

    def fill_second(self) -> None:
        self.second(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)",
            f"INSERT INTO alembic_version VALUES ('{SECOND}')", "CREATE TABLE product (name TEXT)",
            "INSERT INTO product VALUES ('a user')",
        )  # fmt: skip

    def first(self) -> list[str]:
        with self.shop.session() as session:
            return sorted(str(name) for (name,) in session.execute("SELECT name FROM product"))

    def backup(self, service: str, *words: str) -> dict[str, Any]:
        made = self.run(service, *words)
        assert made.code == 0, made.stderr
        assert isinstance(made.json, dict)
        return made.json

    def restore(self, *words: str) -> Result:
        return migops("restore", *words, "--format", "json", cwd=self.shop.project, env=self.env)

    def refused(self, *words: str) -> str:
        before = self.whole()
        found = self.restore(*words)
        assert found.code == 5, (found.stdout, found.stderr)
        assert self.whole() == before
        error = found.json["error"]
        return f"{error['message']}; {error['hint']}"

    def whole(self) -> tuple[Any, ...]:
        names = "SELECT datname, oid FROM pg_database ORDER BY 1"
        with self.shop.session() as session:
            here = session.execute(names.encode()).fetchall()
        return here, self.second(names), self.first(), self.second("SELECT * FROM product"), self.started()

    def started(self, *services: str) -> str:
        ids = self.compose("ps", "-aq", *services).split()
        return self.shop.box.docker("inspect", "-f", "{{.Name}} {{.State.StartedAt}}", *sorted(ids))

    def dumps(self) -> set[str]:
        return {name for name in self.files() if name.endswith(".dump")}

    def type(self, command: list[str]) -> None:
        subprocess.run(command, env={**os.environ, **self.env}, cwd=self.shop.project, check=True, capture_output=True)

    def at_a_terminal(self, *words: str, answers: dict[str, str]) -> tuple[int, str]:
        argv = (sys.executable, "-m", "migops", *words)
        return at_a_terminal(argv, self.shop.project, {**os.environ, **self.env}, answers)


def at_a_terminal(
    argv: Sequence[str], cwd: Path, environment: Mapping[str, str], answers: Mapping[str, str]
) -> tuple[int, str]:
    """Run a program at a terminal and answer its questions: the exit code, and what stood there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        argv, cwd=cwd, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    text, left, end = "", dict(answers), time.monotonic() + 120
    try:
        while process.poll() is None or select.select([ours], [], [], 0)[0]:
            assert time.monotonic() < end, text
            if select.select([ours], [], [], 0.2)[0]:
                text += os.read(ours, 4096).decode(errors="replace")
            for question in [each for each in left if each in text]:
                os.write(ours, f"{left.pop(question)}\n".encode())
    except OSError:  # its side was closed
        pass
    finally:
        process.wait(180)
        os.close(ours)
    return process.returncode, text


@pytest.fixture
def two(sandbox: Sandbox, tmp_path: Path) -> Two:
    return Two(Shop(sandbox), tmp_path / "state")


def name(backup: dict[str, Any]) -> str:
    return Path(backup["backup"]["path"]).name


def test_two_servers_with_a_database_of_one_name(two: Two) -> None:
    orders = two.backup("app")
    users = two.backup("users")
    folder = Path(orders["backup"]["path"]).parent
    for path in FROM_010.iterdir():
        shutil.copy(path, folder / path.name)
    (old,) = (path.name for path in FROM_010.glob("*.dump"))
    again = two.backup("users", "--keep", "1", "--keep-days", "0")
    assert [Path(path).name for path in again["removed"]] == [name(users)]
    assert (two.dumps(), again["not_counted"]) == ({name(orders), name(again), old}, 2)
    known = [each["backup"]["manifest"]["identity"] for each in (orders, again)]
    assert [each["server"] for each in known] == ["db", "pg2"]
    assert all(each["system_identifier"].isdecimal() and each["volume"] for each in known)
    assert known[0]["system_identifier"] != known[1]["system_identifier"]
    listed = migops("backup", "--list", "app", cwd=two.shop.project, env={**two.env, "COLUMNS": "200"}).stdout
    lines = {line.split()[0]: line for line in listed.splitlines() if ".dump" in line}
    assert "pg2 (volume " in lines[name(again)]
    assert "db (volume " in lines[name(orders)]
    assert "unknown (migops 0.1.0)" in lines[old]

    why = two.refused(name(again), "--yes", "app")
    assert "server pg2, here db" in why
    assert "--foreign --confirm shop" in why
    assert "--foreign" in two.refused(name(again), "--dry-run", "app")
    assert "--foreign" in two.refused(name(again), "--yes", "app", "--confirm", "shop")
    assert "--confirm shop" in two.refused(name(again), "--yes", "--foreign", "app")
    wrong = two.refused(name(again), "--yes", "--foreign", "--confirm", "users", "app")
    assert "'users' is not the database's name" in wrong

    before = two.started("users-worker", "report", "pg2")
    done = two.restore(name(again), "--yes", "--foreign", "--confirm", "shop", "app")
    assert done.code == 0, done.stderr
    assert two.first() == ["a user"]
    assert done.json["stops"] == [{"service": "orders-worker", "why": "DB_HOST points to db"}]
    assert [each["service"] for each in done.json["unsure"]] == ["report"]
    assert done.json["origin"]["relation"] == "foreign"
    assert two.started("users-worker", "report", "pg2") == before, "what uses another server goes on"
    for command in done.json["commands"]["back"]:
        two.type(command)
    assert two.first() == ["coffee", "tea"]
    text = migops("backup", "app", cwd=two.shop.project, env=two.env).stdout
    words = text.split("restore  ", 1)[1].splitlines()[0].split()
    assert migops(*words[1:], "--yes", cwd=two.shop.project, env=two.env).code == 0, "as it is printed, with a yes"
    assert CANARY not in listed + done.stdout + done.stderr + text
    assert two.secrets() == []


def test_a_server_that_was_made_again_and_backups_that_do_not_say_whose_they_are(two: Two) -> None:
    users = name(two.backup("users"))
    two.compose("rm", "-sf", "pg2")
    two.shop.box.docker("volume", "rm", f"{two.shop.box.name}_second")
    two.compose("up", "-d", "--wait", "--no-deps", "pg2")
    two.fill_second()
    two.second("DELETE FROM product")
    why = two.refused(users, "--yes", "users")
    assert "from before this server was recreated (system identifier " in why
    done = two.restore(users, "--yes", "--confirm", "shop", "users")
    assert (done.code, done.json["origin"]["relation"]) == (0, "recreated"), done.stderr
    assert two.second("SELECT name FROM product") == "a user"
    assert [each["service"] for each in done.json["stops"]] == ["users-worker"]
    remade = two.backup("users", "--keep", "1")
    assert (remade["removed"], remade["not_counted"]) == ([], 1), "the server that has gone keeps its last backup"

    two.shop.execute(
        f"CREATE ROLE plain LOGIN PASSWORD '{CANARY}' IN ROLE pg_read_all_data",
        "REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",
    )
    compose = two.shop.project / "compose.yaml"
    privileged = compose.read_text()
    compose.write_text(privileged.replace("//shop:", "//plain:", 1))
    first, second = two.backup("app", "--keep", "1"), two.backup("app", "--keep", "1", "--keep-days", "0")
    assert second["removed"] == []
    assert "permission denied" in second["not_counted_because"]
    assert "permission denied" in first["backup"]["manifest"]["identity"]["system_identifier_unknown"]
    assert first["backup"]["manifest"]["identity"]["volume"], "the engine tells it"
    compose.write_text(privileged)
    assert "permission denied" in two.refused(name(first), "--yes", "app")

    (old,) = FROM_010.glob("*.dump")
    two.shop.execute("DELETE FROM product")
    assert "does not record its server" in two.refused(str(old), "--yes", "app")
    asked = {"Type the name of the database": "shop", "now? [y/N]": "y"}
    code, text = two.at_a_terminal("restore", str(old), "app", answers={**asked, "Type the name of the database": "y"})
    assert (code, two.first()) == (5, []), text
    code, text = two.at_a_terminal("restore", str(old), "app", answers=asked)
    assert (code, two.first()) == (0, ["coffee", "tea"]), text
    assert "taken by migops 0.1.0" in " ".join(text.split())
    assert json.loads(Path(f"{old}.json").read_text())["schema"] == 1
    until(lambda: not two.dumping(), "no program of ours goes on")


def test_a_server_elsewhere_and_the_way_back(sandbox: Sandbox, tmp_path: Path) -> None:
    """Its identity is its host and port; what is printed leads back from this machine, which does not know its name."""
    network, server = f"{sandbox.name}-shared", f"{sandbox.name}-pg"
    sandbox.docker("network", "create", network)
    variables = {"POSTGRES_USER": "shop", "POSTGRES_DB": "shop", "POSTGRES_PASSWORD": PASSWORD}
    given = [word for key, value in variables.items() for word in ("-e", f"{key}={value}")]
    sandbox.docker("run", "-d", "--name", server, "--network", network, "--network-alias", "pg", *given, "postgres:15")
    sandbox.docker("exec", server, "sh", "-c", "until pg_isready -h 127.0.0.1 -U shop; do sleep 0.2; done")
    project = example("clean", sandbox.path)
    (project / "compose.yaml").write_text(
        f"name: {sandbox.name}\nservices:\n  app:\n    build: .\n    networks: [shared]\n"
        f"    environment: {{DATABASE_URL: 'postgresql+asyncpg://shop:{PASSWORD}@pg:5432/shop'}}\n"
        "    x-migops: {backup-image: 'postgres:15'}\n"
        f"networks: {{shared: {{external: true, name: {network}}}}}\n"
    )
    environment = {**sandbox.env, "XDG_STATE_HOME": str(tmp_path / "state")}

    def sql(text: str) -> str:
        return sandbox.docker("exec", server, "psql", "-U", "shop", "-d", "shop", "-Atc", text).strip()

    sql("CREATE TABLE product AS SELECT 'tea' AS name")
    made = migops("backup", "--format", "json", cwd=project, env=environment)
    assert made.code == 0, made.stderr
    known = made.json["backup"]["manifest"]["identity"]
    assert (known["server"], known["volume"], known["host"], known["port"]) == (None, None, "pg", 5432)
    sql("UPDATE product SET name = 'mate'")
    done = migops("restore", name(made.json), "--yes", "--format", "json", cwd=project, env=environment)
    assert (done.code, sql("SELECT name FROM product")) == (0, "tea"), done.stderr
    for command in done.json["commands"]["back"]:
        code, text = at_a_terminal(command, project, {**os.environ, **environment}, {"Password": PASSWORD})
        assert code == 0, text
    assert sql("SELECT name FROM product") == "mate"
