"""FAULTS.md 42, and what a restore keeps, undoes and leaves, on a real PostgreSQL with a service that is connected."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from migops.core.errors import Unavailable
from migops.database import parse_url
from migops.database.postgres.maintenance import Maintenance
from migops.database.postgres.session import open_session
from tests import warm
from tests.engine.sandbox import Sandbox
from tests.faults.test_backup import Backups, until
from tests.faults.test_database import CANARY, SECOND, Shop
from tests.kit import Result, migops

pytestmark = pytest.mark.engine

WORKER = """
  worker:
    image: postgres:15
    init: true
    {stop}
    entrypoint: ["sh", "-c", "trap '' TERM; while :; do psql $$DATABASE_URL -c 'SELECT pg_sleep(900)'; sleep 0.2; done"]
    environment:
      DATABASE_URL: postgresql://shop:{password}@db:5432/shop
    depends_on: [db]
"""
SET_UP = (
    "CREATE ROLE keeper", "CREATE ROLE reader LOGIN", "ALTER DATABASE shop OWNER TO keeper",
    "REVOKE CONNECT ON DATABASE shop FROM PUBLIC", "GRANT CONNECT ON DATABASE shop TO reader WITH GRANT OPTION",
    "ALTER DATABASE shop SET search_path TO \"$user\", public, 'odd, name'",
    "ALTER DATABASE shop SET work_mem TO '8MB'",
    "ALTER ROLE reader IN DATABASE shop SET application_name TO 'it''s \\ me'",
    "ALTER DATABASE shop CONNECTION LIMIT 50", "COMMENT ON DATABASE shop IS 'the shop''s'",
)  # fmt: skip
LATER = (
    "DELETE FROM product",
    "INSERT INTO product VALUES ('mate')",
    "UPDATE alembic_version SET version_num = 'later'",
)
PROPERTIES = """
SELECT pg_get_userbyid(datdba), datconnlimit, datallowconn, shobj_description(oid, 'pg_database'),
       (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) a),
       (SELECT array_agg(setrole::regrole::text || setconfig::text ORDER BY 1) FROM pg_db_role_setting
        WHERE setdatabase = d.oid)
FROM pg_database d WHERE datname = 'shop'
"""


class Restores(Backups):
    """The shop with a worker that is always connected, and with everything that a dump does not have."""

    def __init__(self, shop: Shop, state: Path, stop: str = "stop_signal: SIGKILL") -> None:
        super().__init__(shop, state)
        compose = shop.project / "compose.yaml"
        text = compose.read_text()
        compose.write_text(text.replace("\nvolumes:", WORKER.format(stop=stop, password=CANARY) + "\nvolumes:", 1))
        shop.box.compose("up", "-d", "--no-deps", "worker", cwd=shop.project)
        shop.execute(*SET_UP)
        until(lambda: self.connected(), "the worker is connected")

    def connected(self) -> bool:
        return bool(
            self.ask("SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(900)' AND datname = 'shop'")
        )

    def ask(self, text: str, database: str = "postgres") -> list[Any]:
        with self.shop.session(database) as session:
            return session.execute(text.encode()).fetchall()

    def restore(self, file: str | Path, *arguments: str, env: Mapping[str, str] | None = None) -> Result:
        words = ("restore", str(file), *arguments, "--format", "json")
        return migops(*words, cwd=self.shop.project, env=env or self.env)

    def stopping(self, file: str) -> subprocess.Popen[str]:
        """A restore in a process of its own, at the moment when it stops the worker."""
        words = (sys.executable, "-m", "migops", "restore", file, "--yes")
        began = len(list(self.journals()))
        environment = {**os.environ, **self.env}
        process = warm.Popen(words, cwd=self.shop.project, env=environment, stdout=subprocess.PIPE, text=True)

        def stops() -> bool:
            now = sorted(self.journals())
            return len(now) > began and '"stop", "status": "started"' in now[-1].read_text()

        until(stops, "it stops the worker")
        return process

    def dies_when_closed(self, file: str) -> int:
        """A restore that is killed when the services are stopped and the database is closed; its exit code."""
        script = (
            "import os, sys; from migops.commands.backup import swap; from migops.cli.main import run\n"
            "swap.end_sessions = lambda *given: os.kill(os.getpid(), 9)\n"
            "run(sys.argv[1:])"
        )
        words = (sys.executable, "-c", script, "restore", file, "--yes")
        environment = {**os.environ, **self.env}
        return subprocess.run(words, cwd=self.shop.project, env=environment, capture_output=True).returncode

    def whole(self) -> tuple[Any, ...]:
        """All that a restore that is refused must leave alone: databases by number, containers, rows."""
        return (
            self.ask("SELECT datname, oid, datallowconn FROM pg_database ORDER BY 1"),
            self.containers(), self.products(), self.ask(PROPERTIES),
        )  # fmt: skip

    def containers(self) -> list[str]:
        """The project's containers with the time at which each was started."""
        ids = self.shop.box.compose("ps", "-aq", cwd=self.shop.project).split()
        form = "{{.Name}} {{.State.Status}} {{.State.StartedAt}}"
        return sorted(self.shop.box.docker("inspect", "-f", form, *ids).splitlines())

    def products(self) -> tuple[set[str], str]:
        """The rows of the table, and the revision."""
        rows = self.ask("SELECT name FROM product", "shop")
        return {str(name) for (name,) in rows}, str(self.ask("SELECT version_num FROM alembic_version", "shop")[0][0])

    def type(self, command: list[str]) -> None:
        subprocess.run(command, env={**os.environ, **self.env}, cwd=self.shop.project, check=True, capture_output=True)


@pytest.fixture
def shop(sandbox: Sandbox) -> Shop:
    return Shop(sandbox)


@pytest.fixture
def restores(shop: Shop, tmp_path: Path) -> Restores:
    return Restores(shop, tmp_path / "state")


OLD = ({"tea", "coffee"}, SECOND)
NEW = ({"mate"}, "later")


def test_what_is_no_whole_dump_of_this_database_is_refused(restores: Restores, tmp_path: Path) -> None:
    """FAULT 42. Of a file without a manifest the bytes are not known, but every block of it must unpack."""
    backup = Path(restores.run().json["backup"]["path"])
    content = backup.read_bytes()
    restores.shop.execute("CREATE DATABASE other")
    with restores.shop.session("other") as session:
        session.execute("CREATE TABLE product (name TEXT)")
    other = restores.shop.box.docker("exec", restores.shop.container, "sh", "-c", "pg_dump -U shop -Fc other | base64")
    restores.shop.execute("DROP DATABASE other", *LATER)
    before = restores.whole()

    def refused(data: bytes, why: str, *, manifest: bool) -> None:
        folder = tmp_path / "given"
        folder.mkdir()
        file = folder / backup.name
        file.write_bytes(data)
        if manifest:
            shutil.copy(f"{backup}.json", f"{file}.json")
        result = restores.restore(file, "--yes")
        assert result.code == 5, (result.stdout, result.stderr)
        assert why in result.json["error"]["message"]
        assert restores.whole() == before
        shutil.rmtree(folder)

    flipped = bytearray(content)
    flipped[-40] ^= 1
    refused(content[:-1], "sha256", manifest=True)
    refused(content[:-1], "cannot be read to its end", manifest=False)
    refused(bytes(flipped), "sha256", manifest=True)
    refused(base64.b64decode(other), "it is of the database 'other', not of 'shop'", manifest=False)
    refused(b"-- a plain dump\n", "not a dump in PostgreSQL's custom format", manifest=False)

    assert restores.restore("no-such.dump", "--yes").code == 2
    assert restores.restore(backup.name).code == 5, "not a terminal"
    url = parse_url(restores.shop.url())
    with open_session(url, table="alembic_version", schema="", timeout=60, label="someone") as session:
        session.lock()
        locked = restores.restore(backup.name, "--yes")
    assert locked.code == 4, locked.stderr
    assert "someone" in locked.json["error"]["message"]
    assert restores.whole() == before


def test_a_restore_and_the_way_back(restores: Restores) -> None:
    backup = restores.run().json["backup"]["path"]
    properties = restores.ask(PROPERTIES)
    restores.shop.execute(*LATER)
    before = restores.whole()

    def breaks(self: Maintenance, *statements: str) -> None:
        raise Unavailable("the test has broken it")

    with mock.patch.object(Maintenance, "together", breaks):
        failed = restores.restore(Path(backup).name, "--yes")
    assert failed.code == 6, failed.stderr
    assert "It is as before" in failed.json["error"]["message"]
    after = restores.whole()
    assert (after[0], after[2:]) == (before[0], before[2:])
    until(restores.connected, "the worker is connected again")

    dry = restores.restore(Path(backup).name, "--dry-run")
    assert (dry.code, dry.json["outcome"], dry.json["services"]) == (0, "planned", ["worker"])
    together = Maintenance.together

    def lost(self: Maintenance, *statements: str) -> None:
        together(self, *statements)
        raise Unavailable("the answer to the COMMIT is lost")

    with mock.patch.object(Maintenance, "together", lost):
        done = restores.restore(Path(backup).name, "--yes")
    assert done.code == 0, done.stderr
    assert restores.products() == OLD
    assert restores.ask(PROPERTIES) == properties
    assert (done.json["revisions"], done.json["down"]) == ({"before": ["later"], "after": [SECOND]}, [])
    until(restores.connected, "the worker is connected to the restored database")
    assert CANARY not in done.stdout + done.stderr
    ((kept,),) = restores.ask("SELECT datname FROM pg_database WHERE datname LIKE 'shop_migops_old%'")
    assert restores.ask("SELECT name FROM product", str(kept)) == [("mate",)], "what was written since can be looked up"

    for command in done.json["commands"]["back"]:
        restores.type(command)
    assert restores.products() == NEW
    assert restores.ask(PROPERTIES) == properties
    until(restores.connected, "the worker is connected again")
    again = restores.restore(Path(backup).name, "--yes")
    assert again.code == 0, again.stderr
    restores.type(again.json["commands"]["remove"])
    names = [name for (name,) in restores.ask("SELECT datname FROM pg_database WHERE datname LIKE 'shop_migops_old%'")]
    assert names == []
    assert restores.outcomes() == ["done", "failed", "done", "done"]
    assert restores.secrets() == []
    text = migops(
        "restore", Path(backup).name, "--yes", cwd=restores.shop.project, env={**restores.env, "COLUMNS": "80"}
    )
    assert "RESTORED  app: shop is the backup of" in text.stdout
    assert "back     docker stop " in text.stdout
    assert CANARY not in text.stdout + text.stderr


def test_a_restore_that_is_killed_is_told_of(shop: Shop, tmp_path: Path) -> None:
    """SIGKILL just before the names change: the next run has the commands. After SIGTERM it is finished first."""
    restores = Restores(shop, tmp_path / "state", "stop_grace_period: 4s")
    backup = Path(restores.run().json["backup"]["path"]).name
    restores.shop.execute(*LATER)
    assert restores.dies_when_closed(backup) == -signal.SIGKILL
    assert any("worker-1 exited" in each for each in restores.containers())
    assert restores.restore(backup, "--dry-run").code == 7
    found = restores.restore(backup, "--yes")
    assert found.code == 7, found.stderr
    said = found.json["error"]["message"]
    assert "shop was not replaced" in said
    for left in ("worker-1 is stopped", "is left over", "connections to shop are disabled"):
        assert left in said
    commands = found.json["error"]["commands"]
    assert [command[:2] for command in commands] == [["docker", "exec"], ["docker", "start"]]
    for command in commands:
        restores.type(command)
    assert restores.products() == NEW
    until(restores.connected, "the worker runs again")

    process = restores.stopping(backup)
    process.terminate()
    out, _ = process.communicate(timeout=180)
    assert process.returncode == 143
    assert out.startswith("RESTORED  app: shop is the backup of"), "it is brought to its end, and says so"
    assert restores.products() == OLD
    until(restores.connected, "the worker runs again")
