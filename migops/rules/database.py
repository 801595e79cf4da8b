"""MIG4: what the database says it has, against the history of the image that is to run on it."""

from __future__ import annotations

from collections.abc import Iterator

from migops.analysis.database_position import DatabasePosition, position
from migops.analysis.evidence import Evidence
from migops.core.model import PlaceName, Remedy, Severity, Subject
from migops.core.text import counted, first_few, listed, some
from migops.rules.database_remedies import bring_along, find_and_stamp, join, keep_rows, search, upgrade
from migops.rules.git_database import bring_back, lost_scripts
from migops.rules.rule import Match, Rule
from migops.sources.database_state import DatabaseState

HOST, DATABASE = PlaceName.HOST, PlaceName.DATABASE


def tables_without_version(evidence: Evidence) -> Iterator[Match]:
    """The database has tables, and Alembic has noted no revision in it.

    What: `alembic upgrade head` starts with the first migration and dies on a table that exists already. A database
    without any table is fresh, and no finding.

    Why: the application calls `create_all` when it starts; a dump was restored without the version table; or Alembic
    keeps its revisions in another table or schema (`version_table` in env.py).

    Fix: `migops adopt` finds the revision whose schema the tables have, proves it and has Alembic note it. Never
    stamp `head` unseen: what the tables lack would then be skipped for ever.
    """
    state = _state(evidence)
    if state.rows or not state.tables:
        return
    lacks = f"a version table {state.version_table} without a row" if state.has_version_table else "no version table"
    cause = "something other than Alembic made the tables: create_all when the application starts, or a restored dump"
    remedy = find_and_stamp(evidence)
    if state.elsewhere:
        cause = f"{state.version_table} is in the schema {', '.join(state.elsewhere)}, where nobody looks for it"
        schema = state.elsewhere[0]
        remedy = (Remedy(f"say where it is, under the service: x-migops: {{version-table-schema: {schema}}}"),)
    number = len(state.tables)
    yield Match(
        Subject(),
        f"the database has {lacks}, but {counted(number, 'table')}: {some(state.tables)}",
        cause,
        _link(evidence),
        {
            "tables": list(state.tables), "version_table": state.version_table, "database": state.url,
            "has_version_table": state.has_version_table, "version_table_in": list(state.elsewhere),
        },
        remedy,
    )  # fmt: skip


def database_behind(evidence: Evidence) -> Iterator[Match]:
    """The database has not yet had all the migrations that the image holds.

    What: code that was written for the newer schema meets the older one. `alembic check` and `revision
    --autogenerate` refuse with "Target database is not up to date".

    Why: the image was built or started, and nothing ran the upgrade.

    Fix: upgrade, with the new image.
    """
    found = position(evidence)
    if not found.state.rows or found.ahead_rows or not found.pending:
        return  # fresh, or another rule's to name
    number, place = len(found.pending), found.place.value
    yield Match(
        Subject(found.state.rows[-1]),
        f"the database is behind the {place} by {number}: {some_in_order(found, found.pending)}",
        f"it stands at {listed(found.state.rows)}, and the {place} goes on to {listed(found.graph.heads)}",
        _link(evidence),
        {"direction": "behind", "pending": list(found.pending), "rows": list(found.state.rows), "against": place},
        upgrade(evidence, found),
    )


def database_ahead(evidence: Evidence) -> Iterator[Match]:
    """The database has had migrations that the image does not hold: the image is older than the database.

    What: every Alembic command in the image dies with "Can't locate revision identified by …", `upgrade head` too.

    Why: an older image was started again, or the image was built before the migration was written that someone else
    has applied already.

    Fix: build the image from the sources that have the migration, or start the newer image. The database needs
    nothing: a downgrade could lose data, and no image that lacks the script can do it.
    """
    found = position(evidence)
    if not found.ahead_rows or found.fork:
        return
    place = found.place.value
    for row in found.ahead_rows:
        lacking = found.all.ancestors([row]) - found.graph.by_id.keys()
        extra = [each.id for each in found.all.revisions if each.id in lacking]
        yield Match(
            Subject(row),
            f"the {place} is older than the database: the database is ahead, at {_named(found, row)}",
            f"the {place} ends at {listed(found.graph.heads) or 'nothing'}; {_who_has(found, row)}",
            _link(evidence),
            {"direction": "ahead", "beyond": extra, "held_by": list(found.holders.get(row, ())), "against": place},
            bring_along(evidence, found, row),
        )


def unknown_revision(evidence: Evidence) -> Iterator[Match]:
    """The version table names a revision that no script of any place has.

    What: every Alembic command dies with "Can't locate revision identified by …".

    Why: the database was migrated from a branch that never got here; the script was deleted after it was applied; or
    the URL leads to the database of another project or environment.

    Fix: find the script (git log -S shows every commit that ever had it), bring it back, build again.
    """
    found = position(evidence)
    asked = sorted({name for names in found.holders.values() for name in names})
    lost = lost_scripts(evidence) if found.unknown else {}
    for row in found.unknown:
        cause = (
            f"{found.state.url} was migrated from somewhere else, the script was deleted after it was applied, or this "
            "is not the database you mean"
        )
        known = "knows this revision"
        if row in lost:
            cause, known = lost[row].cause, "has its script any more"
        yield Match(
            Subject(row),
            f"the database stands at {row!r}, and nobody {known}",
            f"no script of {listed(asked) or 'any place'} has it; {cause}",
            _link(evidence),
            {"direction": "unknown", "asked": asked, "database": found.state.url, "url_from": found.state.origin},
            tuple(bring_back(evidence, lost[row]) if row in lost else search(evidence, row)),
        )


def leftover_version_rows(evidence: Evidence) -> Iterator[Match]:
    """A row of the version table is an ancestor of another row, so it says nothing that the other does not.

    What: `alembic upgrade` dies with "Requested revision … overlaps with other requested revisions …".

    Why: a row was inserted by hand, a dump was restored over a database that had rows already, or two upgrades ran
    at once.

    Fix: keep the newest row of each branch.
    """
    found = position(evidence)
    kept = [row for row in found.state.rows if row not in found.redundant_rows]
    for row, newer in found.redundant_rows.items():
        yield Match(
            Subject(row),
            f"the version table has the row {row} beside {newer}, which already includes it",
            f"{row} is an ancestor of {newer}; Alembic takes the two rows for two branches",
            _link(evidence),
            {"row": row, "included_in": newer, "keep": kept},
            (keep_rows(kept, newer),),
        )


def diverged(evidence: Evidence) -> Iterator[Match]:
    """The database went on along another branch than the image: each has migrations that the other lacks.

    What: every Alembic command in the image dies with "Can't locate revision identified by …".

    Why: two branches wrote a migration upon the same parent; one was applied to this database, and the image was
    built from the other.

    Fix: an image that has both branches and joins them (`alembic merge`), then upgrade.
    """
    found = position(evidence)
    if not found.fork:
        return
    common, own = found.fork
    place = found.place.value
    for row in found.ahead_rows:
        yield Match(
            Subject(row),
            f"the database and the {place} diverged after {common}: the database went to {_named(found, row)}, "
            f"the {place} to {_named(found, own)}",
            f"two revisions were written upon {common}, and the {place} has only one of them; {_who_has(found, row)}",
            _link(evidence),
            {
                "direction": "diverged", "common": common, "rows": list(found.state.rows), "against": place,
                "only_there": list(found.pending or ()), "held_by": list(found.holders.get(row, ())),
            },
            join(evidence, found, row),
        )  # fmt: skip


RULES = (
    Rule("MIG401", "tables-without-version", Severity.ERROR, (DATABASE,), tables_without_version),
    Rule("MIG402", "database-behind", Severity.WARNING, (HOST, DATABASE), database_behind),
    Rule("MIG403", "database-ahead", Severity.ERROR, (HOST, DATABASE), database_ahead),
    Rule("MIG404", "unknown-revision", Severity.ERROR, (HOST, DATABASE), unknown_revision),
    Rule("MIG405", "leftover-version-rows", Severity.WARNING, (HOST, DATABASE), leftover_version_rows),
    Rule("MIG406", "diverged", Severity.ERROR, (HOST, DATABASE), diverged),
)


def some_in_order(found: DatabasePosition, ids: tuple[str, ...], most: int = 3) -> str:
    """The first few revisions with their messages, and how many more there are."""
    return first_few([_named(found, each) for each in ids], most, before_more=", and ")


def _state(evidence: Evidence) -> DatabaseState:
    if isinstance(evidence.database, DatabaseState):
        return evidence.database
    raise LookupError("a rule of MIG4 was judged without a database; its Rule must name it in `needs`")


def _link(evidence: Evidence) -> tuple[PlaceName, PlaceName]:
    return (PlaceName.IMAGE if PlaceName.IMAGE in evidence.graphs else HOST, DATABASE)


def _named(found: DatabasePosition, row: str) -> str:
    revision = found.all.by_id.get(row)
    return f"{row} ({revision.message})" if revision and revision.message else row


def _who_has(found: DatabasePosition, row: str) -> str:
    names = found.holders.get(row, ())
    return f"{listed(names)} {'have' if len(names) > 1 else 'has'} {row}"
