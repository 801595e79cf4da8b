"""The folder of the backups: what may go, what is half done, what counts."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from migops.backup import manifest as manifests
from migops.backup import store
from migops.backup.manifest import Manifest
from migops.backup.store import Backup
from migops.errors import MigopsError

NOW = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
MADE = Manifest(
    project="p", service="app", database="shop", url="postgresql://shop@db/shop", server="15.8",
    version_table="public.alembic_version", revisions=("009",), tables=3, size=5, sha256="ab", database_size=9,
    taken_at=NOW, seconds=0.5,
)  # fmt: skip


def aged(*days: float, database: str = "shop") -> list[Backup]:
    return [
        Backup(Path(f"{database}{day}.dump"), replace(MADE, database=database, taken_at=NOW - timedelta(days=day)))
        for day in days
    ]


def gone(found: Sequence[Backup], keep: int, days: float | None) -> list[str]:
    return [each.path.stem for each in store.expired(found, "shop", keep, days, NOW)]


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


def test_only_verified_backups_of_this_database_go() -> None:
    cut = replace(aged(5)[0], problem="it has 4 bytes")
    stranger = Backup(Path("mine.dump"), None, "it has no manifest")
    found = [*aged(9), cut, stranger, *aged(7, 8, database="other")]
    assert gone(found, 1, 0) == [], "what is cut is neither the newest nor ours to remove"
    assert gone([*found, *aged(1)], 1, None) == ["shop9"]


def test_a_manifest_is_read_back() -> None:
    assert manifests.parse(json.loads(json.dumps(MADE.record()))) == MADE
    assert manifests.parse(replace(MADE, version_table="", revisions=()).record()).version_table == ""
    with pytest.raises(ValueError, match="its schema is 2"):
        manifests.parse({**MADE.record(), "schema": 2})
    with pytest.raises(ValueError, match="sha256"):
        manifests.parse({key: value for key, value in MADE.record().items() if key != "sha256"})


def test_a_backup_comes_to_be_whole_and_private(tmp_path: Path) -> None:
    where = store.folder(tmp_path)
    assert where.stat().st_mode & 0o777 == 0o700
    path = store.new_path(where, "my shop/..", NOW)
    assert path.name == "my_shop_..-20261124T120000Z.dump"
    with store.partial(path) as file:
        assert store.half(path).stat().st_mode & 0o777 == 0o600
        assert store.new_path(where, "my shop/..", NOW).name == "my_shop_..-20261124T120000Z-2.dump"
        file.write(b"PGDMP")
        file.flush()
        store.accept(path, MADE)
    assert sorted(each.name for each in where.iterdir()) == [path.name, f"{path.name}.json"]
    assert manifests.beside(path).stat().st_mode & 0o777 == 0o600
    assert store.backups(where) == [Backup(path, MADE)]
    path.write_bytes(b"PGDM")
    assert store.backups(where)[0].problem == "it has 4 bytes, and had 5 when it was verified"
    store.remove(store.backups(where)[0])
    assert list(where.iterdir()) == []


def test_one_that_is_not_accepted_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="full"), store.partial(tmp_path / "a.dump"):
        raise OSError("full")
    assert list(tmp_path.iterdir()) == []


def test_what_killed_runs_left_is_swept(tmp_path: Path) -> None:
    for name in ("a.dump.partial", "b.dump.json.partial", "c.dump.json", "d.dump.partial", "d.dump.json", "kept.dump"):
        (tmp_path / name).write_bytes(b"x")
    with (tmp_path / "d.dump.partial").open("rb") as goes_on:
        fcntl.flock(goes_on, fcntl.LOCK_EX)
        swept = {path.name for path in store.sweep(tmp_path)}
    assert swept == {"a.dump.partial", "b.dump.json.partial", "c.dump.json"}
    assert {path.name for path in tmp_path.iterdir()} == {"d.dump.partial", "d.dump.json", "kept.dump"}


def test_a_manifest_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.dump").write_bytes(b"PGDMP")
    (tmp_path / "a.dump.json").write_text("{")
    (tmp_path / "b.dump").write_bytes(b"PGDMP")
    found = store.backups(tmp_path)
    assert ["manifest" in each.problem for each in found] == [True, True]
    with pytest.raises(MigopsError, match="cannot be read"):
        manifests.read(tmp_path / "a.dump")
