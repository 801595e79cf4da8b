"""Has a version of migops write all its files, on the engine, and keeps them as data for the tests.

`python -m tests.written_by.make CHECKOUT NAME` runs the real program of the checkout (its tests/faults/at.py with it)
through the runs below and fills tests/data/written_by/NAME. See the README.md there. It is no part of the test run.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.deploy.stack import PRICE, Stack, edit, stack
from tests.engine import engine as engines
from tests.engine.sandbox import Sandbox
from tests.written_by.kept import DATA, FIRST, SECOND, machine

HEALTH = """    healthcheck: {test: ["CMD-SHELL", "true"], interval: 1s, retries: 3}
"""
DOUBLE = 'with op.get_context().autocommit_block():\n        op.execute("update money set n = n * 2")\n    '
SLEEPS = "op.execute('select pg_sleep(600)')"
ASLEEP = "from pg_stat_activity where query like 'select pg_sleep(600)%' and pid <> pg_backend_pid()"

LOCK = """select json_build_object('classid', classid::bigint, 'objid', objid::bigint, 'name', application_name)
    from pg_locks join pg_stat_activity using (pid) where locktype = 'advisory' and granted"""


class Maker:
    """A stack on which one version of migops is run. ``runs`` is what its processes ended with, in order."""

    def __init__(self, box: Sandbox, checkout: Path) -> None:
        self.found: Stack = stack(box, more=HEALTH)
        self.checkout, self.runs = checkout, list[dict[str, Any]]()
        self.found.query("create table money (n bigint); insert into money values (100)")

    def begin(self, *words: str, at: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        argv = (sys.executable, str(self.checkout / "tests/faults/at.py"), json.dumps(at or {}), *words)
        env = {**self.found.env, "PYTHONPATH": str(self.checkout)}
        return subprocess.Popen(argv, cwd=self.found.project, env=env, text=True, stdin=subprocess.DEVNULL)

    def help(self, command: str) -> str:
        env = {**self.found.env, "PYTHONPATH": str(self.checkout)}
        words = (sys.executable, "-m", "migops", command, "--help")
        return subprocess.run(words, cwd=self.found.project, env=env, text=True, capture_output=True, check=True).stdout

    def run(self, *words: str, codes: tuple[int, ...] = (0,), at: Mapping[str, str] | None = None) -> None:
        running = self.begin(*words, at=at)
        self.ended(words, running.wait(300), *codes)

    def ended(self, words: tuple[str, ...], code: int, *codes: int) -> None:
        """Note how a run ended, by what its process gave back: '' and None for one that was killed."""
        assert code in codes, (words, code)
        outcome = {0: "done", 5: "aborted", 6: "failed", 7: "operator"}.get(code, "")
        journals = len(list(self.folder().glob("journal/*.jsonl")))
        if journals > len(self.runs):  # what is refused at first writes none
            self.runs.append({"command": words[0], "outcome": outcome, "exit": code if code >= 0 else None})
        assert journals == len(self.runs)

    def folder(self) -> Path:
        (found,) = self.found.state.glob("migops/*/*")
        return found

    def label(self, kind: str, name: str) -> dict[str, Any]:
        """What was found of a container or volume: its name, migops's labels and compose's that names the project."""
        form = "{{json .Config.Labels}}" if kind == "container" else "{{json .Labels}}"
        labels = json.loads(self.found.box.docker(kind, "inspect", "-f", form, name)) or {}
        kept = {
            key: value for key, value in labels.items()
            if key == "com.docker.compose.project" or (key.startswith("migops.") and not key.startswith("migops.test"))
        }  # fmt: skip
        return {"name": name, "labels": kept}

    def notes(self) -> list[dict[str, Any]]:
        names = self.found.box.docker("volume", "ls", "-q", "--filter", "label=migops.migration").split()
        return [self.label("volume", each) for each in names if self.found.box.name in each]

    def kill_while_it_migrates(self, out: Path, *words: str) -> dict[str, Any]:
        """Kill a run at its pg_sleep, and its migration with it; what it had on engine and host just before."""
        running, box = self.begin(*words), self.found.box
        until(lambda: self.found.query(f"select count(*) {ASLEEP}") == "1")
        time.sleep(2)  # a session is noted a moment after it was seen
        shutil.copy(self.folder() / "lock", out / "lock")
        names = box.docker("ps", "-a", "--format", "{{.Names}}", "--filter", f"name=migops-{box.name}").split()
        there: dict[str, Any] = {
            each.removeprefix(f"migops-{box.name}-"): self.label("container", each) for each in names
        }
        there["notes"] = notes = self.notes()
        there["database"] = json.loads(self.found.query(LOCK))
        running.send_signal(signal.SIGKILL)
        self.ended(words, running.wait(), -signal.SIGKILL)
        box.docker("kill", f"migops-{box.name}-migrate")
        for note in notes:
            trace = json.loads(note["labels"]["migops.migration.record"])["trace"]
            there["trace"] = {"folder": trace["folder"], **self.label("volume", trace["volume"])}
            box.docker("cp", f"migops-{box.name}-migrate:{trace['folder']}/record", str(out / "trace"))
        self.found.query(f"select pg_terminate_backend(pid) {ASLEEP}")
        return there


def until(true: Callable[[], object], seconds: float = 120) -> None:
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.1)


def make(maker: Maker, out: Path) -> None:
    """The runs, in order, and what they leave."""
    found, on_engine = maker.found, dict[str, Any]()
    quick = ("--cache", "--health-timeout", "20", "--yes")
    deploy, plain = ("rebuild-and-migrate", *quick), ("rebuild-and-migrate", *quick, "--no-backup")
    is_old = "--repeat" not in maker.help("rebuild-and-migrate")  # as 0.1.0

    maker.run("backup")
    (dump,) = maker.folder().glob("backups/*.dump")
    (out / "backups").mkdir()
    for each in dump.parent.glob("*.dump*"):
        shutil.copy(each, out / "backups")
    maker.run("restore", dump.name, "--yes")
    found.write(
        FIRST, PRICE, 'op.add_column("product", sa.Column("x", sa.Integer()))', 'op.drop_column("product", "x")'
    )
    maker.run(*deploy)
    maker.run("alembic", "--yes", "downgrade", "-1")
    maker.run("alembic", "upgrade", "head")

    script = found.write(SECOND, FIRST, 'op.execute("select 1/0")')
    maker.run(*plain, codes=(6,))
    script.unlink()
    found.write(SECOND, FIRST, f"{DOUBLE}raise RuntimeError('boom')")
    maker.run(*plain, codes=(7,))
    on_engine["committed"] = maker.notes()
    if not is_old:
        maker.run(*plain, codes=(7,))
    repeat = () if is_old else ("--repeat", SECOND)
    found.write(SECOND, FIRST, f"{DOUBLE}{SLEEPS}")
    on_engine["killed"] = maker.kill_while_it_migrates(out, *plain, *repeat)
    found.write(SECOND, FIRST, "pass")
    if not is_old:
        maker.run(*plain, codes=(7,))
        found.query(f"update alembic_version set version_num = '{SECOND}'")  # nothing is pending: it is judged
        maker.run(*plain)
        on_engine["judged"] = maker.notes()
        found.query(f"update alembic_version set version_num = '{FIRST}'")
    maker.run(*plain, *repeat)
    edit(found.project / "compose.yaml", "      DATABASE_URL", "      ADDED: new\n      DATABASE_URL")
    maker.run(*plain, codes=(-signal.SIGKILL,), at={"swap:started": "SIGKILL"})
    tagged = f"{found.box.name}-app:migops-rollback"
    on_engine["rollback"] = {"tag": tagged, "image": found.image(tagged)}
    maker.run("restore", dump.name, "--yes", codes=(-signal.SIGKILL,), at={"swap:started": "SIGKILL"})
    for name in ("journal", "definitions"):
        if (maker.folder() / name).exists():
            shutil.copytree(maker.folder() / name, out / name)
    (out / "engine.json").write_text(json.dumps(on_engine, indent=2) + "\n")
    (out / "runs.json").write_text(json.dumps(maker.runs, indent=2) + "\n")


def without_this_machine(maker: Maker, out: Path) -> None:
    """Put placeholders where the files name this machine, its engine, this server or the project's place."""
    here = machine()
    (identifier,) = {maker.found.query("select system_identifier from pg_control_system()")}
    engine = maker.found.box.docker("info", "-f", "{{.ID}}").strip()
    words = {
        str(maker.folder()): "{state}", str(maker.found.box.path): "{path}", maker.found.box.name: "{project}",
        engine: "{engine}",
        identifier: "{system}", here["boot"]: "{boot}", here["namespace"]: "{namespace}",
        f'"host": "{here["host"]}"': '"host": "{host}"', f"@{here['host']}": "@{host}",
        here["machine"] or "no machine's ID": "{machine}",
        json.dumps(f'"host": "{here["host"]}"')[1:-1]: json.dumps('"host": "{host}"')[1:-1],
    }  # fmt: skip
    for path in (each for each in out.rglob("*") if each.is_file() and each.suffix != ".dump"):
        text = path.read_text()
        for word, placeholder in words.items():
            text = text.replace(word, placeholder)
        path.write_text(text)


def main(checkout: str, name: str) -> None:
    engine = engines.up(None)
    os.environ.update(engine.changes)
    out = DATA / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    token = f"written{secrets.token_hex(3)}"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / token).mkdir()
        box = Sandbox(engine, token, Path(folder) / token)
        try:
            maker = Maker(box, Path(checkout))
            make(maker, out)
            without_this_machine(maker, out)
        finally:
            box.clean()


if __name__ == "__main__":
    main(*sys.argv[1:])
