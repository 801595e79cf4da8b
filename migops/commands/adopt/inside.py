"""Runs in the application's one-off container, as ``sitecustomize`` of the Python that runs Alembic there.

It writes marked lines to standard output: the schema before the first and after every migration, and each new revision.
No file of Alembic or of the application is changed. It is not part of migops's own process: it uses only the standard
library, and syntax of old Pythons.
"""

import json
import os
import shutil
import time
from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - no import that costs time
MARK = os.environ.get("MIGOPS_MARK", "")
VERSIONS = os.environ.get("MIGOPS_VERSIONS", "")
NEW = os.path.join(HERE, "new")  # noqa: PTH118
FUNCTION = "pg_temp.migops_schema()"
CREATE = (
    "CREATE FUNCTION " + FUNCTION + " RETURNS TABLE (item_1 text, item_2 text, item_3 text, item_4 text) "
    "LANGUAGE plpgsql SET search_path = '' AS $migops$ BEGIN RETURN QUERY "
)


def report(**facts: Any) -> None:
    """Write one marked line, complete even if the application buffers its own output."""
    data = ("\n" + MARK + json.dumps(facts) + "\n").encode()
    while data:
        data = data[os.write(1, data) :]


def wait_to_go() -> None:
    """Wait for the server. The container starts earlier, so that imports run while the server starts."""
    while not os.path.exists(os.path.join(HERE, "go")):  # noqa: PTH110, PTH118
        time.sleep(0.01)


class Watch:
    """The last reported schema, so that each step reports only its changes."""

    def __init__(self) -> None:
        self.known: Any = {}
        with open(os.path.join(HERE, "catalogue.sql"), encoding="utf-8") as file:  # noqa: PTH118, PTH123
            self.query = file.read()

    def applied(self, ctx: Any, heads: Any, **_: Any) -> None:
        """Report the schema; called by Alembic after each step, in the step's own transaction."""
        rows = self.read(ctx.connection)
        changed = [row for key, row in rows.items() if self.known.get(key) != row]
        gone = [list(key) for key in self.known if key not in rows]
        self.known = rows
        report(heads=sorted(heads), changed=changed, gone=gone)

    def read(self, connection: Any) -> Any:
        run = getattr(connection, "exec_driver_sql", connection.execute)
        # A function keeps its query plan. It ends with the session, or with the transaction if that is rolled back.
        if run("SELECT to_regprocedure('" + FUNCTION + "') IS NULL").fetchone()[0]:
            run(CREATE + self.query + "; END $migops$")
        rows = run("SELECT * FROM " + FUNCTION).fetchall()  # noqa: S608 - a constant
        return {(row[0], row[2]): [str(each) for each in row] for row in rows}


def watch_steps(module: Any) -> None:
    """Have every MigrationContext report its steps."""
    watch = Watch()
    original = module.MigrationContext.__init__

    def changed(self: Any, *words: Any, **options: Any) -> None:
        original(self, *words, **options)
        steps = self._migrations_fn
        if self.as_sql or steps is None:
            return
        self.on_version_apply_callbacks = (*self.on_version_apply_callbacks, watch.applied)

        def begun(heads: Any, context: Any) -> Any:
            watch.applied(context, heads)
            return steps(heads, context)

        self._migrations_fn = begun

    module.MigrationContext.__init__ = changed


def watch_scripts(module: Any) -> None:
    """Have the script directory wait for the server and report new revisions."""
    directory = module.ScriptDirectory
    run_env, generate = directory.run_env, directory.generate_revision

    def changed_run(self: Any, *words: Any, **options: Any) -> Any:
        self.get_heads()  # reads all scripts, while there is nothing else to do
        wait_to_go()
        return run_env(self, *words, **options)

    def changed_generate(self: Any, *words: Any, **options: Any) -> Any:
        script = generate(self, *words, **options)
        if script is not None:
            with open(script.path, encoding="utf-8") as file:  # noqa: PTH123
                report(made=os.path.abspath(script.path), revision=script.revision, content=file.read())  # noqa: PTH100
        return script

    directory.run_env, directory.generate_revision = changed_run, changed_generate


WATCHED = {"alembic.runtime.migration": watch_steps, "alembic.script.base": watch_scripts}


if VERSIONS and os.path.isdir(NEW):  # noqa: PTH112
    for each in os.listdir(NEW):  # noqa: PTH208
        shutil.copyfile(os.path.join(NEW, each), os.path.join(VERSIONS, each))  # noqa: PTH118
if MARK:
    import migops_importing  # type: ignore[import-not-found]  # its name in the container

    migops_importing.after_import(WATCHED)
