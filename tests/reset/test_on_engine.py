"""``migops reset`` on a real engine and PostgreSQL: the whole way and back by the printed commands, a rollback."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.stack import PRICE, Stack, edit, stack, things
from tests.engine.sandbox import Sandbox
from tests.kit import Result, git, repository

pytestmark = pytest.mark.engine

VERSIONS = "migrations/versions"
OLD = "import os, sys, psycopg\nurl = os.environ['DATABASE_URL'].replace('+psycopg', '')\n"
NEEDS_DATA = (
    "with psycopg.connect(url) as found:\n    if not found.execute('select 1 from product').fetchone():\n"
    "        sys.exit('no product yet')\n"
)


def reset(found: Stack, *words: str, sure: bool = True) -> Result:
    given = ("--yes", "--database", "shop") if sure else ()
    given = given if "--watch" in words or not sure else (*given, "--watch", "1")
    argv = (sys.executable, "-m", "migops", "reset", "--cache", *given, "--format", "json", *words)
    done = subprocess.run(
        argv, cwd=found.project, env=found.env, capture_output=True, text=True, timeout=300, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return Result(done.returncode, done.stdout, done.stderr)


def scripts(found: Stack) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((found.project / VERSIONS).glob("*.py"))}


def databases(found: Stack) -> list[str]:
    return found.query("select datname from pg_database where not datistemplate order by 1").split()


def as_it_is(found: Stack) -> dict[str, Any]:
    rows = found.query("select title from product")
    return {"scripts": scripts(found), "databases": databases(found), "rows": rows, "things": things(found.box)}


@pytest.fixture
def project(sandbox: Sandbox) -> Stack:
    """The example with data, an extension and settings of its database, everything committed."""
    found = stack(sandbox)
    found.query("create extension pgcrypto")
    found.query("alter database shop set work_mem = '5MB'; comment on database shop is 'by hand'")
    repository(found.project)
    return found


def test_refusals_change_nothing_and_a_start_that_fails_is_rolled_back(project: Stack) -> None:
    before = as_it_is(project)

    no_name = reset(project, "--yes", sure=False)
    assert (no_name.code, "--database NAME" in no_name.stderr) == (5, True), "--yes alone is not enough"
    wrong = reset(project, "--yes", "--database", "shops", sure=False)
    assert (wrong.code, "is not the database's name, 'shop'" in wrong.stderr) == (5, True)

    unsaved = project.project / VERSIONS / "0001_new.py"
    unsaved.write_text(f'revision = "0001"\ndown_revision = "{PRICE}"\n\n\ndef upgrade() -> None:\n    pass\n')
    refused = reset(project)
    assert (refused.code, "0001_new.py (not committed)" in refused.stderr) == (5, True)
    assert "git -C" in refused.stderr
    unsaved.unlink()

    session = subprocess.Popen(
        ("docker", "compose", "exec", "-T", "db", "psql", "-U", "shop", "-c", "select pg_sleep(60)"),
        cwd=project.project, env=project.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    in_use = reset(project)
    others = "datname = 'shop' and application_name = 'psql' and pid <> pg_backend_pid()"
    project.query(f"select pg_terminate_backend(pid) from pg_stat_activity where {others}")
    session.wait(60)
    assert (in_use.code, "psql from a socket" in in_use.stderr) == (5, True), in_use.stderr

    project.query("create schema billing; create table billing.invoice (id int); create table stray (id int)")
    foreign = reset(project)
    assert foreign.code == 5, foreign.stderr
    assert "has billing.invoice and public.stray, which no model and no script" in foreign.json["message"]
    project.query("drop schema billing cascade; drop table stray")

    assert as_it_is(project) == before, "nothing is changed by what is refused"

    edit(project.project / "main.py", '"""A stand-in', f'{OLD}{NEEDS_DATA}"""A stand-in')
    failed = reset(project, "--watch", "60")  # it ends when the container does
    assert (failed.code, failed.json["outcome"]) == (6, "failed"), failed.stderr
    assert "shop is the database of before, the old scripts are in place" in failed.json["message"]
    after = as_it_is(project)
    aside = [name for name in after["databases"] if name.startswith("shop_migops_undone_")]
    assert sorted(after["databases"]) == sorted([*before["databases"], *aside])
    assert len(aside) == 1, "the application was started on it, so it may have data"
    assert (after["scripts"], after["rows"]) == (before["scripts"], before["rows"])
    assert project.running() == [project.image()]
    assert not git(project.project, "status", "--porcelain", VERSIONS)


def test_a_clean_start_and_the_way_back_as_printed(project: Stack) -> None:
    before, image = as_it_is(project), project.image()
    planned = reset(project, "--dry-run", sure=False)
    assert (planned.code, planned.json["tables"][-1]) == (0, {"schema": "public", "name": "product", "rows": 1})
    assert not project.state.exists()

    done = reset(project)
    assert (done.code, done.json["outcome"]) == (0, "done"), f"{done.stdout}{done.stderr}"
    found = done.json
    assert (found["findings"], found["doctor_unknown"]) == ([], None)
    assert list(scripts(project)) == [Path(found["scripts"]["written"]).name]
    kept = {path.name: path.read_bytes() for path in (Path(found["scripts"]["old"]) / "scripts").iterdir()}
    assert kept == before["scripts"]
    assert (project.rows(), project.query("select count(*) from product")) == ([found["revision"]], "0")
    assert (
        project.query("show work_mem; select extname from pg_extension where extname = 'pgcrypto'") == "5MB\npgcrypto"
    )
    assert sorted(databases(project)) == sorted(["postgres", "shop", found["kept"]])
    assert Path(found["backup"]).is_file()
    assert project.running() == [project.image()]
    assert project.image() != image
    for words in found["commands"]["next"]:
        git(project.project, *words[1:])
    assert not git(project.project, "status", "--porcelain", VERSIONS)

    for words in found["commands"]["back"]:
        subprocess.run(
            shlex.join(words), shell=True, cwd=project.project, env=project.env, check=True, capture_output=True
        )  # as typed
    assert (scripts(project), project.rows()) == (before["scripts"], [PRICE])
    assert (project.query("select title from product"), project.running()) == (before["rows"], [image])
