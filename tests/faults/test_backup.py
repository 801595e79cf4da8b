"""FAULTS.md 24 and 25 on a real PostgreSQL: a backup whose disk fills up, or whose pg_dump or own process is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import warm
from tests.faults.test_database import CANARY, SECOND, VERSION_TABLE, Shop
from tests.kit import Result, migops

pytestmark = pytest.mark.engine

RANDOM = "SELECT string_agg(md5((g * 100 + i)::text), '') FROM generate_series(1, 32) i"


class Backups:
    """The shop with a few rows, and a state folder of the test's own."""

    def __init__(self, shop: Shop, state: Path) -> None:
        self.shop = shop
        self.env = {**shop.box.env, "XDG_STATE_HOME": str(state)}
        self.state = state
        shop.execute(
            VERSION_TABLE, f"INSERT INTO alembic_version VALUES ('{SECOND}')", "CREATE TABLE product (name TEXT)",
            "INSERT INTO product VALUES ('tea'), ('coffee')",
        )  # fmt: skip

    def run(self, *arguments: str) -> Result:
        return migops("backup", *arguments, "--format", "json", cwd=self.shop.project, env=self.env)

    def start(self) -> subprocess.Popen[str]:
        """Migops in a process of its own, whose signals are not the test's."""
        words = (sys.executable, "-m", "migops", "backup", "--format", "json")
        environment = {**os.environ, **self.env}
        return warm.Popen(
            words, cwd=self.shop.project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def files(self) -> list[str]:
        """What lies in the folder of the backups."""
        return sorted(path.name for folder in self.state.glob("migops/*/*/backups") for path in folder.iterdir())

    def journals(self) -> Iterator[Path]:
        """The journals of the runs."""
        return self.state.glob("migops/*/*/journal/*.jsonl")

    def outcomes(self) -> list[str]:
        """How the runs ended, by their journals."""
        lines = [json.loads(path.read_text().splitlines()[-1]) for path in sorted(self.journals())]
        return [str(line.get("outcome", "-")) for line in lines]

    @contextmanager
    def held_up(self) -> Iterator[None]:
        """A table is locked, so that pg_dump has begun and does not end."""
        with self.shop.session() as session, session.transaction():
            session.execute("LOCK TABLE product IN ACCESS EXCLUSIVE MODE")
            yield

    def dumping(self) -> list[int]:
        """The sessions of pg_dump on the server."""
        with self.shop.session() as session:
            found = session.execute("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'migops backup %'")
            return [int(str(pid)) for (pid,) in found]

    def secrets(self) -> list[Path]:
        """The files that migops has written in which the password stands."""
        files = [path for path in self.state.rglob("*") if path.is_file() and path.suffix != ".dump"]
        return [path for path in files if CANARY.encode() in path.read_bytes()]


@pytest.fixture
def backups(sandbox: object, shop: Shop, tmp_path: Path) -> Backups:
    return Backups(shop, tmp_path / "state")


@pytest.fixture
def shop(sandbox: object) -> Shop:
    return Shop(sandbox)  # type: ignore[arg-type]


def until(true: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"it never came to this: {what}"
        time.sleep(0.05)


def command_lines(word: str) -> dict[int, str]:
    """The processes of this machine, the engine's containers among them, in whose command line the word stands."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if word in text:
            found[int(path.parent.name)] = text
    return found


def test_a_backup_is_whole_private_and_keeps_the_secret(backups: Backups) -> None:
    backups.shop.execute("CREATE SCHEMA tenant", "CREATE TABLE tenant.big AS SELECT g, md5(g::text) FROM "
                         "generate_series(1, 300000) g")  # fmt: skip
    seen: dict[int, str] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            seen.update({pid: text for pid, text in command_lines("pg_").items() if "pg_dump" in text})
            seen.update(command_lines(CANARY))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        made = backups.run()
    finally:
        over.set()
        watcher.join()
    assert made.code == 0, made.stderr
    backup = made.json["backup"]
    path = Path(backup["path"])
    known = backup["manifest"]
    assert (known["database"], known["revisions"], known["tables"]) == ("shop", [SECOND], 3)
    assert known["size"] == path.stat().st_size
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert backups.files() == [path.name, f"{path.name}.json"]
    assert any("pg_dump" in text for text in seen.values()), "the watcher has seen it at work"
    assert not any(CANARY in text for text in seen.values())
    assert CANARY not in made.stdout + made.stderr
    assert backups.secrets() == []

    again = backups.run("--keep", "1")
    assert again.json["removed"] == [str(path)]
    there = backups.run("--list").json
    assert [each["path"] for each in there["backups"]] == [again.json["backup"]["path"]]
    for view in ((), ("--list",)):
        text = migops("backup", *view, cwd=backups.shop.project, env={**backups.env, "COLUMNS": "80"}).stdout
        assert Path(again.json["backup"]["path"]).name in text or "restore  migops restore shop-" in text
        assert CANARY not in text
    assert backups.outcomes() == ["done", "done", "done"]
    assert backups.dumping() == []

    compose = backups.shop.project / "compose.yaml"
    text = compose.read_text()
    compose.write_text(text.replace("    build: .\n", "    build: .\n    x-migops: {backup-image: 'postgres:15'}\n"))
    elsewhere = backups.run()
    assert elsewhere.code == 0, elsewhere.stderr
    assert elsewhere.json["backup"]["manifest"]["revisions"] == [SECOND]
    form = '{{.Label "migops.commands.backup"}}'
    left = backups.shop.box.docker("ps", "-a", "--filter", "label=migops.commands.backup", "--format", form)
    assert f'"pid": {os.getpid()},' not in left, "the one-off that has the programs is gone"
    compose.write_text(text.replace("@db:5432", "@db.example.invalid:5432"))
    refused = backups.run()
    assert refused.code == 2
    assert "backup-image" in refused.json["error"]["hint"]
    assert "--no-backup" in refused.json["error"]["hint"]
    assert CANARY not in refused.stdout + refused.stderr


def test_a_disk_that_is_full(backups: Backups) -> None:
    """FAULT 24."""
    backups.state.mkdir()
    subprocess.run(("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(backups.state)), check=True)
    try:
        short = backups.run()
        assert short.code == 5, short.stderr
        assert "should be free for its backup" in short.json["error"]["message"]
        assert "--room" in short.json["error"]["hint"]
        backups.shop.execute(f"INSERT INTO product SELECT ({RANDOM}) FROM generate_series(1, 10000) g")
        full = backups.run("--room", "0")
        assert full.code == 5, full.stderr
        assert "No space left on device" in full.json["error"]["message"]
        assert backups.files() == []
        assert backups.outcomes() == ["aborted", "aborted"]
        until(lambda: not backups.dumping(), "pg_dump goes when nobody waits for it")
    finally:
        subprocess.run(("umount", str(backups.state)), check=True)


def test_pg_dump_or_migops_is_killed(backups: Backups) -> None:
    """FAULT 25."""
    with backups.held_up():
        process = backups.start()
        until(backups.dumping, "pg_dump has begun")
        (pid,) = [pid for pid, text in command_lines("pg_dump").items() if _in_container(pid, backups.shop.container)]
        os.kill(pid, signal.SIGKILL)
        out, _ = process.communicate(timeout=180)
        assert process.returncode == 5
        assert "pg_dump" in json.loads(out)["error"]["message"]
        assert "was killed by signal 9" in json.loads(out)["error"]["message"]
        assert backups.files() == []
        until(lambda: not backups.dumping(), "the server has noticed")

        process = backups.start()
        until(backups.dumping, "pg_dump has begun")
        process.terminate()
        process.communicate(timeout=180)
        assert process.returncode == 143
        assert backups.files() == []
        until(lambda: not backups.dumping(), "our pg_dump has gone with us")

        process = backups.start()
        until(backups.dumping, "pg_dump has begun")
        process.kill()
        process.communicate(timeout=180)
        (left,) = backups.files()
        assert left.endswith(".dump.partial")
        assert backups.run("--list").json["backups"] == [], "what is half done counts as nothing"
        orphans = backups.dumping()
        assert orphans, "the engine lets it go on"
    made = backups.run()
    assert made.code == 0, made.stderr
    name = Path(made.json["backup"]["path"]).name
    assert backups.files() == [name, f"{name}.json"]
    assert not set(orphans) & set(backups.dumping())
    assert backups.outcomes() == ["aborted", "interrupted", "-", "done"]


def _in_container(pid: int, container: str) -> bool:
    return container in Path(f"/proc/{pid}/cgroup").read_text()
