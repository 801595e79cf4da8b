"""``migops alembic`` on a real engine and a real PostgreSQL: workflows, signals, and what is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import warm
from tests.engine.sandbox import Sandbox
from tests.engine.sql import ask
from tests.kit import Result, example, migops

pytestmark = pytest.mark.engine

CREATE, PRICE = "3f1c0a7be210", "a94d5e61c8f3"
SLOW = '''"""Slow"""

from alembic import op

revision = "c00000000001"
down_revision = "a94d5e61c8f3"


def upgrade() -> None:
    print("it begins", flush=True)
    op.execute("create table half (id int)")
    op.execute("select pg_sleep(120)")
'''


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "migops", "alembic", *arguments]


def alembic(box: Sandbox, project: Path, *arguments: str, **env: str) -> Result:
    """Run it as a process of its own: streams and exit code are what this is about."""
    done = warm.run(command(*arguments), cwd=project, env={**box.env, **env}, timeout=120)
    return Result(done.returncode, done.stdout, done.stderr)


def own(result: Result) -> list[str]:
    """The lines of standard error that are migops's own."""
    return [line for line in result.stderr.splitlines() if line.startswith("migops: ")]


def up(box: Sandbox, name: str, *services: str) -> Path:
    """The example, built and started: all of it, or these services alone."""
    project = example(name, box.path)
    box.seldom(project / "compose.yaml")
    box.compose("build", "-q", cwd=project)
    box.compose("up", "-d", "--wait", *(("--no-deps", *services) if services else ()), cwd=project)
    return project


def containers(box: Sandbox) -> set[str]:
    return set(
        box.docker(
            "ps", "-a", "--format", "{{.Names}}", "--filter", f"label=com.docker.compose.project={box.name}"
        ).split()
    )


def query(box: Sandbox, project: Path, sql: str) -> str:
    return ask(box, sql, user="shop", database="shop")


def statements(box: Sandbox, project: Path) -> str:
    """The statements of the slow migration that the server is at."""
    return query(
        box, project, "select pid from pg_stat_activity where query like '%pg_sleep(120)' and state = 'active'"
    )


@pytest.mark.parametrize("running", [True, False], ids=["in-the-container", "in-a-one-off"])
def test_the_workflows(sandbox: Sandbox, running: bool) -> None:
    """heads, history, upgrade, current, downgrade, --sql, a revision by hand and one by autogenerate."""
    project = up(sandbox, "clean", *(() if running else ("db",)))
    before = containers(sandbox)
    where = f"in {sandbox.name}-app-1: it runs the current image" if running else "in a one-off container of"

    heads = alembic(sandbox, project, "heads")
    assert (heads.code, heads.stdout) == (0, f"{PRICE} (head)\n")
    assert len(own(heads)) == len(heads.stderr.splitlines()) == 1
    assert where in heads.stderr
    assert alembic(sandbox, project, "history").stdout.splitlines()[-1].startswith(f"<base> -> {CREATE}")

    sql = alembic(sandbox, project, "upgrade", "head", "--sql")
    assert sql.code == 0
    assert sql.stdout.startswith("BEGIN;")
    assert sql.stdout.rstrip().endswith("COMMIT;")
    assert "migops" not in sql.stdout
    assert query(sandbox, project, "select count(*) from pg_tables where tablename = 'product'") == "0"

    behind = alembic(sandbox, project, "revision", "--autogenerate", "-m", "too early")
    assert (behind.code, behind.stdout) == (5, ""), "Alembic was not asked"
    assert "the database is behind the image by 2" in behind.stderr.replace(f"{sandbox.name}-app-1", "the image")
    going_on = alembic(sandbox, project, "--yes", "revision", "--autogenerate", "-m", "too early")
    assert (going_on.code, "migops: not-up-to-date" in going_on.stderr) == (255, True)
    assert len(list((project / "migrations/versions").glob("*.py"))) == 2

    upgraded = alembic(sandbox, project, "upgrade", "head")
    assert upgraded.code == 0
    assert own(upgraded)[1:] == [
        "migops: the database is empty: no recorded revision, and no tables", "migops: 2 migrations to run:",
        f"migops:   {CREATE}  Create product", f"migops:   {PRICE}  Add product.price",
        "migops: next   migops doctor app",
    ]  # fmt: skip
    assert alembic(sandbox, project, "current").stdout == f"{PRICE} (head)\n"
    refused = alembic(sandbox, project, "downgrade", "-1")
    assert (refused.code, refused.stdout) == (5, "")
    assert "migops alembic --yes downgrade -1" in refused.stderr
    down = alembic(sandbox, project, "--yes", "downgrade", "-1")
    assert (down.code, f"migops:   {PRICE}  Add product.price" in own(down)) == (0, True)
    assert f"migops: pending now: {PRICE}" in own(down)
    assert own(down)[-1] == "migops: next   migops alembic --service app upgrade head"
    assert alembic(sandbox, project, "current").stdout == f"{CREATE}\n"

    stamped = alembic(sandbox, project, "--yes", "stamp", "head")
    assert stamped.code == 0
    assert f"{CREATE} becomes {PRICE}" in stamped.stderr
    assert "1 migration recorded as done, which will then never run here:" in stamped.stderr
    stamped = alembic(sandbox, project, "--yes", "stamp", CREATE)
    assert "1 migration no longer recorded, which the next upgrade runs (again):" in stamped.stderr
    assert own(stamped)[-2:] == [f"migops: pending now: {PRICE}", "migops: next   migops rebuild-and-migrate app"]
    assert alembic(sandbox, project, "upgrade", PRICE).code == 0
    assert alembic(sandbox, project, "--yes", "downgrade", CREATE).code == 0
    assert alembic(sandbox, project, "upgrade", "+1").code == 0

    versions = project / "migrations/versions"
    os.chown(versions, 1234, 1235)
    (project / "models.py").write_text((project / "models.py").read_text() + "    stock: Mapped[int | None]\n")
    sandbox.compose("build", "-q", "app", cwd=project)
    if running:
        sandbox.compose("up", "-d", "--no-deps", "app", cwd=project)
    made = alembic(sandbox, project, "revision", "--autogenerate", "-m", "Add stock", "--rev-id", "c0ffee000001")
    assert made.code == 0
    script = versions / "c0ffee000001_add_stock.py"
    assert "op.add_column('product', sa.Column('stock'" in script.read_text()
    assert ((script.stat().st_uid, script.stat().st_gid), script.stat().st_mode & 0o777) == ((1234, 1235), 0o644)
    [exported] = [line for line in own(made) if str(script) in line]
    assert "docker compose build app" in exported
    assert own(made)[-1] == "migops: next   migops rebuild-and-migrate app"

    assert containers(sandbox) == before, "nothing else was started, and nothing is left"


def test_revision_through_a_bind_mount(sandbox: Sandbox) -> None:
    project = example("clean", sandbox.path)
    compose = project / "compose.yaml"
    mount = "    build: .\n    volumes: [./migrations:/app/migrations]\n"
    compose.write_text(compose.read_text().replace("    build: .\n", mount))
    sandbox.compose("build", "-q", cwd=project)
    versions = project / "migrations/versions"
    os.chown(versions, 1234, 1235)
    one_off = alembic(sandbox, project, "revision", "-m", "first", "--rev-id", "c0ffee000001")
    sandbox.compose("up", "-d", "--no-deps", "app", cwd=project)
    running = alembic(sandbox, project, "revision", "-m", "second", "--rev-id", "c0ffee000002")
    assert f"so that none stays in {sandbox.name}-app-1" in running.stderr
    for result, name in ((one_off, "c0ffee000001_first.py"), (running, "c0ffee000002_second.py")):
        assert result.code == 0
        info = (versions / name).stat()
        assert (info.st_uid, info.st_gid) == (1234, 1235)
        assert f"migops: the new file is on the host: {versions / name}" in own(result)
        assert own(result)[-1] == "migops: next   migops alembic --service app upgrade head"


def test_a_new_file_never_replaces_one_of_the_host(sandbox: Sandbox) -> None:
    """It stays in the one-off container, and the commands that get it from there work as printed."""
    project = example("clean", sandbox.path)
    sandbox.compose("build", "-q", cwd=project)
    taken = project / "migrations/versions/c0ffee000001_add_stock.py"
    taken.write_text("# mine\n")
    result = alembic(sandbox, project, "revision", "-m", "Add stock", "--rev-id", "c0ffee000001")
    assert result.code == 7
    assert taken.read_text() == "# mine\n"
    printed = [line.removeprefix("migops: ").split() for line in own(result)]
    commands = [words for words in printed if words[0] == "docker"]
    assert [words[1] for words in commands] == ["cp", "rm"]
    for words in commands:
        subprocess.run(words, env=sandbox.env, check=True, capture_output=True)
    assert "Add stock" in Path(commands[0][-1]).read_text()
    assert containers(sandbox) == set()


def test_a_stale_image_is_explained(sandbox: Sandbox) -> None:
    """The incident: a deleted migration lives on in the image, and `upgrade head` has two heads to choose from."""
    project = example("stale-image", sandbox.path)
    versions = project / "app/src/infrastructure/database/migrations/versions"
    ghost = versions / "010_add_product_discount.py"
    ghost.write_text(
        '"""Ghost"""\nrevision = "010"\ndown_revision = "009"\n\n\ndef upgrade() -> None: ...\n', encoding="utf-8"
    )
    flags = ("-f", "docker-compose.prod.yml")
    sandbox.compose(*flags, "build", "-q", "app", cwd=project)
    ghost.unlink()
    result = alembic(sandbox, project, "--file", "docker-compose.prod.yml", "--service=app", "upgrade", "head", "--sql")
    assert result.code == 255
    assert "Multiple head revisions" in result.stdout
    assert "migops: multiple-heads" in result.stderr
    assert "MIG301: image has 2 heads: 010, 8bd76168eb7e" in result.stderr
    assert "docker compose -f docker-compose.prod.yml build app" in result.stderr


def test_an_older_container_is_passed_by(sandbox: Sandbox) -> None:
    project = up(sandbox, "clean", "app")
    (project / "migrations/versions/b70000000001_next.py").write_text(
        f"revision = 'b70000000001'\ndown_revision = '{PRICE}'\n"
    )
    sandbox.compose("build", "-q", "app", cwd=project)
    result = alembic(sandbox, project, "heads")
    assert result.stdout == "b70000000001 (head)\n"
    assert own(result)[0].endswith(f"{sandbox.name}-app-1 runs another image than the current one")
    sandbox.compose("up", "-d", "--no-deps", "--scale", "app=2", "app", cwd=project)
    sandbox.docker("pause", f"{sandbox.name}-app-1")
    result = alembic(sandbox, project, "heads")
    sandbox.docker("unpause", f"{sandbox.name}-app-1")
    assert own(result)[0].startswith(f"migops: in {sandbox.name}-app-2:")


def test_what_was_written_in_the_container_is_not_the_images(sandbox: Sandbox) -> None:
    project = up(sandbox, "clean", "app")
    sandbox.compose("exec", "-T", "app", "rm", f"migrations/versions/{PRICE}_add_price.py", cwd=project)
    result = alembic(sandbox, project, "heads")
    assert result.stdout == f"{PRICE} (head)\n"
    assert "has other migrations than the image" in own(result)[0]


def test_an_entrypoint_that_migrates_does_not_run_by_asking(sandbox: Sandbox) -> None:
    project = example("migrating-entrypoint", sandbox.path)
    sandbox.compose("build", "-q", "app", cwd=project)
    sandbox.compose("up", "-d", "--wait", "db", cwd=project)
    asked = alembic(sandbox, project, "current")
    assert (asked.code, asked.stdout) == (0, "")
    assert query(sandbox, project, "select count(*) from pg_tables where schemaname = 'public'") == "0"
    compose = project / "compose.yaml"
    compose.write_text(
        compose.read_text().replace("    build: .\n", "    build: .\n    x-migops: {entrypoint: keep}\n")
    )
    kept = alembic(sandbox, project, "current")
    assert (kept.code, kept.stdout) == (0, f"{PRICE} (head)\n")
    assert "needs the image's entrypoint" in own(kept)[0]


def test_flask_migrate(sandbox: Sandbox) -> None:
    project = up(sandbox, "flask-migrate")
    assert alembic(sandbox, project, "upgrade", "head").code == 0
    assert alembic(sandbox, project, "current").stdout == f"{CREATE} (head)\n"
    shop = project / "shop.py"
    shop.write_text(shop.read_text().replace("nullable=False)", "nullable=False)\n    price = db.Column(db.Integer)"))
    sandbox.compose("build", "-q", "app", cwd=project)
    made = alembic(sandbox, project, "migrate", "-m", "Add price", "--rev-id", "c0ffee000001")
    assert made.code == 0
    assert "add_column" in (project / "migrations/versions/c0ffee000001_add_price.py").read_text()
    failed = alembic(sandbox, project, "upgrade", "nosuch")
    assert failed.code == 1, "Flask-Migrate's own code"
    assert "migops: unknown-revision" in failed.stderr


@pytest.mark.parametrize("running", [True, False], ids=["in-the-container", "in-a-one-off"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
def test_a_signal_stops_the_migration_and_nothing_runs_on(
    sandbox: Sandbox, running: bool, number: signal.Signals
) -> None:
    project = example("clean", sandbox.path)
    sandbox.seldom(project / "compose.yaml")
    (project / "migrations/versions/c00000000001_slow.py").write_text(SLOW)
    sandbox.compose("build", "-q", cwd=project)
    sandbox.compose("up", "-d", "--wait", *(("app", "db") if running else ("db",)), cwd=project)
    before = containers(sandbox)
    process = begin(sandbox, project)
    _wait_for(lambda: bool(statements(sandbox, project)))
    process.send_signal(number)
    out, err = process.communicate(timeout=180)
    assert process.returncode == 128 + number
    assert f"migops: stopped by {number.name}: alembic in " in err
    assert " ended with code 130" in err
    assert out == "it begins\n"
    assert statements(sandbox, project) == "", "the database was told"
    assert query(sandbox, project, "select count(*) from pg_tables where tablename = 'half'") == "0"
    assert containers(sandbox) == before
    if running:
        assert "alembic" not in sandbox.docker("top", f"{sandbox.name}-app-1")


def test_a_killed_migops_is_reported_by_the_next(sandbox: Sandbox) -> None:
    project = example("clean", sandbox.path)
    sandbox.seldom(project / "compose.yaml")
    (project / "migrations/versions/c00000000001_slow.py").write_text(SLOW)
    sandbox.compose("build", "-q", cwd=project)
    sandbox.compose("up", "-d", "--wait", "db", cwd=project)
    process = begin(sandbox, project)
    _wait_for(lambda: bool(statements(sandbox, project)))
    process.kill()
    process.communicate()
    left = containers(sandbox) - {f"{sandbox.name}-db-1"}
    assert len(left) == 1
    (name,) = left
    said = own(alembic(sandbox, project, "heads"))
    assert f"migops: {name} of an earlier run that was killed still runs" in said[0]
    refused = alembic(sandbox, project, "upgrade", PRICE)
    assert (refused.code, refused.stdout) == (7, "")
    assert f"docker rm -f -v {name}" in refused.stderr.splitlines()[-1]
    sandbox.docker("rm", "-f", "-v", name)
    assert len(own(alembic(sandbox, project, "heads"))) == 1

    refused = alembic(sandbox, project, "upgrade", PRICE)
    assert (refused.code, refused.stdout) == (7, ""), "the server still is at the statement"
    pid = statements(sandbox, project)
    assert f"(`alembic upgrade`) still works on the server, though the run has gone: pid {pid}" in refused.stderr
    query(sandbox, project, f"select pg_terminate_backend({pid})")
    done = alembic(sandbox, project, "upgrade", PRICE)
    assert done.code == 0
    assert "migops: an earlier run was cut off: `alembic upgrade` of 20" in done.stderr


def test_a_program_that_the_image_lacks(sandbox: Sandbox) -> None:
    """That is our failure and not Alembic's: our exit code, and nothing on standard output."""
    project = up(sandbox, "clean", "app")
    compose = project / "compose.yaml"
    compose.write_text(compose.read_text().replace("    build: .\n", "    build: .\n    x-migops: {alembic: nosuch}\n"))
    running = alembic(sandbox, project, "current")
    sandbox.compose("stop", "-t", "0", "app", cwd=project)
    one_off = alembic(sandbox, project, "current")
    for result in (running, one_off):
        assert (result.code, result.stdout) == (3, "")
        assert "has no program 'nosuch'" in result.stderr
    assert containers(sandbox) == {f"{sandbox.name}-app-1"}


def test_the_service_decides_user_folder_and_environment(sandbox: Sandbox) -> None:
    project = example("clean", sandbox.path)
    compose = project / "compose.yaml"
    more = "    build: .\n    user: '1234'\n    x-migops: {alembic: python3 -c}\n"
    compose.write_text(compose.read_text().replace("    build: .\n", more))
    sandbox.compose("build", "-q", "app", cwd=project)
    shown = "os.getuid(), os.getcwd(), os.environ['DATABASE_URL'], sys.argv, sys.stdin.read()"
    code = f"import os, sys; print({shown}); sys.exit(255)"
    words = ("-q", "--", "-xa=b c", "")
    expected = "1234 /app postgresql+psycopg://shop:only-for-this-example@db:5432/shop "
    one_off = alembic(sandbox, project, code, *words)
    sandbox.compose("up", "-d", "--no-deps", "app", cwd=project)
    running = alembic(sandbox, project, code, *words)
    for result in (one_off, running):
        assert (result.code, result.stdout) == (255, expected + f"{['-c', *words]} \n")


def test_both_streams_whole_and_apart(sandbox: Sandbox) -> None:
    project = up(sandbox, "clean", "app")
    compose = project / "compose.yaml"
    compose.write_text(
        compose.read_text().replace("    build: .\n", "    build: .\n    x-migops: {alembic: python3 -c}\n")
    )
    both = "sys.stdout.buffer.write(b'\\xff\\x00%d\\r\\n' % i), sys.stderr.write('e%d\\n' % i)"
    code = f"import sys; [({both}) for i in range(99999)]"
    for _ in range(2):
        done = subprocess.run(command(code), cwd=project, env=sandbox.env, capture_output=True, timeout=120, check=True)
        assert done.stdout == b"".join(b"\xff\x00%d\r\n" % i for i in range(99999))
        errors = [line for line in done.stderr.splitlines() if not line.startswith(b"migops:")]
        assert errors == [b"e%d" % i for i in range(99999)]
        sandbox.compose("stop", "-t", "0", "app", cwd=project)


def begin(box: Sandbox, project: Path, *arguments: str, **env: str) -> subprocess.Popen[str]:
    """Start the slow migration and do not wait for it."""
    words: Sequence[str] = arguments or ("upgrade", "head")
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command(*words), cwd=project, env={**box.env, **env}, stdout=pipe, stderr=pipe, stdin=pipe, text=True
    )


def _wait_for(true: object) -> None:
    assert callable(true)
    until = time.monotonic() + 180
    while not true():
        assert time.monotonic() < until, "it never came about"
        time.sleep(0.2)


def test_without_a_database_server(sandbox: Sandbox) -> None:
    project = example("clean", sandbox.path)
    sandbox.compose("build", "-q", "app", cwd=project)
    result = alembic(sandbox, project, "current")
    assert result.code == 1
    assert "migops: name-not-resolved" in result.stderr
    assert "service db has no container: it is not started" in result.stderr
    assert "docker compose up -d --wait db" in result.stderr
    explained = result.stderr[result.stderr.index("migops: name-not-resolved") :]
    assert "only-for-this-example" not in explained
    subprocess.run(
        ("docker", "compose", "up", "-d", "--wait", "db"), cwd=project, env=sandbox.env, check=True, capture_output=True
    )
    assert migops("alembic", "current", cwd=project, env=sandbox.env).code == 0


@pytest.mark.parametrize("running", [True, False], ids=["in-the-container", "in-a-one-off"])
def test_in_a_terminal(sandbox: Sandbox, running: bool) -> None:
    """There is one inside too; a failure is explained all the same, and Ctrl-C is a key that Alembic gets."""
    project = example("clean", sandbox.path)
    sandbox.seldom(project / "compose.yaml")
    (project / "migrations/versions/c00000000001_slow.py").write_text(SLOW)
    sandbox.compose("build", "-q", cwd=project)
    sandbox.compose("up", "-d", "--wait", *(("app", "db") if running else ("db",)), cwd=project)
    before = containers(sandbox)
    code, shown = typed(sandbox, project, "upgrade", "nosuch")
    assert (code, "FAILED: Can't locate revision identified by 'nosuch'" in shown) == (255, True)
    assert "migops: unknown-revision" in shown
    code, shown = typed(sandbox, project, "upgrade", "head", after=b"it begins", key=b"\x03")
    assert (code, "KeyboardInterrupt" in shown) == (130, True)
    _wait_for(lambda: statements(sandbox, project) == "")  # the server hears of it when it is told, not before
    assert containers(sandbox) == before


def typed(box: Sandbox, project: Path, *arguments: str, after: bytes = b"", key: bytes = b"") -> tuple[int, str]:
    """Run it in a terminal, and press a key after a text has been shown; its code, and all that was shown."""
    outer, inner = os.openpty()
    process = subprocess.Popen(command(*arguments), cwd=project, env=box.env, stdin=inner, stdout=inner, stderr=inner)
    os.close(inner)
    shown = b""
    while True:
        try:
            data = os.read(outer, 4096)
        except OSError:
            break
        shown += data
        if key and after in shown:
            time.sleep(1)  # the statement is sent
            os.write(outer, key)
            key = b""
    os.close(outer)
    return process.wait(180), shown.decode()


def test_a_reader_that_goes_away_stops_nothing(sandbox: Sandbox) -> None:
    """`migops alembic … | head -1`: what was begun is finished, and its code is ours."""
    project = up(sandbox, "clean", "app")
    compose = project / "compose.yaml"
    setting = "    build: .\n    x-migops: {alembic: python3 -c}\n"
    compose.write_text(compose.read_text().replace("    build: .\n", setting))
    code = (
        "import time; print('x' * 99999, flush=True); time.sleep(1); print('y' * 99999, flush=True); open('/done', 'w')"
    )
    words = ("sh", "-c", '"$@" | head -c 1; exit 0', "sh", *command(code))
    subprocess.run(words, cwd=project, env=sandbox.env, check=True, capture_output=True, timeout=180)
    sandbox.compose("exec", "-T", "app", "ls", "/done", cwd=project)
