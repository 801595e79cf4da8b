"""After a fix comes the command that goes on: an image must have an edit before Alembic can run with it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from migops import collect
from migops.commands.failures.explain import lines
from migops.commands.failures.inputs import FailureInputs
from migops.commands.failures.recognise import recognise
from migops.compose import ComposeOptions
from migops.target import Wanted, resolve
from tests.cases.shop import Shop

DATABASE = "  db:\n    image: postgres:15\n    environment: {POSTGRES_PASSWORD: s3cret}\n"
URL = "    environment: {DATABASE_URL: 'postgresql+psycopg2://shop:s3cret@db:5432/shop'}\n"
NULLS = 'psycopg2.errors.NotNullViolation: column "price" of relation "item" contains null values'
DENIED = "psycopg2.errors.InsufficientPrivilege: permission denied for schema public"
SETTINGS = (
    "pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings\nopenai_api_key\n"
    "  Field required [type=missing]"
)
BUSY = "psycopg2.OperationalError: FATAL:  sorry, too many clients already"
HEAD, DEPLOY = ("upgrade", "head"), "migops rebuild-and-migrate -f compose.yaml app"


def said(folder: Path, output: str, *arguments: str, again: str = "", mount: str = "") -> list[str]:
    """The fix of a failure of ``migops alembic ARGUMENTS``, or of the command ``again``."""
    folder.mkdir(exist_ok=True)
    shop = Shop.at(folder).line("a1")
    shop.write("compose.yaml", f"services:\n  app:\n    build: .\n{mount}{URL}{DATABASE}")
    return fix_of(shop, output, arguments, again)


def fix_of(shop: Shop, output: str, arguments: tuple[str, ...], again: str = "") -> list[str]:
    """The lines of the fix, as they are printed."""
    target = resolve(Wanted(), ComposeOptions(("compose.yaml",)), {}, shop.folder)
    known = recognise(output)
    assert known is not None
    typed = tuple(shlex.split(again)) or ("migops", "alembic", *arguments)
    host = None if target.sections else collect.host(target).migrations
    told = list(lines(*known, FailureInputs(target, arguments, host=host, again=typed)))
    fix = next(number for number, each in enumerate(told) if each.startswith("  fix"))
    return [each.removeprefix("  fix").strip().replace(f"{shop.folder}/", "") for each in told[fix:]]


def test_an_edit_is_built_migrated_and_deployed_by_one_command(tmp_path: Path) -> None:
    assert said(tmp_path, NULLS, *HEAD)[-2:] == [
        "then rebuild the image, migrate with it and replace the containers", DEPLOY,
    ]  # fmt: skip


@pytest.mark.parametrize("arguments", [("upgrade", "+1"), ("-x", "tenant=a", "upgrade", "head"), ("check",)])
def test_what_no_deploy_does_is_run_again_after_a_build(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    fix = said(tmp_path, NULLS, *arguments)
    assert fix[-3] == "docker compose -f compose.yaml build app"
    assert fix[-2:] == ["then run this again", shlex.join(("migops", "alembic", *arguments))]


def test_files_that_are_mounted_need_no_build(tmp_path: Path) -> None:
    fix = said(tmp_path, NULLS, *HEAD, mount="    volumes: ['.:/app']\n")
    assert fix[-2:] == ["then run this again: app has the host's files mounted", "migops alembic upgrade head"]


def test_a_mount_of_something_else_does(tmp_path: Path) -> None:
    assert said(tmp_path, NULLS, *HEAD, mount="    volumes: ['./static:/app/static']\n")[-1] == DEPLOY


def test_a_statement_on_the_server_is_the_whole_fix(tmp_path: Path) -> None:
    fix = said(tmp_path, DENIED, *HEAD)
    assert "GRANT" in fix[-3]
    assert fix[-2:] == ["then run this again", "migops alembic upgrade head"]


def test_a_server_that_was_busy_needs_nothing_else(tmp_path: Path) -> None:
    assert said(tmp_path, BUSY, *HEAD)[-2:] == ["then run this again", "migops alembic upgrade head"]


def test_an_environment_comes_with_a_new_container(tmp_path: Path) -> None:
    assert said(tmp_path, SETTINGS, *HEAD)[-2:] == ["then migrate with it and replace the containers", DEPLOY]
    assert said(tmp_path / "again", SETTINGS, "current")[-4:] == [
        "then create the containers again, with it", "docker compose -f compose.yaml up -d --no-deps app",
        "then run this again", "migops alembic current",
    ]  # fmt: skip


@pytest.mark.parametrize("output", [NULLS, SETTINGS, BUSY])
def test_a_deploy_brings_everything_itself(tmp_path: Path, output: str) -> None:
    typed = "migops rebuild-and-migrate --rehearse app"
    assert said(tmp_path, output, "upgrade", again=typed)[-2:] == ["then run this again", typed]


REFUSED = (
    'psycopg2.OperationalError: connection to server at "localhost" (127.0.0.1), port 5432 failed: Connection refused'
)
FALLS_BACK = 'import os\nurl = "postgresql://u@{}/d".format(os.getenv("POSTGRES_HOST", "localhost"))\n'


def with_env(env_py: str, variables: str) -> list[tuple[str, str]]:
    return [("migrations/env.py", env_py), ("compose.yaml", f"services:\n  app:\n    build: .\n{variables}{DATABASE}")]


@pytest.mark.parametrize(
    ("files", "step"),
    [
        (with_env(FALLS_BACK, ""), "under service app (compose.yaml:2), set environment: POSTGRES_HOST: db"),
        (with_env("", "    environment: {DATABASE_URL: 'postgresql://shop:s3cret@localhost/shop'}\n"),
         "in DATABASE_URL, compose.yaml:4, write the service db as the URL's host"),
    ],
)  # fmt: skip
def test_an_address_that_is_the_container_itself(tmp_path: Path, files: list[tuple[str, str]], step: str) -> None:
    shop = Shop.at(tmp_path).line("a1")
    for name, text in files:
        shop.write(name, text)
    fix = fix_of(shop, REFUSED, HEAD)
    assert fix == [step, "then migrate with it and replace the containers", DEPLOY]


def test_two_histories_of_one_file_are_named(tmp_path: Path) -> None:
    shop = Shop.at(tmp_path).line("a1")
    text = "[one]\nscript_location = migrations\n[two]\nscript_location = other\n"
    shop.write("alembic.ini", text).write("other/env.py", "")
    fix = fix_of(shop, "FAILED: No 'script_location' key found in configuration.", HEAD)
    assert [each for each in fix if each.startswith("migops")] == [
        "migops alembic -n one upgrade head", "migops alembic -n two upgrade head",
    ]  # fmt: skip


def test_a_user_that_may_use_no_schema(tmp_path: Path) -> None:
    """The same as a denied schema, in the server's other words: USAGE is lacking too."""
    fix = said(tmp_path, "psycopg2.errors.InvalidSchemaName: no schema has been selected to create in", *HEAD)
    assert fix[1].endswith("""-c 'GRANT USAGE, CREATE ON SCHEMA "public" TO "shop"'""")
    assert fix[-1] == "migops alembic upgrade head"
