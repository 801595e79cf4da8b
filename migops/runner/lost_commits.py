"""A run that ended well and left nothing: its transactions were rolled back, since nobody committed them."""

from __future__ import annotations

from collections.abc import Sequence

from migops.core.errors import Failed
from migops.core.printed import explain
from migops.core.text import counted, listed
from migops.migrations.env_transaction import early_statement
from migops.runner.expected_run import ExpectedRun
from migops.runner.outcome import MigrationOutcome


def error(outcome: MigrationOutcome, expected: ExpectedRun, then: Sequence[str] = ()) -> Failed:
    """What has happened, with the line of env.py that began the transaction, if its text shows one.

    ``then``: the steps after that line was edited, as sentences with their commands.
    """
    number = outcome.commits.rolled_back if outcome.commits else 0
    line = early_statement(_env_py(expected))
    at = f"env.py:{line} runs a statement on the connection before context.configure. That begins" if line else (
        "env.py gives Alembic a connection on which something was run already. That begins"
    )  # fmt: skip
    before = listed(outcome.before or (), "no revision")
    after = f", after line {line}" if line else ""
    return Failed(
        "Alembic ended with code 0, and nothing of it is in the database: the server rolled back "
        f"{counted(number, 'transaction')}, and the database is as it was, at {before}. "
        f"{at} a transaction that Alembic does not own and nobody commits",
        hint="; ".join((
            f"in env.py{after}, end that transaction before context.configure: connection.commit()", *then,
            f"see `{explain('lost-commits')}`",
        )),
    )  # fmt: skip


def _env_py(expected: ExpectedRun) -> str:
    files = expected.migrations.environment.values() if expected.migrations else ()
    return next((each.content.decode("utf-8", "replace") for each in files if each.name.endswith("env.py")), "")
