"""Public bug reports played as their users: from the broken state, only what is printed is typed, until it works.

One project, its image and its server serve all of them: each begins with files, rows and tables of its own. Deploys are
typed with ``--cache`` and a short ``--watch`` beside what is printed, which change nothing but their time.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.deploy.stack import Stack, edit, stack
from tests.engine.sandbox import Sandbox
from tests.fixes.state import type_it
from tests.kit import Result, migops

pytestmark = pytest.mark.engine

HEAD = '"""{0}"""\nimport sqlalchemy as sa\nfrom alembic import op\nrevision = {0!r}\ndown_revision = {1!r}\n\n\n'
DEPLOY = "migops rebuild-and-migrate app"
SCHEMA_IS_EMPTY = "drop schema public cascade; create schema public"


@pytest.fixture
def found(sandbox: Sandbox) -> Stack:
    """The clean example, built and started; its first journeys write a history of their own."""
    made = stack(sandbox, migrated=False)
    make_history(made)
    return made


def test_from_broken_to_working(found: Stack) -> None:
    commits_are_lost(found)
    revisions_never_ran(found)
    first_revision_alters(found)
    role_may_not_create(found)
    image_has_no_migrations(found)
    two_histories_in_two_schemas(found)


def make_history(found: Stack) -> None:
    """Two revisions that make what models.py has."""
    for each in (found.project / "migrations/versions").glob("*.py"):
        each.unlink()
    revision(found, "0001", None, 'op.create_table("product", sa.Column("id", sa.Integer, primary_key=True))')
    columns = 'sa.Column("title", sa.String(120), nullable=False)', 'sa.Column("price", sa.Integer)'
    revision(found, "0002", "0001", *(f'op.add_column("product", {each})' for each in columns))


def revision(found: Stack, name: str, parent: str | None, *lines: str) -> Path:
    path = found.project / f"migrations/versions/{name}_.py"
    body = "".join(f"    {line}\n" for line in lines)
    path.write_text(f"{HEAD.format(name, parent)}def upgrade():\n{body}\n\ndef downgrade():\n    pass\n")
    return path


def run(found: Stack, line: str) -> Result:
    """A command of migops as it is typed, without a terminal."""
    return migops(*shlex.split(line)[1:], cwd=found.project, env=found.env)


def typed(found: Stack, line: str) -> str:
    """A printed command, through a shell at a terminal, with a yes where it asks."""
    return type_it(shlex.split(line), found.project, found.env)


def deployed(found: Stack, line: str) -> None:
    assert line == DEPLOY
    done = found.deploy("--cache", "app")
    assert done.code == 0, done.stderr


def remedy(found: Stack, line: str, rule: str) -> list[str]:
    """The commands of a rule's fix in this report."""
    report = run(found, f"{line} --format json").json
    (finding,) = (each for each in report["findings"] if each["rule"] == rule)
    return [shlex.join(step["command"]) for step in finding["remedy"] if step["command"] and not step["alternative"]]


def errors(found: Stack) -> list[str]:
    report = run(found, "migops doctor --format json app").json
    return [each["rule"] for each in report["findings"] if each["severity"] == "error"]


def last_command(text: str) -> str:
    """The last command of migops in a text."""
    return re.findall(r"migops (?:rebuild-and-migrate|alembic|adopt)[^;`\n]*", text)[-1].strip()


def commits_are_lost(found: Stack) -> None:
    """OpenHands/automation#18: Alembic ends well, and nothing of it stays. One edit, then one command."""
    env_py = found.project / "migrations/env.py"
    lock = 'connection.exec_driver_sql("SELECT pg_advisory_lock(4711)")'
    edit(env_py, "        context.configure(connection", f"        {lock}\n        context.configure(connection")
    line = next(n for n, text in enumerate(env_py.read_text().splitlines(), 1) if lock in text)
    found.compose("build", "-q", "app")
    plan = run(found, "migops doctor --format json app").json
    assert "MIG510" in {each["rule"] for each in plan["findings"]}, "told before it is tried"
    failed = run(found, "migops alembic upgrade head")
    assert failed.code == 6
    assert f"in env.py, after line {line}, end that transaction" in failed.stderr
    edit(env_py, lock, f"{lock}\n        connection.commit()")
    deployed(found, last_command(failed.stderr.partition("; see")[0]))
    assert found.rows() == ["0002"]
    assert errors(found) == []


def revisions_never_ran(found: Stack) -> None:
    """dataelement/Clawith#121: a stamp hid the migrations. Look, save, stamp base, upgrade."""
    found.query("drop table product")
    status = run(found, "migops status --format json app").json
    assert "MIG409" in {each["rule"] for each in status["findings"]}, "a recorded revision is not all"
    (look,) = remedy(found, "migops doctor app", "MIG409")
    steps = remedy(found, look, "MIG407")
    assert steps == [
        "migops backup app", "migops alembic --service app stamp base", "migops alembic --service app upgrade head",
    ]  # fmt: skip
    for each in steps:
        typed(found, each)
    assert found.rows() == ["0002"]
    assert errors(found) == []


def first_revision_alters(found: Stack) -> None:
    """wassim249/fastapi-langgraph-agent#80: the history cannot begin. Alembic writes its start, the author fills it."""
    (found.project / "migrations/versions/0001_.py").unlink()
    edit(found.project / "migrations/versions/0002_.py", "down_revision = '0001'", "down_revision = None")
    found.query(SCHEMA_IS_EMPTY)
    found.compose("build", "-q", "app")
    failed = run(found, "migops alembic upgrade head")
    assert failed.code == 1
    explained = failed.stderr.rpartition("migops: missing-table")[2]
    assert "MIG309: 0002 is the first revision and changes product" in explained
    write = next(line.strip() for line in explained.splitlines() if " revision --head base" in line)
    typed(found, write)
    (new,) = (each for each in (found.project / "migrations/versions").glob("*create_product.py"))
    name = re.search(r'^revision.* = ["\'](\w+)', new.read_text(), re.MULTILINE)
    assert name is not None
    text = new.read_text().replace(
        "pass", 'op.create_table("product", sa.Column("id", sa.Integer, primary_key=True))', 1
    )
    new.write_text(text)
    edit(found.project / "migrations/versions/0002_.py", "down_revision = None", f"down_revision = {name[1]!r}")
    deployed(found, DEPLOY)
    assert found.rows() == ["0002"]
    assert "MIG309" not in str(run(found, "migops doctor --format json app").json["findings"])


def role_may_not_create(found: Stack) -> None:
    """travisluong/nfp-boilerplate#2: PostgreSQL 15, and a role that may not create in public. One GRANT, then again."""
    found.query(f"{SCHEMA_IS_EMPTY}; create role webapp login password 'w3b-p'; grant usage on schema public to public")
    compose = found.project / "compose.yaml"
    whole = compose.read_text()
    compose.write_text(re.sub(r"postgresql\+psycopg://\S+@db", "postgresql+psycopg://webapp:w3b-p@db", whole))
    found.compose("up", "-d", "--no-deps", "app")
    failed = run(found, "migops alembic upgrade head")
    assert failed.code == 1, failed.stderr
    lines = [line.strip() for line in failed.stderr.rpartition("migops: permission-denied")[2].splitlines()]
    for each in (line for line in lines if line.startswith("docker compose")):
        typed(found, each)
    assert lines[-2:] == ["then run this again", "migops alembic upgrade head"]
    typed(found, lines[-1])
    assert found.rows() == ["0002"]
    compose.write_text(whole)
    found.query("reassign owned by webapp to shop")


def image_has_no_migrations(found: Stack) -> None:
    """sam-a1a/Ledger#57: the build copies the code alone. The lines to add are printed, and no build before them."""
    dockerfile = found.project / "Dockerfile"
    edit(dockerfile, "COPY . .", "COPY main.py models.py ./")
    found.compose("build", "-q", "app")
    failed = run(found, "migops alembic upgrade head")
    assert "docker compose build app, then" not in failed.stderr, "that build would bring nothing"
    refused = found.deploy("--cache", "--dry-run", "app")
    assert refused.code == 5, refused.stderr
    added = re.search(r"after line (\d+), add: ([^\n]*?); then run this again", refused.stderr)
    assert added is not None, refused.stderr
    lines = dockerfile.read_text().splitlines()
    lines[int(added[1]) : int(added[1])] = added[2].split("; ")
    dockerfile.write_text("\n".join(lines) + "\n")
    deployed(found, last_command(refused.stderr).replace(" --cache", ""))
    assert errors(found) == []


def two_histories_in_two_schemas(found: Stack) -> None:
    """DevGlitch/alembic-migration-checker#6: two sections, a version table in the schema of each."""
    found.query("create schema one; create schema two")
    ini, env_py = found.project / "alembic.ini", found.project / "migrations/env.py"
    section = "script_location = migrations\nprepend_sys_path = .\nversion_locations = %(here)s/migrations/{0}\n"
    head, _, rest = ini.read_text().partition("[alembic]")
    _, _, rest = rest.partition("\n[")
    ini.write_text(head + "".join(f"[{name}]\n{section.format(name)}" for name in ("one", "two")) + f"[{rest}")
    edit(env_py, "context.configure(connection", "schema = context.config.config_ini_section\n        "
         "context.configure(version_table_schema=schema, connection")  # fmt: skip
    for name in ("one", "two"):
        path = found.project / f"migrations/{name}/{name}_1.py"
        path.parent.mkdir()
        text = f'def upgrade():\n    op.create_table("t", sa.Column("id", sa.Integer), schema="{name}")\n'
        path.write_text(f"{HEAD.format(f'{name}1', None)}{text}\n\ndef downgrade():\n    pass\n")
    found.compose("build", "-q", "app")
    failed = run(found, "migops alembic upgrade head")
    lines = [line.strip() for line in failed.stderr.rpartition("migops: no-script-location")[2].splitlines()]
    again = [line for line in lines if line.startswith("migops alembic -n")]
    assert again == [f"migops alembic -n {name} upgrade head" for name in ("one", "two")]
    for each in again:
        typed(found, each)
    for name in ("one", "two"):
        assert found.query(f"select version_num from {name}.alembic_version").strip() == f"{name}1"
    assert run(found, "migops status app").stdout.count("the database has every revision of the image") == 2
