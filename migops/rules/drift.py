"""Why models and schema differ, and how to fix that without losing a table."""

from __future__ import annotations

from collections.abc import Sequence

from migops.analysis.evidence import Evidence
from migops.core.model import PlaceName, Remedy, Unknown
from migops.core.text import listed
from migops.rules.database_remedies import alembic, backup
from migops.sources.database_state import DatabaseState

_DATABASE_ONLY, _MODELS_ONLY = ": in the database only", ": in the models only"


def because(evidence: Evidence, differences: Sequence[str]) -> str:
    """The likeliest cause, as a sentence."""
    if never_run(evidence, differences):
        return "a revision recorded as applied creates what is missing: it was stamped, but its upgrade never ran"
    if only_in_database(differences):
        return "tables exist only in the database: env.py does not import their models, or another program owns them"
    return "nobody wrote a revision for a change of the models, or somebody changed the schema by hand"


def align(evidence: Evidence, differences: Sequence[str]) -> tuple[Remedy, ...]:
    """Steps to fix it. ``revision --autogenerate`` is offered only if it has nothing to drop and nothing to repeat."""
    if skipped := never_run(evidence, differences):
        return _run_them(evidence, skipped, differences)
    if tables := only_in_database(differences):
        return _reach_the_models(evidence, tables)
    lost = [each.removesuffix(_DATABASE_ONLY) for each in differences if each.endswith(_DATABASE_ONLY)]
    drops = f": it drops {listed(lost)}" if lost else ""
    return (
        Remedy(
            f"write the missing revision, and read it before you apply it{drops}",
            alembic(evidence, "revision", "--autogenerate", "-m", "what the models have"),
        ),
    )


def only_in_database(differences: Sequence[str]) -> tuple[str, ...]:
    """The tables for which autogenerate would write ``drop_table``."""
    return tuple(
        each[len("table ") : -len(_DATABASE_ONLY)]
        for each in differences
        if each.startswith("table ") and each.endswith(_DATABASE_ONLY)
    )


def never_run(evidence: Evidence, differences: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The revisions recorded as applied whose upgrade creates something that the database lacks, with those items."""
    missing = {each.removesuffix(_MODELS_ONLY) for each in differences if each.endswith(_MODELS_ONLY)}
    graph, held = evidence.graphs.get(PlaceName.IMAGE), evidence.chain.held(PlaceName.IMAGE)
    if not missing or graph is None or held is None or not isinstance(evidence.database, DatabaseState):
        return {}
    texts = {script.path: script.content for script in held.scripts.values()}
    applied = graph.ancestors(evidence.database.rows)
    skipped: dict[str, tuple[str, ...]] = {}
    for each in graph.revisions:
        if each.id in applied:
            created = _created(texts.get(each.path, b""))
            if lacking := tuple(one for one in created if one in missing or _table_of(one) in missing):
                skipped[each.id] = lacking
    return skipped


def _table_of(created: str) -> str:
    """The difference that a missing table makes, which is all that is said of its columns; '' for what is no column."""
    return f"table {created.removeprefix('column ').rpartition('.')[0]}" if created.startswith("column ") else ""


def _run_them(
    evidence: Evidence, skipped: dict[str, tuple[str, ...]], differences: Sequence[str]
) -> tuple[Remedy, ...]:
    """Steps to run the skipped revisions: with commands only if they are the newest and none of their items exist."""
    first = next(iter(skipped))
    lacking = [one for each in skipped.values() for one in each]
    look = Remedy(
        f"{listed(list(skipped))} never ran: {listed(lacking)} {'is' if len(lacking) == 1 else 'are'} missing"
    )
    graph, held = evidence.graphs[PlaceName.IMAGE], evidence.chain.held(PlaceName.IMAGE)
    texts = {script.path: script.content for script in held.scripts.values()} if held else {}
    newer = [each for each in graph.revisions if each.id == first or first in graph.ancestors([each.id])]
    complete = all(
        set(_created(texts.get(each.path, b""))) == set(skipped.get(each.id, ())) and skipped.get(each.id)
        for each in newer
    )
    parents = graph.by_id[first].parents or ("base",)
    if not complete or len(parents) != 1 or len(graph.heads) != 1:
        manually = "find out which of their operations ran (some may have), and complete them by hand, on a copy first"
        return (look, backup(evidence, manually))
    stamp = (
        "stamp base: none of the revisions did run" if parents[0] == "base" else "stamp the last revision that did run"
    )
    return (
        look,
        backup(evidence, "take a backup"),
        Remedy(stamp, alembic(evidence, "stamp", parents[0])),
        Remedy("run the skipped migrations", alembic(evidence, "upgrade", "head")),
    )


def _reach_the_models(evidence: Evidence, tables: tuple[str, ...]) -> tuple[Remedy, ...]:
    """Import the models first. Never autogenerate: that would drop these tables, with their data."""
    unimported = evidence.setup.unimported if evidence.setup else ()
    where = sorted({each.at.file for each in unimported}) if not isinstance(unimported, Unknown) else []
    models = f" ({listed(where)})" if where else ""
    return (
        Remedy(
            f"do not autogenerate a revision now: it would drop {listed(tables)}. If the application has models for "
            f"{'it' if len(tables) == 1 else 'them'}{models}, import them in env.py and rebuild; then check again",
            evidence.commands.migops("status", "--drift"),
        ),
        Remedy(
            "exclude tables of other programs with an include_name hook in context.configure (env.py)",
            alternative=True,
        ),
    )


def _created(script: bytes) -> tuple[str, ...]:
    """The tables and columns that the upgrade of a script creates by literals."""
    from migops.migrations.operations import operations  # a clean check never needs it

    return tuple(operations(script.decode("utf-8", "replace")).created)
