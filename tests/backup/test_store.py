"""The folder of the backups: what may go, what is half done, what counts."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from migops.commands.backup import manifest as manifests
from migops.commands.backup import store
from migops.commands.backup.identity import Identity
from migops.commands.backup.manifest import Manifest
from migops.commands.backup.store import Backup
from migops.core.errors import MigopsError
from migops.output import backup_text

NOW = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
HERE = Identity("7400000000000000001", "engine", "p", "db", "p_data", None, None, "shop")
THERE = replace(HERE, server="pg2", volume="p_data2", system="7400000000000000002")
MADE = Manifest(
    project="p", service="app", database="shop", url="postgresql://shop@db/shop", server="15.8",
    version_table="public.alembic_version", revisions=("009",), tables=3, size=5, sha256="ab", database_size=9,
    taken_at=NOW, seconds=0.5, identity=HERE,
)  # fmt: skip


def aged(*days: float, identity: Identity | None = HERE) -> list[Backup]:
    return [
        Backup(Path(f"shop{day}.dump"), replace(MADE, identity=identity, taken_at=NOW - timedelta(days=day)))
        for day in days
    ]


def gone(found: Sequence[Backup], keep: int, days: float | None) -> list[str]:
    return [each.path.stem for each in store.expired(found, HERE, keep, days, NOW)]


def test_retention() -> None:
    found = aged(0, 2, 1, 40)
    assert gone(found, 10, None) == []
    assert gone(found, 3, None) == ["shop40"]
    assert gone(found, 1, None) == ["shop1", "shop2", "shop40"]
    assert gone(found, 10, 1.5) == ["shop2", "shop40"]
    assert gone(found, 3, 30) == ["shop40"]


def test_the_newest_always_stays() -> None:
    assert gone(aged(90, 80), 1, 0) == ["shop90"]
    assert gone(aged(90), 1, 0) == []


def test_of_two_of_one_second_the_later_one_stays(tmp_path: Path) -> None:
    first, second = Backup(tmp_path / "shop.dump", MADE), Backup(tmp_path / "shop-2.dump", MADE)
    for found in ([first, second], [second, first]):
        assert gone(found, 1, None) == ["shop"]


def test_only_verified_backups_of_this_database_go() -> None:
    cut = replace(aged(5)[0], problem="it has 4 bytes")
    stranger = Backup(Path("mine.dump"), None, "it has no manifest")
    found = [*aged(9), cut, stranger, *aged(7, 8, identity=replace(HERE, database="other"))]
    assert gone(found, 1, 0) == [], "what is cut is neither the newest nor ours to remove"
    assert gone([*found, *aged(1)], 1, None) == ["shop9"]


@pytest.mark.parametrize(
    "other",
    [
        None,
        THERE,
        replace(HERE, system="7400000000000000003"),
        replace(HERE, volume="q_data"),
        replace(HERE, engine="another"),
        replace(HERE, project="q"),
        replace(HERE, server=None, host="db.example", port=5432, volume=None),
        replace(HERE, system=None, system_unknown="permission denied"),
    ],
    ids=lambda each: each.place if each else "0.1.0",
)
def test_retention_never_crosses_identity(other: Identity | None) -> None:
    """Neither are the others removed, nor do they count: each has its own newest ones."""
    assert gone([*aged(0, 1, 2), *aged(0.5, 1.5, 90, identity=other)], 2, 30) == ["shop2"]


def test_nothing_is_removed_where_the_server_is_not_known() -> None:
    unknown = replace(HERE, system=None, system_unknown="permission denied")
    assert store.expired([*aged(1, 2, 3, identity=unknown), *aged(4, 5)], unknown, 1, 0, NOW) == []


def test_a_manifest_of_the_first_version_is_read() -> None:
    """The file is one that migops 0.1.0 wrote."""
    (dump,) = (Path(__file__).parent / "data/from-0.1.0").glob("*.dump")
    found = manifests.read(dump)
    assert found is not None
    assert (found.migops, found.database, found.revisions, found.identity) == ("0.1.0", "shop", ("a94d5e61c8f3",), None)
    (listed,) = store.backups(dump.parent)
    assert listed.problem == ""
    assert store.expired([listed, *aged(0)], HERE, 1, 0, NOW) == []
    assert backup_text.owner(listed, [listed]) == "unknown (migops 0.1.0)"


def test_a_manifest_is_read_back() -> None:
    assert manifests.parse(json.loads(json.dumps(MADE.record()))) == MADE
    assert manifests.parse(replace(MADE, version_table="", revisions=()).record()).version_table == ""
    for known in (None, replace(HERE, volume=None), replace(HERE, system=None, system_unknown="permission denied")):
        made = replace(MADE, identity=known)
        assert manifests.parse(json.loads(json.dumps(made.record()))) == made
    with pytest.raises(ValueError, match="its schema is 3"):
        manifests.parse({**MADE.record(), "schema": 3})
    for wrong in ("db", {"engine": "e"}, {**HERE.record(), "port": "x"}):
        with pytest.raises(ValueError, match=r"identity|a key is missing|invalid literal"):
            manifests.parse({**MADE.record(), "identity": wrong})
    with pytest.raises(ValueError, match="sha256"):
        manifests.parse({key: value for key, value in MADE.record().items() if key != "sha256"})


def test_a_backup_comes_to_be_whole_and_private(tmp_path: Path) -> None:
    where = store.folder(tmp_path)
    assert where.stat().st_mode & 0o777 == 0o700
    path = store.new_path(where, "my shop/..", NOW)
    assert path.name == "my_shop_..-20261124T120000Z.dump"
    with store.partial(path, HERE) as file:
        assert store.half(path, HERE).stat().st_mode & 0o777 == 0o600
        assert store.new_path(where, "my shop/..", NOW).name == "my_shop_..-20261124T120000Z-2.dump"
        file.write(b"PGDMP")
        file.flush()
        store.accept(path, MADE, HERE)
    assert sorted(each.name for each in where.iterdir()) == [path.name, f"{path.name}.json"]
    assert manifests.beside(path).stat().st_mode & 0o777 == 0o600
    assert store.backups(where) == [Backup(path, MADE)]
    path.write_bytes(b"PGDM")
    assert store.backups(where)[0].problem == "it has 4 bytes, but had 5 when it was verified"
    store.remove(store.backups(where)[0])
    assert list(where.iterdir()) == []


def test_one_that_is_not_accepted_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full"), store.partial(tmp_path / "a.dump", HERE):
        raise OSError("full")
    assert list(tmp_path.iterdir()) == []


def test_what_killed_runs_left_is_swept(tmp_path: Path) -> None:
    """What is this database's alone; a file that does not say whose it is stays, as does one that is being written."""

    def made(name: str, owner: Identity | None = None) -> str:
        (tmp_path / name).write_text(json.dumps({"identity": owner.record()}) if owner else "x")
        return name

    ours = {
        made(f"killed.dump.{HERE.mark}.dump.partial"), made(f"accepting.{HERE.mark}.dump.partial"),
        made("accepting.dump.json", HERE), made("began.dump.json.partial", HERE),
    }  # fmt: skip
    others = {
        made(f"other.{THERE.mark}.dump.partial"), made("other.dump.json", THERE), made("0.1.0.dump.partial"),
        made("0.1.0.dump.json"), made("torn.dump.json.partial"), made(f"writing.{HERE.mark}.dump.partial"),
        made("writing.dump.json.partial", HERE), made("kept.dump"), made("kept.dump.json", HERE), made("bare.dump"),
    }  # fmt: skip
    with (tmp_path / f"writing.{HERE.mark}.dump.partial").open("rb") as goes_on:
        fcntl.flock(goes_on, fcntl.LOCK_EX)
        swept = {path.name for path in store.sweep(tmp_path, HERE)}
    assert swept == ours
    assert {path.name for path in tmp_path.iterdir()} == others


def test_a_manifest_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.dump").write_bytes(b"PGDMP")
    (tmp_path / "a.dump.json").write_text("{")
    (tmp_path / "b.dump").write_bytes(b"PGDMP")
    found = store.backups(tmp_path)
    assert ["manifest" in each.problem for each in found] == [True, True]
    with pytest.raises(MigopsError, match="cannot be read"):
        manifests.read(tmp_path / "a.dump")
