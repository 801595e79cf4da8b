"""Which databases are backed up, and what a one-off container for one that is elsewhere is made like."""

from __future__ import annotations

from typing import cast

import pytest

from migops.commands.backup.source import Source, find, one_off
from migops.core.errors import MigopsError
from migops.database import parse_url
from migops.docker import Engine
from migops.migrations.version_table import VersionTable
from migops.sources.database import Reached
from migops.sources.database_question import Question

NO_ENGINE = cast(Engine, None)  # it is not asked
CANARY = "kAn4ry-s3cret"


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("sqlite:////data/shop.db", "SQLite's"),
        (f"mysql+aiomysql://u:{CANARY}@h/d", "MySQL's"),
        ("oracle://h", "another"),
    ],
)
def test_other_databases_are_refused(url: str, kind: str) -> None:
    with pytest.raises(MigopsError, match=kind) as refused:
        find(Question(url=url), NO_ENGINE)
    assert "--no-backup" in refused.value.hint
    assert CANARY not in str(refused.value)


def test_the_one_off() -> None:
    url = parse_url(f"postgresql://u:{CANARY}@db.example/shop")
    reached = Reached(url, url, VersionTable(), "DATABASE_URL", "")
    source = Source(
        reached, "p", "app", "postgres:15", "", "postgres:15", ("p_default", "p_back"), ("db.example:10.0.0.1",)
    )
    body = one_off(source, {"migops.commands.backup": "{}"})
    assert (body["Image"], body["Entrypoint"], body["Labels"]) == (
        "postgres:15",
        ["sleep"],
        {"migops.commands.backup": "{}"},
    )
    assert body["HostConfig"]["NetworkMode"] == "p_default"
    assert body["HostConfig"]["ExtraHosts"] == ["db.example:10.0.0.1"]
    assert CANARY not in str(body), "the password is in the environment of what runs in it, not in the container's own"
    assert "NetworkMode" not in one_off(Source(reached, "p", "app", "x", image="x"), {})["HostConfig"]
