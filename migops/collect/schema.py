"""What a diagnosis asks of the database's tables: what applied revisions have created, what pending ones presume."""

from __future__ import annotations

from migops.analysis.database_position import position
from migops.analysis.evidence import Evidence, SchemaCheck
from migops.core.model import PlaceName, Unknown
from migops.migrations.creations import certain_creations, missing, table_of
from migops.migrations.not_null import Strict, strict_columns
from migops.sources.database_state import DatabaseState
from migops.sources.schema_facts import SchemaFacts, schema_facts


def check_schema(evidence: Evidence, *, created_too: bool) -> SchemaCheck | Unknown | None:
    """None if nothing was to be asked; the database is asked only for tables that a script names.

    ``created_too``: check all that applied revisions have created, which most often has to be asked for; else only the
    tables that the database was not seen to have.
    """
    state, asked = evidence.database, evidence.question
    if not isinstance(state, DatabaseState) or asked is None or not state.rows:
        return None
    created = {} if _is_moved(asked.env_py) else _created(evidence, state)
    if not created_too:
        created = _unseen(created, state)
    strict = [each for each in _strict(evidence) if each.table in state.tables]
    tables = {table_of(name) for names in created.values() for name in names if "." not in table_of(name)}
    if not tables and not strict:
        return None
    if state.address.startswith("asked from inside"):
        return Unknown("the database can be asked only from inside of its containers, and so not for its tables")
    facts = schema_facts(asked, tables, {each.table for each in strict})
    if not isinstance(facts, SchemaFacts):
        return facts
    failing = tuple(each for each in strict if facts.has_rows.get(each.table))
    return SchemaCheck(missing(created, facts.columns), failing)


def _created(evidence: Evidence, state: DatabaseState) -> dict[str, tuple[str, ...]]:
    place = PlaceName.IMAGE if PlaceName.IMAGE in evidence.graphs else PlaceName.HOST
    held, graph = evidence.chain.held(place), evidence.graphs.get(place)
    return certain_creations(graph, held, state.rows) if held is not None and graph is not None else {}


def _unseen(created: dict[str, tuple[str, ...]], state: DatabaseState) -> dict[str, tuple[str, ...]]:
    """Of what was created, whole tables that are not among those that the database has."""
    seen = {f"table {name}" for name in state.tables}
    unseen = {
        each: tuple(x for x in names if x.startswith("table ") and x not in seen) for each, names in created.items()
    }
    return {each: names for each, names in unseen.items() if names}


def _strict(evidence: Evidence) -> list[Strict]:
    """The strict columns of what is pending on the host, which the next deploy runs, and of what is in the image."""
    columns: dict[tuple[str, str, str], Strict] = {}
    for place in (PlaceName.HOST, PlaceName.IMAGE):
        held, graph = evidence.chain.held(place), evidence.graphs.get(place)
        if held is not None and graph is not None:
            for each in strict_columns(held, graph, position(evidence, place).pending or ()):
                columns.setdefault((each.revision, each.table, each.column), each)
    return list(columns.values())


def _is_moved(env_py: str) -> bool:
    """True if env.py chooses the schema in which the migrations run."""
    return any(word in env_py for word in ("search_path", "schema_translate_map", "SET SCHEMA"))
