"""Why models and schema differ, and what makes them the same again without a table being lost."""

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
        return "a revision that counts as applied creates what is missing: it was stamped, and its upgrade never ran"
    if only_in_database(differences):
        return "env.py does not import the models of the tables in the database only, or they are another program's"
    return "no revision was written for a change of the models, or the schema was changed by hand"


def align(evidence: Evidence, differences: Sequence[str]) -> tuple[Remedy, ...]:
    """What to do. ``revision --autogenerate`` is offered only where it has nothing to drop and nothing to repeat."""
    if skipped := never_run(evidence, differences):
        return _run_them(evidence, skipped, differences)
    if tables := only_in_database(differences):
        return _reach_the_models(evidence, tables)
    lost = [each.removesuffix(_DATABASE_ONLY) for each in differences if each.endswith(_DATABASE_ONLY)]
    drops = f": it drops {listed(lost)}" if lost else ""
    return (
        Remedy(
            f"write the revision that is missing, and read it before it is applied{drops}",
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
    """The applied revisions whose upgrade creates something that the database lacks, with what it lacks of it."""
    missing = {each.removesuffix(_MODELS_ONLY) for each in differences if each.endswith(_MODELS_ONLY)}
    graph, held = evidence.graphs.get(PlaceName.IMAGE), evidence.chain.held(PlaceName.IMAGE)
    if not missing or graph is None or held is None or not isinstance(evidence.database, DatabaseState):
        return {}
    texts = {script.path: script.content for script in held.scripts.values()}
    applied = graph.ancestors(evidence.database.rows)
    found: dict[str, tuple[str, ...]] = {}
    for each in graph.revisions:
        if each.id in applied:
            created = _created(texts.get(each.path, b""))
            if lacking := tuple(one for one in created if one in missing):
                found[each.id] = lacking
    return found


def _run_them(
    evidence: Evidence, skipped: dict[str, tuple[str, ...]], differences: Sequence[str]
) -> tuple[Remedy, ...]:
    """Have the skipped revisions run: by commands only where they are the newest, and nothing of theirs is there."""
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
    parents = graph.by_id[first].parents
    if not complete or len(parents) != 1 or len(graph.heads) != 1:
        by_hand = "find out which of their operations ran (some may have), and complete them by hand on a copy first"
        return (look, backup(evidence, by_hand))
    return (
        look,
        backup(evidence, "take a backup"),
        Remedy("take the stamp back to the last revision that did run", alembic(evidence, "stamp", parents[0])),
        Remedy("then let Alembic run what was skipped", alembic(evidence, "upgrade", "head")),
    )


def _reach_the_models(evidence: Evidence, tables: tuple[str, ...]) -> tuple[Remedy, ...]:
    """Never autogenerate: it would drop these tables, with their data."""
    unimported = evidence.setup.unimported if evidence.setup else ()
    where = sorted({each.at.file for each in unimported}) if not isinstance(unimported, Unknown) else []
    models = f" ({listed(where)})" if where else ""
    return (
        Remedy(
            f"do not autogenerate a revision now: it would drop {listed(tables)}. If the application has models for "
            f"{'it' if len(tables) == 1 else 'them'}{models}, import them in env.py and rebuild; then look again",
            evidence.commands.migops("status", "--drift"),
        ),
        Remedy(
            "tables of something else stay out of it with an include_name hook in context.configure (env.py)",
            alternative=True,
        ),
    )


def _created(script: bytes) -> tuple[str, ...]:
    """The tables and columns that the upgrade of a script creates by literals."""
    from migops.migrations.operations import operations  # a clean check never needs it

    return tuple(operations(script.decode("utf-8", "replace")).created)
