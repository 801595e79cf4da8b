"""status as a command, on image archives and SQLite files: no engine is reachable in any of these tests."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.kit import Result, example, git, migops, repository, write_image

GOLDEN = Path(__file__).parents[1] / "output" / "golden"
SECRET = "kAn4ry-s3cret"
VERSIONS = "migrations/versions"
FIRST, SECOND = "3f1c0a7be210", "a94d5e61c8f3"


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """The clean example in git, and its image as an archive beside it."""
    project = repository(example("clean", tmp_path))
    write_image(tmp_path / "app.tar", {"/app": project})
    return project


def database(folder: Path, *rows: str, tables: bool = True, version_table: bool = True) -> str:
    """An SQLite database, and its URL."""
    path = folder / "shop.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        if tables:
            connection.execute("CREATE TABLE product (id INTEGER)")
        if version_table:
            connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        if rows:
            connection.executemany("INSERT INTO alembic_version VALUES (?)", [(row,) for row in rows])
    return f"sqlite:///{path}"


def status(project: Path, url: str, *more: str | Path) -> Result:
    image = ("--image", "docker-archive:../app.tar")
    return migops("status", *image, "--database-url", url, *more, "--format", "json", cwd=project)


def revision(project: Path, name: str, parent: str) -> None:
    text = f'"""Add {name}"""\nrevision = "{name}"\ndown_revision = "{parent}"\n'
    (project / VERSIONS / f"{name}_add.py").write_text(text)


def test_the_document_is_the_contract(clean: Path, tmp_path: Path) -> None:
    revision(clean, "b7", SECOND)
    found = status(clean, database(tmp_path, FIRST)).json
    assert list(found) == [
        "schema", "command", "verdict", "target", "revisions", "heads", "current", "pending", "against", "state",
        "database", "places", "findings", "skipped", "deselected", "silenced", "missing", "warnings",
    ]  # fmt: skip
    assert found["schema"] == 1
    assert found["verdict"] == "findings"
    assert list(found["findings"][0]) == [
        "rule", "name", "severity", "link", "subject", "message", "cause", "facts", "remedy",
    ]  # fmt: skip
    assert found["revisions"] == [
        {
            "id": FIRST, "message": "Create product", "parents": [], "applied": True,
            "places": {"git": True, "host": True, "context": True, "image": True},
        },
        {
            "id": SECOND, "message": "Add product.price", "parents": [FIRST], "applied": False,
            "places": {"git": True, "host": True, "context": True, "image": True},
        },
        {
            "id": "b7", "message": "Add b7", "parents": [SECOND], "applied": False,
            "places": {"git": False, "host": True, "context": True, "image": False},
        },
    ]  # fmt: skip
    assert found["heads"] == {"git": [SECOND], "host": ["b7"], "context": ["b7"], "image": [SECOND]}
    assert found["current"] == [FIRST]
    assert found["pending"] == [SECOND], "what the image would run, not what the host has beside it"
    assert [each["rule"] for each in found["findings"]] == ["MIG002", "MIG402", "MIG701"]
    assert found["skipped"] == []
    assert found["missing"] == []


@pytest.mark.parametrize(
    ("rows", "word", "pending", "rule"),
    [
        ((SECOND,), "up to date", [], None),
        ((FIRST,), "behind", [SECOND], "MIG402"),
        ((), "no version", None, "MIG401"),
        (("ffff",), "unknown revision", None, "MIG404"),
        ((FIRST, SECOND), "up to date", [], "MIG405"),
    ],
)
def test_states(
    clean: Path, tmp_path: Path, rows: tuple[str, ...], word: str, pending: list[str] | None, rule: str | None
) -> None:
    found = status(clean, database(tmp_path, *rows))
    assert found.code == 0, found.stderr
    assert (found.json["state"], found.json["pending"], found.rules) == (word, pending, [rule] if rule else [])


def test_a_fresh_database_has_everything_pending_and_no_finding(clean: Path, tmp_path: Path) -> None:
    found = status(clean, database(tmp_path, tables=False, version_table=False))
    assert (found.json["state"], found.json["pending"], found.rules) == ("fresh", [FIRST, SECOND], [])
    assert found.json["current"] == []


def test_ahead(clean: Path, tmp_path: Path) -> None:
    revision(clean, "b7", SECOND)
    found = status(clean, database(tmp_path, "b7"))
    assert (found.json["state"], found.rules) == ("ahead", ["MIG002", "MIG403", "MIG701"])
    assert [row["applied"] for row in found.json["revisions"]] == [True, True, True]


def test_a_revision_that_only_the_database_speaks_of_has_a_row(clean: Path, tmp_path: Path) -> None:
    last = status(clean, database(tmp_path, "ffff")).json["revisions"][-1]
    assert (last["id"], last["applied"], set(last["places"].values())) == ("ffff", True, {False})


@pytest.mark.parametrize(
    ("rows", "level", "code"),
    [((SECOND,), "info", 0), ((FIRST,), "error", 0), ((FIRST,), "warning", 1), (("ffff",), "error", 1)],
)
def test_exit_codes_for_scripts(clean: Path, tmp_path: Path, rows: tuple[str, ...], level: str, code: int) -> None:
    assert status(clean, database(tmp_path, *rows), "--fail-on", level).code == code


def test_a_database_that_cannot_be_asked_is_shown_and_is_no_verdict(clean: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/none/shop.db"
    found = status(clean, url)
    assert found.code == 0
    assert found.json["verdict"] == "unknown"
    assert (found.json["current"], found.json["pending"]) == (None, None)
    assert {row["applied"] for row in found.json["revisions"]} == {None}
    assert found.json["heads"]["image"] == [SECOND]
    assert status(clean, url, "--fail-on", "error").code == 3


def test_an_image_that_cannot_be_read_is_shown_and_the_host_stands_in(clean: Path, tmp_path: Path) -> None:
    given = ("--database-url", database(tmp_path, FIRST), "--format", "json")
    found = migops("status", *given, cwd=clean)  # the service's image, of an engine that does not answer
    assert (found.code, found.json["against"], found.json["pending"]) == (0, "host", [SECOND])
    assert migops("status", *given, "--fail-on", "error", cwd=clean).code == 3


def test_without_an_engine(clean: Path, tmp_path: Path) -> None:
    url = database(tmp_path, FIRST)
    given = ("--no-engine", "--database-url", url, "--fail-on", "warning", "--format", "json")
    found = migops("status", *given, cwd=clean)
    assert (found.code, found.json["pending"], found.rules) == (1, [SECOND], ["MIG402"])


def test_the_services_own_url_through_a_bind_mount(clean: Path) -> None:
    (clean / "data").mkdir()
    database(clean / "data", FIRST)
    (clean / "compose.yaml").write_text(
        "services:\n  app:\n    build: .\n    volumes: [./data:/app/data]\n"
        "    environment: {DATABASE_URL: 'sqlite+aiosqlite:///data/shop.db'}\n"
    )
    found = migops("status", "--image", "docker-archive:../app.tar", "--format", "json", cwd=clean)
    assert found.json["current"] == [FIRST], found.json["missing"]
    assert found.json["database"]["url_from"].endswith("compose.yaml:5")


def test_the_images_env(clean: Path, tmp_path: Path) -> None:
    (clean / "data").mkdir()
    database(clean / "data", FIRST)
    write_image(tmp_path / "app.tar", {"/app": clean}, config={"Env": ["DATABASE_URL=sqlite:////srv/data/shop.db"]})
    (clean / "compose.yaml").write_text("services:\n  app:\n    build: .\n    volumes: [./data:/srv/data]\n")
    found = migops("status", "--image", "docker-archive:../app.tar", "--format", "json", cwd=clean)
    assert found.json["current"] == [FIRST], found.json["missing"]
    assert found.json["database"]["url_from"] == "DATABASE_URL, ENV of the image"


def test_settings_of_the_service(clean: Path) -> None:
    with closing(sqlite3.connect(clean / "shop.db")) as connection, connection:
        connection.execute("CREATE TABLE revisions (version_num VARCHAR(32))")
        connection.execute("INSERT INTO revisions VALUES (?)", (SECOND,))
    (clean / "compose.yaml").write_text(
        "services:\n  app:\n    build: .\n    volumes: ['.:/app']\n"
        "    x-migops: {database-url: 'sqlite:///shop.db', version-table: revisions}\n"
    )
    found = migops("status", "--image", "docker-archive:../app.tar", "--format", "json", cwd=clean)
    assert found.json["current"] == [SECOND], found.json["missing"]


def test_a_url_that_is_none_is_named_by_where_it_stands(clean: Path) -> None:
    (clean / "compose.yaml").write_text(
        f"services:\n  app:\n    build: .\n    environment: {{DATABASE_URL: 'postgresql://u:{SECRET}:p@h:x/d'}}\n"
    )
    found = migops("status", "--image", "docker-archive:../app.tar", "--format", "json", cwd=clean)
    assert "compose.yaml:4 is not a database URL" in found.json["missing"][0]
    assert SECRET not in found.stdout + found.stderr


def test_a_git_that_has_less_than_the_host(clean: Path, tmp_path: Path) -> None:
    git(clean, "rm", "-q", "--cached", f"{VERSIONS}/{SECOND}_add_price.py")
    git(clean, "commit", "-q", "-m", "forget it")
    found = status(clean, database(tmp_path, SECOND)).json
    assert found["heads"]["git"] == [FIRST]
    assert [row["places"]["git"] for row in found["revisions"]] == [True, False]


def test_a_configuration_that_is_not_committed_hides_nothing(clean: Path, tmp_path: Path) -> None:
    git(clean, "rm", "-q", "--cached", "alembic.ini")
    git(clean, "commit", "-q", "-m", "forget it")
    assert status(clean, database(tmp_path, SECOND)).json["heads"]["git"] == [SECOND]


def test_what_the_database_says_cannot_move_the_cursor(clean: Path, tmp_path: Path) -> None:
    given = ("--image", "docker-archive:../app.tar", "--database-url", database(tmp_path, "\x1b[2J\u202e"))
    for view in ("text", "json", "mermaid"):
        text = migops("status", *given, "-v", "--format", view, cwd=clean).stdout
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "x1b[2J" in text or "u001b[2J" in text


def test_two_scripts_of_one_id_are_one_row(clean: Path, tmp_path: Path) -> None:
    script = clean / VERSIONS / f"{SECOND}_add_price.py"
    (clean / VERSIONS / f"{SECOND}_copy.py").write_bytes(script.read_bytes())
    write_image(tmp_path / "app.tar", {"/app": clean})
    found = status(clean, database(tmp_path, SECOND))
    assert [row["id"] for row in found.json["revisions"]] == [FIRST, SECOND]
    assert "MIG303" in found.rules


def test_how_alembic_is_called_there(clean: Path, tmp_path: Path) -> None:
    compose = "services:\n  app:\n    build: .\n    x-migops: {alembic: python -m alembic}\n"
    (clean / "compose.yaml").write_text(compose)
    found = migops(
        "status", "--no-engine", "--database-url", database(tmp_path, FIRST), "--format", "json", cwd=clean
    ).json["findings"][0]
    assert "`python -m alembic upgrade head` where it can reach" in found["remedy"][-1]["why"]


def test_without_git_the_column_is_left_out(tmp_path: Path) -> None:
    project = example("clean", tmp_path)
    write_image(tmp_path / "app.tar", {"/app": project})
    found = status(project, database(tmp_path, SECOND)).json
    assert "git" not in found["heads"]
    assert next(place for place in found["places"] if place["place"] == "git")["status"] == "absent"


def test_mermaid(clean: Path, tmp_path: Path) -> None:
    revision(clean, "b7", SECOND)
    given = ("--image", "docker-archive:../app.tar", "--database-url", database(tmp_path, FIRST))
    text = migops("status", *given, "--format", "mermaid", cwd=clean).stdout
    assert text.startswith("flowchart BT\n")
    assert f'"{FIRST}: Create product<br/>current"' in text
    assert f'"{SECOND}: Add product.price<br/>pending"' in text
    assert '"b7: Add b7<br/>in host context, not in git image"' in text


def test_quiet_is_one_line(clean: Path, tmp_path: Path) -> None:
    given = ("--image", "docker-archive:../app.tar", "--database-url", database(tmp_path, FIRST), "-q")
    text = migops("status", *given, cwd=clean).stdout
    assert text.strip() == "BEHIND  app: the database is 1 revision behind the image (1 warning)"


def headline(project: Path, url: str) -> str:
    found = migops("status", "--image", "docker-archive:../app.tar", "--database-url", url, cwd=project)
    return found.stdout.partition("\n")[0]


def test_the_headline_is_no_better_than_what_stands_below(clean: Path, tmp_path: Path) -> None:
    url = database(tmp_path, SECOND)
    assert headline(clean, url) == "UP TO DATE  app: the database has every revision of the image"
    revision(clean, "b7", SECOND)  # MIG002: the image lacks it
    assert headline(clean, url).startswith("FINDINGS  app: 1 error, 1 warning; the database has every revision of the ")
    (tmp_path / "behind").mkdir()
    assert headline(clean, database(tmp_path / "behind", FIRST)).startswith("BEHIND  app: ")


@pytest.mark.parametrize("count", [3, 150])
def test_text_at_80_columns(clean: Path, tmp_path: Path, count: int) -> None:
    """Read the golden files: this is what a person sees."""
    for number in range(count - 2):
        revision(clean, f"r{number:03}", f"r{number - 1:03}" if number else SECOND)
    git(clean, "add", VERSIONS)
    git(clean, "commit", "-q", "--allow-empty", "-m", "more")
    write_image(tmp_path / "app.tar", {"/app": clean})
    revision(clean, "new", f"r{count - 3:03}")
    git(clean, "add", VERSIONS)
    git(clean, "commit", "-q", "-m", "one more")
    url = database(tmp_path, f"r{count // 2 - 2:03}" if count > 3 else FIRST)
    given = ("--image", "docker-archive:../app.tar", "--database-url", url)
    found = migops("status", *given, cwd=clean, env={"DOCKER_HOST": "unix:///nowhere", "COLUMNS": "80"})
    assert found.code == 0, found.stderr
    text = _steady(found.stdout)
    assert max(len(line) for line in text.split("\n")) <= 80
    assert len(text.split("\n")) < 80
    path = GOLDEN / f"status-{count}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()
    whole = migops("status", *given, "-v", cwd=clean, env={"DOCKER_HOST": "unix:///nowhere", "COLUMNS": "80"})
    assert all(f"r{number:03}" in whole.stdout for number in range(count - 2))


def _steady(text: str) -> str:
    """Without what differs from run to run: what is said of the database, which has the folder of the test in it."""
    before, _, after = text.partition("\n  database  ")
    return f"{before}\n  database  …\n\n{after.partition(chr(10) * 2)[2]}"


def test_waiting_for_what_never_comes_ends(clean: Path, tmp_path: Path) -> None:
    found = status(clean, "postgresql://u:p@127.0.0.1:1/d", "--wait", "0.2", "--fail-on", "error")
    assert found.code == 3
    assert "refused" in found.json["missing"][0]


def test_nothing_heavy_is_imported_before_it_is_needed(clean: Path) -> None:
    """--help and --no-engine without a URL must not pay for SQLAlchemy."""
    script = (
        "import sys; from migops.cli.main import run; run(['status', '--no-engine', '--format', 'json']);"
        "sys.exit(','.join(m for m in ('sqlalchemy', 'psycopg', 'rich', 'alembic') if m in sys.modules))"
    )
    (clean / "compose.yaml").write_text("services:\n  app:\n    build: .\n")
    done = subprocess.run((sys.executable, "-c", script), cwd=clean, capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
    assert '"revisions"' in done.stdout


def test_drift_is_asked_for_by_name_and_needs_an_engine(clean: Path) -> None:
    for given, words in (
        (("--select", "MIG407"), "MIG407 needs --drift"),
        (("--drift", "--no-engine"), "cannot be combined"),
    ):
        for command in ("status", "doctor"):
            refused = migops(command, *given, cwd=clean)
            assert (refused.code, words in refused.stderr) == (2, True), refused.stderr


def test_drift_that_must_not_be_asked_is_skipped_with_the_reason(clean: Path, tmp_path: Path) -> None:
    found = status(clean, database(tmp_path, SECOND), "--drift", "--select", "MIG407")
    assert found.code == 0
    assert [each["reason"] for each in found.json["skipped"]] == [
        "with --database-url, `alembic check` would still check the service's own database"
    ]
