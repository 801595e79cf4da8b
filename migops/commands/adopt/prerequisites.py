"""What a database was given before the first migration, by hand: without it, the migrations may not run elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from migops.commands.adopt.inputs import AdoptInputs
from migops.commands.adopt.steps import Step, upgrade
from migops.core.errors import Unavailable
from migops.database.postgres.schema import EXTENSION, Found
from migops.sandbox import Seeds, Server

_USUAL = '"$user", public'


def tried(server: Server, inputs: AdoptInputs, live: Found, **more: Any) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The steps of the upgrade, and what was given to the throwaway server beforehand, in words.

    What the live database has may come from the migrations or from someone's hand, so they are tried with several
    gifts until they run. Where they never do, the first failure is the one that is told.
    """
    first: Unavailable | None = None
    for seeds, words in prerequisites(inputs, live):
        if first is not None:
            if not server.is_ready:
                break
            server.seeds = seeds
            server.fresh_database()
        server.seeds = seeds
        try:
            return upgrade(server, inputs.alembic, **more), words
        except Unavailable as error:
            first = first or error
    raise first or Unavailable("the migrations were not tried")


def prerequisites(inputs: AdoptInputs, live: Found) -> Iterator[tuple[Seeds, tuple[str, ...]]]:
    """What to try the migrations with, and that in words; the likeliest first.

    Schemas of the search path are there from the start, or all would land in another one, unnoticed. Extensions are
    given only where the migrations do not run without.
    """
    path = path_of(inputs, live)
    names = [name for name in dict.fromkeys((*live.path, inputs.reached.table.schema)) if name not in ("", "public")]
    schemas = [("CREATE SCHEMA IF NOT EXISTS {}", (name,)) for name in names]
    bare = [item.name.strip('"').replace('""', '"') for item in live.schema.values() if item.kind == EXTENSION]
    extensions = [("CREATE EXTENSION IF NOT EXISTS {}", (name,)) for name in bare]
    first = "made on the throwaway server before the first migration, as the database has it: "
    said = [*(f"the schema {name}" for name in names), *(f"the extension {name}" for name in bare)]
    yield (*schemas, *path), (f"{first}{', '.join(said[: len(names)])}",) if names else ()
    if extensions:
        yield (*schemas, *path, *extensions), (f"{first}{', '.join(said)}",)
    if schemas:
        yield path, ()


def path_of(inputs: AdoptInputs, live: Found) -> Seeds:
    """The live user's search path, where it is set for the user or the database."""
    if live.search_path == _USUAL:
        return ()
    # A search path is a list of identifiers as SQL writes them, and comes from the server itself.
    text = live.search_path.replace("{", "{{").replace("}", "}}")
    return ((f"ALTER DATABASE {{}} SET search_path TO {text}", (str(inputs.reached.named.url.database),)),)
