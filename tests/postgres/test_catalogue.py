"""Which schemas are the server's own is written once; the file that is run as it stands has a copy."""

from __future__ import annotations

from pathlib import Path

import migops
from migops.database.postgres.catalogue import USER_SCHEMA
from migops.database.postgres.schema.read import CATALOGUE


def test_the_file_has_the_same_condition() -> None:
    assert USER_SCHEMA.replace("n.nspname", "nspname") in CATALOGUE


def test_no_other_query_spells_it() -> None:
    source = Path(migops.__file__).parent
    files = {
        path.relative_to(source).as_posix()
        for pattern in ("*.py", "*.sql")
        for path in source.rglob(pattern)
        if "nspname, 3)" in path.read_text()
    }
    assert files == {"database/postgres/catalogue.py", "database/postgres/schema/catalogue.sql"}
