"""Where a migration failed, by its output: the script's line, or before the first revision; else nothing is claimed."""

from __future__ import annotations

import pytest

from migops.core.model import MigrationSet, Revision
from migops.runner.traceback import is_before_first, script_place

HEAD = "INFO  [alembic.runtime.migration] Context impl PostgresqlImpl.\nTraceback (most recent call last):\n"
ENV = '  File "/app/migrations/env.py", line {}, in {}\n    something()\n'
CONNECT = '  File "/usr/lib/python3.11/site-packages/sqlalchemy/engine/base.py", line 145, in {}\n    x\n'
MIGRATION = '  File "/usr/lib/python3.11/site-packages/alembic/runtime/migration.py", line 600, in {}\n    x\n'
SCRIPT = '  File "/app/migrations/versions/0002_price.py", line 14, in upgrade\n    helper()\n'
HELPER = '  File "/app/migrations/versions/0002_price.py", line 30, in helper\n    op.execute("x")\n'
LIBRARY = '  File "/usr/lib/python3.11/site-packages/alembic/operations/base.py", line 9, in upgrade\n    x\n'
BEGUN = "INFO  [alembic.runtime.migration] Running upgrade 0001 -> 0002, price\n"
END = "ValueError: no\n"


@pytest.mark.parametrize(
    ("output", "is_before"),
    [
        (f"{HEAD}{ENV.format(9, '<module>')}{END}", True),
        (f"{HEAD}{ENV.format(40, '<module>')}{ENV.format(30, 'run_migrations_online')}{CONNECT.format('connect')}{END}",
         True),
        (f"{HEAD}{ENV.format(40, '<module>')}{ENV.format(30, 'run')}{MIGRATION.format('run_migrations')}"
         f"{MIGRATION.format('get_current_heads')}{END}", True),
        ("  FAILED: Multiple head revisions are present\n", True),
        ("/usr/local/bin/python: No module named alembic\n", True),
        # Not known: it may also have been after the migrations, or in one.
        (f"{HEAD}{ENV.format(40, '<module>')}{ENV.format(35, 'run_migrations_online')}{END}", False),
        (f"{HEAD}{ENV.format(40, '<module>')}{ENV.format(30, 'run')}{MIGRATION.format('run_migrations')}{END}", False),
        (f"{HEAD}{ENV.format(40, '<module>')}{ENV.format(30, 'run')}{SCRIPT}{END}", False),
        (f"{BEGUN}{HEAD}{ENV.format(9, '<module>')}{END}", False),
        (f"{BEGUN}  FAILED: something\n", False),
        ("Killed\n", False),
        ("", False),
    ],
)  # fmt: skip
def test_before_the_first_revision(output: str, is_before: bool) -> None:
    assert is_before_first(output) is is_before


def test_the_line_of_the_script() -> None:
    scripts = MigrationSet(("/v",), {}, (Revision("0002", path="/v/0002_price.py"),))
    place = script_place(f"{HEAD}{ENV.format(3, '<module>')}{SCRIPT}{HELPER}{LIBRARY}{END}", scripts)
    assert place is not None
    assert (str(place), place.revision, place.function) == ("versions/0002_price.py:30", "0002", "helper")
    assert script_place(f"{HEAD}{ENV.format(3, '<module>')}{LIBRARY}{END}", scripts) is None
