"""PostgreSQL's extensions: which one has a type or function, and which image has the extension."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migops.commands.failures.database_place import database_place
from migops.commands.failures.failure import Step
from migops.commands.failures.inputs import FailureInputs

_OF = {
    "vector": "vector", "halfvec": "vector", "sparsevec": "vector", "vector_cosine_ops": "vector",
    "vector_l2_ops": "vector", "vector_ip_ops": "vector",
    "geometry": "postgis", "geography": "postgis", "raster": "postgis_raster", "box2d": "postgis",
    "st_makepoint": "postgis",
    "citext": "citext", "hstore": "hstore", "ltree": "ltree", "cube": "cube",
    "uuid_generate_v4": "uuid-ossp", "uuid_generate_v1": "uuid-ossp", "uuid_generate_v1mc": "uuid-ossp",
    "uuid_generate_v5": "uuid-ossp",
    "crypt": "pgcrypto", "gen_salt": "pgcrypto", "digest": "pgcrypto", "hmac": "pgcrypto",
    "gen_random_uuid": "pgcrypto",
    "gin_trgm_ops": "pg_trgm", "gist_trgm_ops": "pg_trgm", "similarity": "pg_trgm", "unaccent": "unaccent",
    "create_hypertable": "timescaledb",
}  # fmt: skip
_IMAGES = {
    "vector": ("pgvector/pgvector:pg{}", ("pgvector",)),
    "postgis": ("postgis/postgis:{}-3.5", ("postgis",)),
    "postgis_raster": ("postgis/postgis:{}-3.5", ("postgis",)),
    "timescaledb": ("timescale/timescaledb:latest-pg{}", ("timescale",)),
}
"""Extension → the image that has it, for a version of PostgreSQL, and words of the names of images that have it."""


def of_object(match: re.Match[str], inputs: FailureInputs) -> Iterator[Step]:
    """The extension to create for a type, function or operator class, if it is one of an extension."""
    name = _name(match).rpartition(".")[2].casefold()
    extension = _OF.get(name, "")
    if not extension:
        return
    yield from _image(extension, inputs)
    quoted = f'"{extension}"' if "-" in extension else extension
    yield Step(
        f"in the script, before it is used: op.execute('CREATE EXTENSION IF NOT EXISTS {quoted}')"
        " (the role must be allowed to: by default a superuser, for trusted extensions the database's owner)"
    )


def install(match: re.Match[str], inputs: FailureInputs) -> Iterator[Step]:
    """The image that has an extension, for the version that the server has now."""
    yield from _image(_name(match), inputs)


def _image(extension: str, inputs: FailureInputs) -> Iterator[Step]:
    image, words = _IMAGES.get(extension, ("", ()))
    place = database_place(inputs)
    if not image or place is None or place.server is None:
        return
    now = place.server.image or ""
    version = re.search(r":(?:\w+-)?(?:pg)?(\d{2})\b", now)
    if any(word in now for word in words):
        return
    new = image.format(version[1]) if version else f"{image.format('VERSION')} (its version must stay the same)"
    musl = "; its text indexes need a REINDEX, since -alpine sorts otherwise" if "alpine" in now else ""
    yield Step(
        f"take a backup, then in {place.server.location}, service {place.server.name}: image: {new} in place of "
        f"{now or 'its image'}{musl}; then start that service again"
    )


def _name(match: re.Match[str]) -> str:
    return next((value for key, value in match.groupdict().items() if key.startswith("name") and value), "")
