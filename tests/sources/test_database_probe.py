"""The script that asks from inside a container, run by a Python that is here, in an environment of its own."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from migops.sources import database_probe

SCRIPT = Path(database_probe.__file__).read_text()
CANARY = "kAn4ry-s3cret"


def probe(cwd: Path, *options: str, **asked: Any) -> tuple[int, dict[str, Any] | None]:
    question = {
        "url": "", "dialect": "sqlite", "file": "", "table": "alembic_version", "schema": "", "timeout": 20.0,
        "lock": 0.2, "relations": "", "servers": {}, **asked,
    }  # fmt: skip
    done = subprocess.run(
        (sys.executable, *options, "-B", "-c", SCRIPT), cwd=cwd, capture_output=True, text=True, check=False,
        env={database_probe.ASKED: json.dumps(question), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    answers = [line for line in done.stdout.splitlines() if line.startswith(database_probe.MARK)]
    assert CANARY not in done.stderr
    return done.returncode, json.loads(answers[-1][len(database_probe.MARK) :]) if answers else None


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "it's a shop?.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE product (id INTEGER PRIMARY KEY AUTOINCREMENT)")
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.execute("INSERT INTO alembic_version VALUES ('b7')")
    return path


def test_a_file_is_read_and_left_as_it_was(shop: Path) -> None:
    before = {path: path.read_bytes() for path in shop.parent.iterdir()}
    code, found = probe(shop.parent, file=shop.name)
    assert (code, found and found["rows"]) == (0, ["b7"])
    assert found is not None
    assert sorted(name for _, name, _ in found["tables"]) == ["alembic_version", "product"]
    assert found["server"].startswith("SQLite 3.")
    assert {path: path.read_bytes() for path in shop.parent.iterdir()} == before
    assert probe(shop.parent, file=shop.name, table="other")[1] == {**found, "rows": []}


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert probe(tmp_path, file="none.db") == (0, {"absent": str(tmp_path / "none.db")})
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "shop.db").write_text("hello " * 1000)
    found = probe(tmp_path, file="shop.db")[1]
    assert found == {"error": "file is not a database"}


def test_nothing_of_the_current_folder_is_imported(shop: Path) -> None:
    """The current folder is the application: a json.py there would be run."""
    for name in ("json", "sqlite3", "signal", "sqlalchemy"):
        (shop.parent / f"{name}.py").write_text("open('canary', 'w')\nraise SystemExit(99)\n")
    code, found = probe(shop.parent, file=shop.name)
    assert (code, found and found["rows"]) == (0, ["b7"])
    assert not (shop.parent / "canary").exists()
    assert not (shop.parent / "__pycache__").exists()


def test_through_sqlalchemy(shop: Path) -> None:
    """What runs for servers, on a dialect that needs none."""
    shop = shop.rename(shop.with_name("shop.db"))
    code, found = probe(shop.parent, dialect="other", url=f"sqlite:///{shop}")
    assert (code, found and found["rows"]) == (0, ["b7"]), found


def test_a_python_without_sqlalchemy_says_so(tmp_path: Path) -> None:
    assert probe(tmp_path, "-S", dialect="postgresql", url="postgresql://u@h/d") == (0, {"missing": "sqlalchemy"})


def test_a_driver_that_is_not_there_is_named(tmp_path: Path) -> None:
    code, found = probe(tmp_path, dialect="postgresql", url="postgresql+pg8000://u:p@127.0.0.1:1/d")
    assert code == 0
    assert found is not None
    assert "pg8000" in found["error"]


def test_a_url_without_a_driver_takes_one_that_is_installed(tmp_path: Path) -> None:
    code, found = probe(tmp_path, dialect="postgresql", url=f"postgresql://u:{CANARY}@127.0.0.1:1/d")
    assert code == 0
    assert found is not None
    assert "refused" in found["error"]


def test_a_server_that_never_answers_ends_with_the_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql+psycopg://u:{CANARY}@127.0.0.1:{silent.getsockname()[1]}/d"
        code, found = probe(tmp_path, dialect="postgresql", url=url, timeout=1.0)
    assert (code, found) == (-14, None)
