"""MIG4, continued: the schema itself, and which version table speaks for it."""

from __future__ import annotations

from collections.abc import Iterator

from migops.evidence import Evidence
from migops.model import PlaceName, Remedy, Severity, Subject
from migops.places.database_state import DatabaseState
from migops.rules.rule import Hit, Rule
from migops.rules.standing import listed

DATABASE = PlaceName.DATABASE


def version_table_twice(evidence: Evidence) -> Iterator[Hit]:
    """More than one schema of the database has a version table of that name, and nothing says which one counts.

    What: which of them Alembic reads and writes depends on the search path of the role that connects. Another role, or
    another `options=-csearch_path=…`, sees other revisions: an upgrade runs again, or "Can't locate revision" comes
    out of nowhere.

    Why: a migration ran once with another search path or role; a dump was restored into another schema; or each tenant
    has a schema of its own.

    Fix: name the schema in env.py, `context.configure(version_table_schema=…)`. The other table, if nobody uses it, is
    dropped by hand, after a backup.
    """
    state = evidence.database
    if not isinstance(state, DatabaseState) or "." in state.version_table or (state.tables and not state.rows):
        return  # named; or MIG401 asks where it is
    schemas = (*state.schemas, *state.elsewhere)
    if len(schemas) < 2:
        return
    counts = f"the search path leads to the one in {state.schemas[0]}" if state.schemas else "the search path has none"
    schema = schemas[0]
    yield Hit(
        Subject(),
        f"{len(schemas)} schemas have a version table {state.version_table}: {listed(sorted(schemas))}",
        f"{counts}; a role or a connection with another search path reads another one",
        None,
        {"schemas": list(schemas), "on_search_path": list(state.schemas), "database": state.url},
        (
            Remedy(f"name the one that counts in env.py: context.configure(..., version_table_schema={schema!r})"),
            Remedy(
                f"where that is computed, tell migops under the service: x-migops: {{version-table-schema: {schema}}}",
                alternative=True,
            ),
        ),
    )


RULES = (Rule("MIG408", "version-table-twice", Severity.WARNING, (DATABASE,), version_table_twice),)
