"""``migops adopt`` on a real engine and a real PostgreSQL: found, proved, noted; and what stands in the way of that."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from migops.docker import connect, making
from migops.sandbox.owned import LABEL
from migops.state.lock import host_lock
from migops.state.state_folder import folder
from tests import warm
from tests.engine.inventory import Inventory
from tests.engine.sandbox import Sandbox
from tests.engine.sql import ask
from tests.kit import Result, example, migops

pytestmark = pytest.mark.engine

CREATE, PRICE, DATA = "3f1c0a7be210", "a94d5e61c8f3", "da7a00000001"
IMPORT = "from sqlalchemy.dialects.postgresql import CITEXT\n"
CANARY = "only-for-this-example"
DATA_ONLY = f'''"""Set prices"""

from alembic import op

revision = "{DATA}"
down_revision = "{PRICE}"


def upgrade() -> None:
    op.execute("update product set price = 1 where price is null")
'''
SLOW = """
if os.environ.get("SLOW"):
    __import__("time").sleep(600)
"""


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def environment(box: Sandbox) -> dict[str, str]:
    return {**box.env, "XDG_STATE_HOME": os.environ["XDG_STATE_HOME"]}


def adopt(box: Sandbox, project: Path, *more: str) -> Result:
    found = migops("adopt", *more, cwd=project, env=environment(box))
    assert CANARY not in f"{found.stdout}{found.stderr}"
    return found


def up(box: Sandbox, project: Path) -> Path:
    """Start the stack, and wait until the application has made its tables: it takes its time after it has started."""
    box.seldom(project / "compose.yaml")
    box.compose("up", "-d", "--build", "--wait", cwd=project)
    until = time.monotonic() + 60
    while query(box, project, "select to_regclass('product') is null") == "t":
        assert time.monotonic() < until
        time.sleep(0.1)
    return project


def query(box: Sandbox, project: Path, sql: str) -> str:
    return ask(box, sql, user="shop", password=CANARY, database="shop")


def everything(box: Sandbox, project: Path) -> tuple[set[str], str]:
    """What the stack consists of, and all that the database holds."""
    words = ("exec", "-T", "-e", f"PGPASSWORD={CANARY}", "db", "pg_dump", "-h", "127.0.0.1", "-U", "shop", "shop")
    dump = [line for line in box.compose(*words, cwd=project).splitlines() if not line.startswith("\\")]
    return set(Inventory.of(box.engine).belonging_to(box.name).ids()), "\n".join(dump)


def verdict(found: Result) -> tuple[int, str, list[str]]:
    document = found.json
    return found.code, document["verdict"], document["chosen"]["heads"]


def test_found_proved_and_noted(sandbox: Sandbox, state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = up(sandbox, example("no-version-table", sandbox.path))
    query(sandbox, project, "comment on table product is 'by hand'; alter table product set (fillfactor = 80)")
    before = everything(sandbox, project)

    strict = adopt(sandbox, project, "--strict", "--dry-run", "--format", "json")
    assert verdict(strict) == (1, "different", [PRICE])
    differences = [(each["kind"], each["name"]) for each in strict.json["chosen"]["differences"]]
    assert sorted(differences) == [("comment", "public.product"), ("storage", "public.product")], "and owners are equal"

    found = adopt(sandbox, project, "--dry-run", "--format", "json")
    assert verdict(found) == (0, "equal", [PRICE])
    assert {"comment", "storage"} <= set(found.json["kinds_not_compared"])
    assert found.json["compared"] == {"column": 3, "primary key": 1, "sequence": 1, "table": 1}
    assert [each["distance"] for each in found.json["candidates"]] == [6, 1, 0]
    assert found.json["stamped"] == []
    assert everything(sandbox, project) == before, "the live database is only read, and nothing is left"

    with connect(environment=sandbox.env) as engine, host_lock(folder(engine, sandbox.name), "someone else's"):
        locked = adopt(sandbox, project, "--yes")
        assert (locked.code, "`someone else's` by" in locked.stderr) == (4, True)

    change = "alter table product alter title type varchar(50); create table audit (at date)"
    with monkeypatch.context() as patch:
        patch.setattr("migops.cli.adopt.confirm", lambda heads: query(sandbox, project, change))
        meanwhile = adopt(sandbox, project)
        assert (meanwhile.code, "was changed while it was compared" in meanwhile.stderr) == (5, True)
        assert meanwhile.stdout.startswith(f"MATCH  app: the schema matches {PRICE} (Add product.price)\n")

    none = adopt(sandbox, project, "--yes")
    assert none.code == 1
    headline = f"NO MATCH app: the schema matches no revision exactly; closest: {PRICE} (3 differences) database"
    assert " ".join(none.stdout.split()).startswith(headline)
    assert "  Nothing was stamped. Change the database" in none.stdout
    for lines in (
        "    table public.audit\n      migrations  nothing\n      database    table (1 column)\n",
        "    column public.product.title\n      migrations  character varying NOT NULL\n"
        "      database    character varying(50) NOT NULL\n",
        f"or    migops alembic --service app stamp {PRICE}\n",
    ):
        assert lines in none.stdout
    assert query(sandbox, project, "select to_regclass('alembic_version') is null") == "t", "nothing was noted"

    query(sandbox, project, "drop table audit; alter table product alter title type varchar; "
                            "alter table product drop price")  # fmt: skip
    older = adopt(sandbox, project, "--yes", "--format", "json")
    assert (*verdict(older), older.json["stamped"]) == (0, "equal", [CREATE], [CREATE])
    assert query(sandbox, project, "select version_num from alembic_version") == CREATE
    again = adopt(sandbox, project)
    assert (again.code, again.stdout.splitlines()[0]) == (
        0, f"VERSIONED  app: nothing to adopt, the database is at {CREATE}",
    )  # fmt: skip
    assert migops("status", "--format", "json", cwd=project, env=sandbox.env).json["pending"] == [PRICE]
    first, last = sorted(state_folder.rglob("*.jsonl"))
    assert '"outcome": "aborted"' in first.read_text()
    assert '"step": "stamp", "status": "done"' in last.read_text()
    assert CANARY not in first.read_text() + last.read_text()


def test_several_a_literal_url_and_a_signal(sandbox: Sandbox) -> None:
    project = example("no-version-table", sandbox.path)
    (project / "migrations/versions/da7a_set_prices.py").write_text(DATA_ONLY)
    env_py, compose = project / "migrations/env.py", project / "compose.yaml"
    env_py.write_text(f"{env_py.read_text()}{SLOW}")
    compose.write_text(
        compose.read_text().replace("    environment:\n", "    environment:\n      SLOW: ${SLOW:-}\n", 1)
    )
    up(sandbox, project)
    several = adopt(sandbox, project, "--yes")
    assert several.code == 1
    assert "SEVERAL  app: the schema matches 2 revisions" in several.stdout
    for revision in (PRICE, DATA):
        assert f"next  migops adopt --revision {revision} app\n" in several.stdout

    _a_signal_leaves_nothing(sandbox, project)

    address = sandbox.docker(
        "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", f"{sandbox.name}-db-1"
    ).strip()
    url = f"postgresql+psycopg://shop:{CANARY}@{address}:5432/shop?connect_timeout=2"
    env_py.write_text(env_py.read_text().replace('os.environ["DATABASE_URL"]', repr(url)))
    sandbox.compose("build", "-q", "app", cwd=project)
    literal = adopt(sandbox, project, "--yes", "--revision", "head")
    assert literal.code == 2, "FAULTS 44: no disposable server can stand in for an address"
    assert f"{address} is an address, which no other server can have" in " ".join(literal.stderr.split())
    assert query(sandbox, project, "select to_regclass('alembic_version') is null") == "t"


def _throwaway(box: Sandbox, pid: int) -> list[str]:
    """The names of containers and networks that a process has made."""
    with connect(environment=box.env) as engine:
        found = [*making.containers(engine, LABEL), *making.networks(engine, LABEL)]
    return [str(each.get("Names") or each.get("Name")) for each in found if f'"pid": {pid},' in each["Labels"][LABEL]]


def _wait_for_containers(box: Sandbox, pid: int, number: int) -> None:
    until = time.monotonic() + 180
    while len(_throwaway(box, pid)) < number + 1:  # and their network
        assert time.monotonic() < until
        time.sleep(0.02)


def _a_signal_leaves_nothing(box: Sandbox, project: Path) -> None:
    for made in (1, 2):  # while the server comes up, and while the migrations run; slowly, so that they do not end
        process = warm.Popen(
            [sys.executable, "-m", "migops", "adopt", "--yes", "--revision", "head"], cwd=project,
            env={**environment(box), "SLOW": "yes"}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stderr is not None
        assert "disposable server" in process.stderr.readline()
        _wait_for_containers(box, process.pid, made)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=180)
        assert (process.returncode, said.strip()) == (130, "interrupted; nothing was changed")
        assert _throwaway(box, process.pid) == []
    assert query(box, project, "select to_regclass('alembic_version') is null") == "t"


def test_what_was_made_by_hand_before_the_first_migration(sandbox: Sandbox) -> None:
    """A schema that the search path leads to, and an extension: the migrations do not make them, and need them."""
    project = example("no-version-table", sandbox.path)
    script, models = project / "migrations/versions/3f1c0a7be210_create_product.py", project / "models.py"
    text = script.read_text().replace("sa.String()", "CITEXT()")
    script.write_text(text.replace("import sqlalchemy", f"{IMPORT}import sqlalchemy"))
    typed = models.read_text().replace("title: Mapped[str]", "title: Mapped[str] = mapped_column(CITEXT())")
    models.write_text(IMPORT + typed)
    sandbox.seldom(project / "compose.yaml")
    sandbox.compose("up", "-d", "--wait", "db", cwd=project)
    query(sandbox, project, "create schema app; create extension citext; alter role shop set search_path = app, public")
    up(sandbox, project)
    found = adopt(sandbox, project, "--yes", "--format", "json")
    assert (*verdict(found), found.json["stamped"]) == (0, "equal", [PRICE], [PRICE])
    assert found.json["chosen"]["notes"] == [
        "created on the disposable server before the first migration, as in the database: the schema app, the "
        "extension citext"
    ]
    assert query(sandbox, project, "select version_num from app.alembic_version") == PRICE


def test_baseline(sandbox: Sandbox) -> None:
    """No migration yet: the first one is written from the models, proved, and noted."""
    project = example("no-version-table", sandbox.path)
    versions = project / "migrations/versions"
    for script in versions.glob("*.py"):
        script.unlink()
    os.chown(project / "migrations", 1234, 1235)
    os.chown(versions, 1234, 1235)
    up(sandbox, project)
    without = adopt(sandbox, project)
    assert (without.code, "migops adopt --baseline app" in without.stderr) == (2, True)

    query(sandbox, project, "alter table product add stock integer")
    wrong = adopt(sandbox, project, "--baseline", "--yes")
    assert wrong.code == 1
    assert "    column public.product.stock\n      migrations  nothing\n      database    integer\n" in wrong.stdout
    assert list(versions.glob("*.py")) == [], "nothing is written where it does not build this database"
    query(sandbox, project, "alter table product drop stock")

    found = adopt(sandbox, project, "--baseline", "--yes", "-m", "First of all", "--format", "json")
    (script,) = versions.glob("*.py")
    assert (found.code, found.json["baseline"]["path"]) == (0, str(script))
    assert found.json["stamped"] == [found.json["baseline"]["revision"]]
    assert script.name.endswith("_first_of_all.py")
    assert (script.stat().st_uid, script.stat().st_gid) == (1234, 1235)
    assert "op.create_table('product'" in script.read_text()
    sandbox.compose("build", "-q", "app", cwd=project)
    status = migops("status", "--format", "json", cwd=project, env=sandbox.env).json
    assert (status["state"], status["current"]) == ("up to date", found.json["stamped"])
