"""Which tables of a database are this project's: the models make them, or one of its scripts does. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from migops.commands.reset.inputs import ResetInputs
from migops.core.model import MigrationSet, PlaceName
from migops.database.postgres.schema import Schema
from migops.migrations.uncreated import created

_WORD = re.compile(r"\w+")
_COMPUTED = re.compile(
    r"create_table\(\s*(?![\"'\s])|create_all|run_sync|\.sql\b|read_text|\bopen\(|import_module|f\"\"\"|f\""
)
"""Signs of a script that makes tables under names that are not its own literals."""


def others(inputs: ResetInputs, live: Schema, models: Sequence[str]) -> list[str]:
    """The tables of the live database, each as ``schema.name``, that the ``models`` and the scripts do not have."""
    table, texts = inputs.source.reached.table, list(_texts(inputs))
    names = {*script_tables(texts), table.name}
    schemas = {*inputs.usage.path, table.schema, *(_schema(each) for each in models)}
    schemas |= {word for text in texts for word in _WORD.findall(text)}
    return [
        name for kind, name in sorted(live)
        if kind == "table" and name not in models and not (bare(name) in names and _schema(name) in schemas)
    ]  # fmt: skip


def foreign_schemas(inputs: ResetInputs) -> list[str]:
    """The schemas with tables that are not on the search path and that no script and no module of the project names."""
    texts = list(_texts(inputs))
    known = {*inputs.usage.path, "public", inputs.source.reached.table.schema}
    words = {word for text in texts for word in _WORD.findall(text)}
    return sorted({each.schema for each in inputs.usage.tables} - known - words)


def script_tables(texts: Iterable[str]) -> Iterator[str]:
    """The tables that scripts create, without their schemas. Of one that computes names, every word counts."""
    for text in texts:
        yield from created(text)
        if _COMPUTED.search(text):
            yield from _WORD.findall(text)


def bare(name: str) -> str:
    """The name without its schema and quotes."""
    return name.rpartition(".")[2].strip('"')


def _schema(name: str) -> str:
    return name.rpartition(".")[0].strip('"')


def _texts(inputs: ResetInputs) -> Iterator[str]:
    """The scripts of every place that was read: the host may lack those that made a table."""
    places = inputs.deploy.evidence.chain.places
    for place in (PlaceName.GIT, PlaceName.HOST, PlaceName.IMAGE, PlaceName.CONTAINER):
        held = places.get(place)
        if isinstance(held, MigrationSet):
            yield from (file.content.decode("utf-8", "replace") for file in held.scripts.values())
