"""MIG4: the revisions recorded in the database compared with the history of the image."""

from __future__ import annotations

from collections.abc import Iterator

from migops.analysis.database_position import DatabasePosition, position
from migops.analysis.evidence import Evidence
from migops.core.model import PlaceName, Remedy, Severity, Subject
from migops.core.text import counted, first_few, listed, some
from migops.rules.database_remedies import bring_along, find_and_stamp, join, keep_rows, search, upgrade
from migops.rules.git_database import bring_back, lost_scripts
from migops.rules.lines import of_service
from migops.rules.rule import Match, Rule
from migops.sources.database_state import DatabaseState

HOST, DATABASE = PlaceName.HOST, PlaceName.DATABASE


def tables_without_version(evidence: Evidence) -> Iterator[Match]:
    """The database has tables but no recorded Alembic revision.

    What: `alembic upgrade head` starts with the first migration and fails on a table that already exists. A database
    without any tables is new, and there is no finding.

    Why: the application calls `create_all` at startup; a dump was restored without the version table; or Alembic keeps
    its revisions in another table or schema (`version_table` in env.py).

    Alembic says: 'relation "…" already exists', from the first migration.

    Fix: compare the tables with what each migration creates, and stamp the revision that they match (`alembic stamp
    REV`). Never stamp `head` without checking: whatever the tables lack would then be skipped for good.

    With migops: `migops adopt SERVICE` finds the revision whose schema matches the tables, shows the proof and stamps
    the database.

    Seen in: BLB3DPrinting/filaops#516
    """
    state = _state(evidence)
    if state.rows or not state.tables:
        return
    lacks = f"an empty version table {state.version_table}" if state.has_version_table else "no version table"
    cause = "something other than Alembic created the tables: create_all at startup, or a restored dump"
    remedy = find_and_stamp(evidence)
    if state.elsewhere:
        cause = f"{state.version_table} is in the schema {', '.join(state.elsewhere)}, which is not on the search path"
        schema = state.elsewhere[0]
        remedy = (
            Remedy(
                f"tell migops where it is, under the service: x-migops: {{version-table-schema: {schema}}}",
                at=of_service(evidence),
            ),
        )
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
    """The database has not yet applied all the migrations in the image.

    What: code written for the newer schema runs against the older one. `alembic check` and `revision --autogenerate`
    refuse with "Target database is not up to date".

    Why: the image was built or started, but nobody ran the upgrade. A database without any table is a remark, and only
    of `doctor`: it is new, or the wrong one.

    Alembic says: "Target database is not up to date." (revision --autogenerate and check).

    Fix: upgrade, with the new image.

    With migops: `migops alembic upgrade head` lists the pending migrations and runs them; `migops rebuild-and-migrate
    SERVICE` also rebuilds, takes a backup and replaces the containers.

    Seen in: transientskp/tkp#535
    """
    database = position(evidence)
    if database.state.is_fresh and database.pending and evidence.setup is not None:
        yield _fresh(evidence, database)
    if not database.state.rows or database.ahead_rows or not database.pending:
        return  # reported by another rule
    number, place = len(database.pending), database.place.value
    yield Match(
        Subject(database.state.rows[-1]),
        f"the database is behind the {place} by {number}: {some_in_order(database, database.pending)}",
        f"the database is at {listed(database.state.rows)}, the {place} at {listed(database.graph.heads)}",
        _link(evidence),
        {"direction": "behind", "pending": list(database.pending), "rows": list(database.state.rows), "against": place},
        upgrade(evidence, database),
    )


def _fresh(evidence: Evidence, database: DatabasePosition) -> Match:
    """A new database: its upgrade is still to come."""
    pending, place = database.pending or (), database.place.value
    return Match(
        Subject(),
        f"the database is empty, and none of the {place}'s migrations has run: {some_in_order(database, pending)}",
        f"the database {database.state.url} has no table",
        _link(evidence),
        {"direction": "behind", "pending": list(pending), "rows": [], "against": place},
        upgrade(evidence, database),
        Severity.INFO,
    )


def database_ahead(evidence: Evidence) -> Iterator[Match]:
    """The database has applied migrations that the image does not contain: the image is older than the database.

    What: every Alembic command in the image fails with "Can't locate revision identified by …", even `upgrade head`.

    Why: an older image was started again; or the image was built before the migration was written, and somebody else
    has already applied it.

    Alembic says: "Can't locate revision identified by '…'".

    Fix: build the image from sources that have the migration, or start the newer image. Leave the database alone: a
    downgrade could lose data, and an image without the script cannot do it anyway.

    With migops: `migops rebuild-and-migrate SERVICE`, on a checkout that has the migration.

    Seen in: Morelitea/initiative#1800, langgenius/dify#15220, Soju06/codex-lb#1256, IBM/mcp-context-forge#5772
    """
    database = position(evidence)
    if not database.ahead_rows or database.fork:
        return
    place = database.place.value
    for row in database.ahead_rows:
        lacking = database.all.ancestors([row]) - database.graph.by_id.keys()
        extra = [each.id for each in database.all.revisions if each.id in lacking]
        yield Match(
            Subject(row),
            f"the {place} is older than the database: the database is ahead, at {_named(database, row)}",
            f"the {place} ends at {listed(database.graph.heads) or 'base'}; {_who_has(database, row)}",
            _link(evidence),
            {"direction": "ahead", "beyond": extra, "held_by": list(database.holders.get(row, ())), "against": place},
            bring_along(evidence, database, row),
        )


def unknown_revision(evidence: Evidence) -> Iterator[Match]:
    """The version table names a revision, and its script is in none of the places that were read.

    What: every Alembic command fails with "Can't locate revision identified by …".

    Why: the database was migrated from a branch that never got here; the script was deleted after it was applied; or
    the URL points to the database of another project or environment.

    Alembic says: "Can't locate revision identified by '…'".

    Fix: find the script (`git log -S` shows every commit that ever had it), restore it, and rebuild.

    Seen in: d4vidsha/scheduler#43, toncenter/ton-indexer#53
    """
    database = position(evidence)
    asked = sorted({name for names in database.holders.values() for name in names})
    lost = lost_scripts(evidence) if database.unknown else {}
    for row in database.unknown:
        cause = (
            f"{database.state.url} was migrated from elsewhere, the script was deleted after it was applied, "
            "or this is the wrong database"
        )
        if row in lost:
            cause = lost[row].cause
        yield Match(
            Subject(row),
            f"the database is at {row!r}, and its script is in none of the places read",
            f"not found in {listed(asked) or 'any place'}; {cause}",
            _link(evidence),
            {"direction": "unknown", "asked": asked, "database": database.state.url, "url_from": database.state.origin},
            tuple(bring_back(evidence, lost[row]) if row in lost else search(evidence, row)),
        )


def leftover_version_rows(evidence: Evidence) -> Iterator[Match]:
    """A row of the version table is redundant: it is an ancestor of another row.

    What: `alembic upgrade` fails with "Requested revision … overlaps with other requested revisions …".

    Why: a row was inserted by hand, a dump was restored over a database that already had rows, or two upgrades ran at
    the same time.

    Alembic says: "Requested revision … overlaps with other requested revisions …".

    Fix: keep only the newest row of each branch.

    With migops: `migops status SERVICE` names the redundant row.

    Seen in: inveniosoftware/invenio-app-rdm#3548
    """
    database = position(evidence)
    kept = [row for row in database.state.rows if row not in database.redundant_rows]
    for row, newer in database.redundant_rows.items():
        yield Match(
            Subject(row),
            f"the version table has the row {row} next to {newer}, which already includes it",
            f"{row} is an ancestor of {newer}, but Alembic treats the two rows as two branches",
            _link(evidence),
            {"row": row, "included_in": newer, "keep": kept},
            (keep_rows(kept, newer),),
        )


def diverged(evidence: Evidence) -> Iterator[Match]:
    """The database and the image are on different branches: each has migrations that the other lacks.

    What: every Alembic command in the image fails with "Can't locate revision identified by …".

    Why: two branches each added a migration with the same parent; one was applied to this database, and the image was
    built from the other.

    Alembic says: "Can't locate revision identified by '…'".

    Fix: build an image with both branches and a merge revision (`alembic merge`), then upgrade.

    With migops: `migops alembic merge -m "merge"` on a checkout with both branches, then `migops rebuild-and-migrate
    SERVICE`.
    """
    database = position(evidence)
    if not database.fork:
        return
    common, own = database.fork
    place = database.place.value
    for row in database.ahead_rows:
        yield Match(
            Subject(row),
            f"the database and the {place} diverged after {common}: the database has {_named(database, row)}, "
            f"the {place} has {_named(database, own)}",
            f"two revisions have the parent {common}, and the {place} has only one of them; {_who_has(database, row)}",
            _link(evidence),
            {
                "direction": "diverged", "common": common, "rows": list(database.state.rows), "against": place,
                "only_there": list(database.pending or ()), "held_by": list(database.holders.get(row, ())),
            },
            join(evidence, database, row),
        )  # fmt: skip


RULES = (
    Rule("MIG401", "tables-without-version", Severity.ERROR, (DATABASE,), tables_without_version),
    Rule("MIG402", "database-behind", Severity.WARNING, (HOST, DATABASE), database_behind),
    Rule("MIG403", "database-ahead", Severity.ERROR, (HOST, DATABASE), database_ahead),
    Rule("MIG404", "unknown-revision", Severity.ERROR, (HOST, DATABASE), unknown_revision),
    Rule("MIG405", "leftover-version-rows", Severity.WARNING, (HOST, DATABASE), leftover_version_rows),
    Rule("MIG406", "diverged", Severity.ERROR, (HOST, DATABASE), diverged),
)


def some_in_order(database: DatabasePosition, ids: tuple[str, ...], most: int = 3) -> str:
    """The first few revisions with their messages, and how many more there are."""
    return first_few([_named(database, each) for each in ids], most, before_more=", and ")


def _state(evidence: Evidence) -> DatabaseState:
    if isinstance(evidence.database, DatabaseState):
        return evidence.database
    raise LookupError("a rule of MIG4 ran without a database; its Rule must name it in `needs`")


def _link(evidence: Evidence) -> tuple[PlaceName, PlaceName]:
    return (PlaceName.IMAGE if PlaceName.IMAGE in evidence.graphs else HOST, DATABASE)


def _named(database: DatabasePosition, row: str) -> str:
    revision = database.all.by_id.get(row)
    return f"{row} ({revision.message})" if revision and revision.message else row


def _who_has(database: DatabasePosition, row: str) -> str:
    names = database.holders.get(row, ())
    return f"{listed(names)} {'have' if len(names) > 1 else 'has'} {row}"
