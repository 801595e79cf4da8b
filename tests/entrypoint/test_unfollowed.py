"""What a start may run although following its text does not reach it makes the start one that is not read in full."""

from __future__ import annotations

import pytest

from tests.entrypoint.test_migrating import ENV, only
from tests.entrypoint.test_shell import followed


@pytest.mark.parametrize(
    "script",
    [
        "trap 'alembic upgrade head' EXIT\nserve",
        'trap "alembic downgrade -1; exit" TERM INT\nserve',
        "later() { if true; then /app/migrate.sh; fi; }\ntrap later EXIT\nserve",
        "one() { two; }\ntwo() { flask db upgrade; }\ntrap one 0\nserve",
        "trap -- 'alembic upgrade head' EXIT\nserve",
    ],
)
def test_a_trap_that_migrates(script: str) -> None:
    (reason,) = followed(script).unread
    assert "runs a migration when the script ends or is signalled, which was not followed" in reason


@pytest.mark.parametrize(
    "script",
    [
        "trap 'kill -TERM $PID' TERM INT\nserve",
        "trap - EXIT\nserve",
        "trap '' HUP\nserve",
        "trap 'echo the migration has failed' ERR\nserve",
        "stop() { kill $PID; stop; }\ntrap stop TERM\nserve",
        "trap -p\nserve",
    ],
)
def test_a_trap_that_does_not(script: str) -> None:
    assert followed(script).unread == []


def test_the_secret_of_a_trap_is_not_shown() -> None:
    (reason,) = followed("trap 'DATABASE_URL=postgresql://u:canary1@db/x alembic upgrade head' EXIT\nserve").unread
    assert "canary1" not in reason


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("bash -c 'alembic upgrade head'", True),
        ("exec bash -e other.sh", True),
        ("sh -c 'alembic upgrade head'", False),
    ],
)
def test_the_file_that_bash_reads_first(command: str, told: bool) -> None:
    reason = "bash first reads the file that BASH_ENV names, which was not followed"
    files = {"BASH_ENV": "/etc/bash.env"}
    found = followed("#!/bin/bash\n" + command, environment=files).unread
    assert (reason in found) is (told and "other.sh" not in command), "a file that is not there is told of instead"
    assert reason not in followed("#!/bin/bash\n" + command, environment={"BASH_ENV": ""}).unread


def test_the_sql_that_alembic_prints() -> None:
    (reason,) = followed("alembic upgrade head --sql | psql shop\nserve").unread
    assert reason.startswith("another command gets the SQL that `alembic upgrade head --sql` prints")
    assert followed("(alembic upgrade head --sql) | psql shop\nserve").unread == [reason]
    assert followed("alembic upgrade head --sql\nserve").unread == []
    assert followed("alembic upgrade head | tee log\nserve").unread == []


@pytest.mark.parametrize(
    "name", ["WEB_CONCURRENCY", "LOG_LEVEL", "TZ", "GUNICORN_CMD_ARGS", "LC_ALL", "PYTHONHASHSEED"]
)
def test_a_variable_that_selects_no_database_matters_to_nobody(name: str) -> None:
    assert only(f"export {name}=$(nproc)\nalembic upgrade head").doubt == ""


@pytest.mark.parametrize("name", ["DATABASE_URL", "DB_WORKERS", "APP_ENV", "PGHOST", "PORT", "SETTINGS"])
def test_any_other_still_does(name: str) -> None:
    assert name in only(f"export {name}=other\nalembic upgrade head", env={**ENV, name: "one"}).doubt
