"""Which tables of a database are this project's: the models make them, or one of its scripts does. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from migops.commands.reset.inputs import ResetInputs
from migops.core.model import MigrationSet, PlaceName
from migops.migrations.uncreated import created

_WORD = re.compile(r"\w+")
_PART = re.compile(r'"(?:[^"]|"")*"|[^".]+')
_COMPUTED = re.compile(
    r"create_table\(\s*(?![\"'\s])|create_all|run_sync|\.sql\b|read_text|\bopen\(|import_module|f\"\"\"|f\""
)
"""Signs of a script that makes tables under names that are not its own literals."""


def others(inputs: ResetInputs, models: Sequence[str]) -> list[str]:
    """The tables of the live database, each as ``schema.name``, that the ``models`` (as SQL writes them) and the
    scripts do not have. Partitions belong to their tables, and an extension's tables to the extension."""
    table, texts = inputs.source.reached.table, list(_texts(inputs))
    modelled = {_parts(each) for each in models}
    names = {*script_tables(texts), table.name}
    schemas = {*inputs.usage.path, table.schema, *(schema for schema, _ in modelled)}
    schemas |= {word for text in texts for word in _WORD.findall(text)}
    return [
        f"{each.schema}.{each.name}" for each in inputs.usage.tables
        if (each.schema, each.name) not in modelled and not (each.name in names and each.schema in schemas)
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


def _parts(name: str) -> tuple[str, str]:
    """Schema and name of a table as SQL writes it, without the quotes."""
    parts = [part[1:-1].replace('""', '"') if part.startswith('"') else part for part in _PART.findall(name)]
    return ("", name) if len(parts) != 2 else (parts[0], parts[1])


def _texts(inputs: ResetInputs) -> Iterator[str]:
    """The scripts of every place that was read: the host may lack those that made a table."""
    places = inputs.deploy.evidence.chain.places
    for place in (PlaceName.GIT, PlaceName.HOST, PlaceName.IMAGE, PlaceName.CONTAINER):
        held = places.get(place)
        if isinstance(held, MigrationSet):
            yield from (file.content.decode("utf-8", "replace") for file in held.scripts.values())
