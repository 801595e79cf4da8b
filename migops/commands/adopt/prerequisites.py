"""Prerequisites that a database got by hand before the first migration, which may not run elsewhere without them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migops.commands.adopt.inputs import AdoptInputs
from migops.commands.adopt.steps import Step, upgrade
from migops.core.errors import Unavailable
from migops.database.postgres.schema import EXTENSION, DatabaseSchema
from migops.sandbox import Prerequisites, Server

_USUAL = '"$user", public'


def try_upgrade(
    server: Server, inputs: AdoptInputs, live: DatabaseSchema, **more: Any
) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """Upgrade the disposable server; return the steps, and the prerequisites that were created before them as notes.

    The live database's schemas and extensions may come from the migrations or from a person, so several sets of
    prerequisites are tried until the upgrade succeeds. If none does, the first failure is raised.
    """
    first: Unavailable | None = None
    for statements, notes in prerequisites(inputs, live):
        if first is not None:
            if not server.is_ready:
                break
            server.prerequisites = statements
            server.fresh_database()
        server.prerequisites = statements
        try:
            return upgrade(server, inputs.alembic, **more), notes
        except Unavailable as error:
            first = first or error
    raise first or Unavailable("the migrations were not tried")


def prerequisites(inputs: AdoptInputs, live: DatabaseSchema) -> Iterator[tuple[Prerequisites, tuple[str, ...]]]:
    """Sets of prerequisites with their notes, the likeliest first.

    Schemas of the search path come first: without them all tables would silently go into another one. Extensions are
    created only if the migrations fail without them.
    """
    path = search_path_of(inputs, live)
    names = [name for name in dict.fromkeys((*live.path, inputs.reached.table.schema)) if name not in ("", "public")]
    schemas = [("CREATE SCHEMA IF NOT EXISTS {}", (name,)) for name in names]
    bare = [item.name.strip('"').replace('""', '"') for item in live.schema.values() if item.kind == EXTENSION]
    extensions = [("CREATE EXTENSION IF NOT EXISTS {}", (name,)) for name in bare]
    first = "created on the disposable server before the first migration, as in the database: "
    descriptions = [*(f"the schema {name}" for name in names), *(f"the extension {name}" for name in bare)]
    yield (*schemas, *path), (f"{first}{', '.join(descriptions[: len(names)])}",) if names else ()
    if extensions:
        yield (*schemas, *path, *extensions), (f"{first}{', '.join(descriptions)}",)
    if schemas:
        yield path, ()


def search_path_of(inputs: AdoptInputs, live: DatabaseSchema) -> Prerequisites:
    """A statement that sets the live user's search path; none if it is the default."""
    if live.search_path == _USUAL:
        return ()
    # A search path is a list of identifiers as SQL writes them, and comes from the server itself.
    text = live.search_path.replace("{", "{{").replace("}", "}}")
    return ((f"ALTER DATABASE {{}} SET search_path TO {text}", (str(inputs.reached.named.url.database),)),)
