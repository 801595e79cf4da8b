"""Which failure an output tells of: the last exception and what it arose from, never a line of a log beside it."""

from __future__ import annotations

import pytest

from migops.commands.failures.recognise import recognise

FRAME = '  File "/app/migrations/versions/0002_price.py", line 14, in upgrade\n    op.add_column("product", column)\n'
HEAD = "Traceback (most recent call last):\n"
EXISTS = 'sqlalchemy.exc.ProgrammingError: (psycopg.errors.DuplicateTable) relation "product" already exists\n'
DIRECT = "\nThe above exception was the direct cause of the following exception:\n\n"
DURING = "\nDuring handling of the above exception, another exception occurred:\n\n"
LOGGED = "WARNING:app.cache:cannot reach redis: Connection refused, trying again\n"


def name(output: str, code: int = 1) -> str:
    known = recognise(output, code)
    return known[0].name if known else ""


def test_a_line_of_the_log_does_not_win() -> None:
    assert name(f"{LOGGED}{HEAD}{FRAME}{EXISTS}") == "table-exists"
    assert name(f"{LOGGED}{HEAD}{FRAME}ValueError: of the script's own\n") == ""
    assert (
        name(f"{LOGGED}  FAILED: Multiple head revisions are present for given argument 'head'\n") == "multiple-heads"
    )
    assert name(f"{LOGGED}  FAILED: something new\n") == ""
    assert name(LOGGED) == "connection-refused", "alone it is all that there is"


def test_a_traceback_that_was_logged_and_survived_does_not_win() -> None:
    logged = f'ERROR:app.cache:no redis\n{HEAD}  File "/app/cache.py", line 3, in ping\nConnectionRefusedError: no\n'
    begun = "INFO  [alembic.runtime.migration] Running upgrade  -> 0002\n"
    assert name(f"{logged}{begun}{HEAD}{FRAME}{EXISTS}") == "table-exists"
    assert name(f"{logged}{HEAD}{FRAME}ValueError: of the script's own\n") == ""


def test_the_source_lines_of_a_traceback_are_no_message() -> None:
    frame = '  File "/app/x.py", line 3, in upgrade\n    raise ValueError("password authentication failed for user")\n'
    assert name(f"{HEAD}{frame}{EXISTS}") == "table-exists"
    statement = "[SQL: CREATE TABLE product (id INTEGER)]\n[parameters: {'why': 'database is locked'}]\n"
    assert name(f"{HEAD}{FRAME}{EXISTS}{statement}") == "table-exists"
    assert name(f"{HEAD}{FRAME}ValueError: new\n{statement}") == ""


def test_the_exception_that_it_arose_from_counts() -> None:
    first = f'{HEAD}{FRAME}psycopg.errors.DuplicateTable: relation "product" already exists\n'
    assert name(f"{first}{DIRECT}{HEAD}{FRAME}app.Error: the migration failed\n") == "table-exists"
    aborted = "psycopg.errors.InFailedSqlTransaction: current transaction is aborted, commands ignored\n"
    unlock = '  File "/app/migrations/env.py", line 33, in run_migrations_online\n    connection.execute(unlock)\n'
    assert name(f"{first}{DURING}{HEAD}{unlock}{aborted}") == "table-exists"
    assert name(f"{HEAD}{unlock}{aborted}") == "transaction-aborted"


def test_what_is_said_while_python_ends_is_aside() -> None:
    aside = f'Exception ignored in: <function Connection.__del__ at 0x7f>\n{HEAD}  File "x.py", line 1, in __del__\n'
    assert name(f"{HEAD}{FRAME}{EXISTS}{aside}RuntimeError: Event loop is closed\n") == "table-exists"


def test_lines_that_alembic_wrapped() -> None:
    wrapped = "  FAILED: Can't locate revision identified by\n  '416d3e2c6f1f'\n"
    assert name(wrapped) == "unknown-revision"
    assert (
        name("  FAILED: Path doesn't exist:\n  '/app/migrations'.  Please use\n  the 'init' command\n")
        == "no-script-folder"
    )


def test_a_traceback_that_was_cut_off_above() -> None:
    assert name(f"{FRAME}{EXISTS}") == "table-exists"


def test_the_code_of_a_kill_counts_without_a_text() -> None:
    assert name("INFO  [alembic.runtime.migration] Running upgrade  -> 0001\n", 137) == "killed"
    assert name("", 137) == "killed"
    assert name("", 1) == ""
    assert name(f"{HEAD}{FRAME}{EXISTS}", 137) == "table-exists"


@pytest.mark.parametrize(
    "text",
    [
        "INFO  [alembic.autogenerate.compare] Detected added column 'user.password'",
        "INFO  [app] the user does not exist yet",
        "app.errors.NotFound: the order already exists in the basket",
        "ValueError: 3 validation errors for Model\nname\n  String should have at most 3 characters",
        "assert response.status_code == 1044",
        "ValueError: a rule for this view already exists",
        "KeyError: the type of this order does not exist",
        "ValueError: the sequence of steps 3 already exists",
        "TypeError: Column.__init__() got an unexpected keyword argument 'schema'",
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for UserCreate\nname\n  Value error, "
        "too long",
    ],
)
def test_near_misses_are_not_recognised(text: str) -> None:
    assert name(text) == ""
