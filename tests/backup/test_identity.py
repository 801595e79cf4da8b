"""How the database that a backup comes from relates to the one that is there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migops.commands.backup.identity import Identity, Relation, compare, is_same

HERE = Identity("7400000000000000001", "engine", "p", "db", "p_data", None, None, "shop")
FAR = replace(HERE, server=None, volume=None, host="db.example", port=5432)
REFUSED = "permission denied for function pg_control_system"


@pytest.mark.parametrize(
    ("backup", "here", "relation", "why"),
    [
        (HERE, HERE, Relation.SAME, ""),
        (FAR, FAR, Relation.SAME, ""),
        (None, HERE, Relation.UNIDENTIFIED, "does not record"),
        (replace(HERE, system="8"), HERE, Relation.RECREATED, "system identifier 8, here 7400000000000000001"),
        (replace(HERE, system=None, system_unknown=REFUSED), HERE, Relation.UNPROVED, f"of the backup: {REFUSED}"),
        (HERE, replace(HERE, system=None, system_unknown=REFUSED), Relation.UNPROVED, f"here: {REFUSED}"),
        (replace(HERE, volume=None, volume_unknown="x"), HERE, Relation.UNPROVED, "of the backup: x"),
        (replace(HERE, server="pg2"), HERE, Relation.FOREIGN, "server pg2, here db"),
        (replace(HERE, volume="other"), HERE, Relation.FOREIGN, "volume other, here p_data"),
        (replace(HERE, volume=None), HERE, Relation.FOREIGN, "volume none, here p_data"),
        (replace(HERE, engine="e2"), HERE, Relation.FOREIGN, "Docker Engine e2, here engine"),
        (replace(HERE, project="q"), HERE, Relation.FOREIGN, "compose project q, here p"),
        (replace(HERE, database="users"), HERE, Relation.FOREIGN, "database users, here shop"),
        (FAR, HERE, Relation.FOREIGN, "server db.example:5432, here db"),
        (replace(FAR, port=5433), FAR, Relation.FOREIGN, "server db.example:5433, here db.example:5432"),
        # A copy of the data folder has the server's number and is not the server.
        (replace(HERE, volume="copy", project="staging"), HERE, Relation.FOREIGN, "compose project staging, here p"),
        (replace(HERE, project="q", system=None, system_unknown=REFUSED), HERE, Relation.FOREIGN, "compose project q"),
        (replace(HERE, volume="a" * 64, system="8"), replace(HERE, volume="b" * 64), Relation.RECREATED, "anonymous"),
        (replace(HERE, volume="a" * 64), HERE, Relation.FOREIGN, "volume"),
    ],
)
def test_compare(backup: Identity | None, here: Identity, relation: Relation, why: str) -> None:
    found = compare(backup, here)
    assert found.relation is relation
    assert why in "; ".join(found.why)
    assert bool(found.why) == (relation is not Relation.SAME)
    assert is_same(backup, here) == (relation is Relation.SAME)


def test_two_unknown_ones_are_not_the_same() -> None:
    unknown = replace(HERE, system=None, system_unknown=REFUSED)
    assert not is_same(unknown, unknown)
    assert compare(unknown, unknown).relation is Relation.UNPROVED
    assert not is_same(None, None)
