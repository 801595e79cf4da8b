"""Runs in a container of the application: provokes failures by the real Alembic, SQLAlchemy and driver, one by one.

Reads cases as JSON from standard input, and prints for each its name and the traceback, between marks.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

MARK = "=== case "
ENV = """
import os
from alembic import context
from sqlalchemy import create_engine

with create_engine(os.environ["CASE_URL"]).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
SCRIPT = '''"""A case"""
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade():
{}


def downgrade():
    pass
'''


def script(lines: list[str]) -> str:
    """The script of a case, whose upgrade has these lines."""
    return SCRIPT.format("\n".join(f"    {line}" for line in lines))


def main() -> None:
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import create_engine, make_url

    url = make_url(os.environ["DATABASE_URL"])
    admin = create_engine(url).execution_options(isolation_level="AUTOCOMMIT")
    for case in json.load(sys.stdin):
        with admin.connect() as connection:
            for statement in case["prepare"]:
                connection.exec_driver_sql(statement)
        folder = Path("/tmp/cases", case["name"])
        (folder / "versions").mkdir(parents=True)
        (folder / "env.py").write_text(ENV)
        (folder / "versions" / "0001_case.py").write_text(script(case["upgrade"]))
        os.environ["CASE_URL"] = url.set(**case["url"]).render_as_string(hide_password=False)
        config = Config()
        config.set_main_option("script_location", str(folder))
        print(f"{MARK}{case['name']}")
        try:
            command.upgrade(config, "head")
        except (Exception, SystemExit):  # noqa: BLE001 - whatever it is, it is what the case provokes
            print(traceback.format_exc())


if __name__ == "__main__":
    main()
