"""``migops graph`` as a user calls it."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from migops.cli.graph import graph
from migops.core.errors import MigopsError
from tests.kit import example, git, migops, repository

SCRIPT = '"""{message}\n\nRevises: nonsense\n"""\nrevision = {id!r}\ndown_revision = {down!r}\n'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a branch, a merge and a loose end, in the current folder."""
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = m\n")
    (tmp_path / "m" / "versions").mkdir(parents=True)
    for id_, down in [("a", None), ("b", "a"), ("c", "a"), ("d", ("b", "c")), ("e", "c")]:
        write(tmp_path, id_, down)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(project: Path, id_: str, down: object, message: str = "add a table") -> None:
    (project / "m" / "versions" / f"{id_}.py").write_text(SCRIPT.format(id=id_, down=down, message=message))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(graph, arguments, standalone_mode=False, catch_exceptions=False)


def test_json_is_the_written_contract(project: Path) -> None:
    result = run("--format", "json")
    answer = json.loads(result.output)
    assert list(answer)[:7] == [
        "schema", "script_location", "version_locations", "revisions", "heads", "bases", "problems",
    ]  # fmt: skip
    assert (answer["schema"], answer["script_location"], answer["version_locations"]) == (1, "m", ["m/versions"])
    assert sorted(answer["heads"]) == ["d", "e"]
    assert answer["bases"] == ["a"]
    merge = {"id": "d", "parents": ["b", "c"], "depends_on": [], "branch_labels": [], "path": "m/versions/d.py"}
    assert merge in answer["revisions"]
    assert [(each["rule"], each["file"], each["line"]) for each in answer["problems"]] == [
        ("MIG301", "m/versions/e.py", 5)
    ]
    assert result.return_value == 0


def test_text_draws_lanes(project: Path) -> None:
    (project / "m" / "versions" / "e.py").unlink()
    assert run().output.splitlines() == [
        "4 revisions in m/versions",
        "* d (head, merge) add a table",
        "├─┐",
        "* │ b add a table",
        "│ * c add a table",
        "├─┘",
        "* a (base, branch point) add a table",
    ]


def test_text_fits_80_columns_and_cannot_move_the_cursor(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    write(project, "f", "e", "x" * 200 + "\x1b[2J")
    write(project, "g", "e", "\x1b[2J")
    lines = run().output.splitlines()
    assert max(map(len, lines[:9])) == 80
    assert "\x1b" not in run().output


def test_broken_histories_are_drawn_too(project: Path) -> None:
    write(project, "x", "gone")
    write(project, "y", "z")
    write(project, "z", "y")
    result = run()
    assert "x (head, parent 'gone' is missing)" in result.output
    assert {"MIG302 m/versions/x.py:6", "MIG304 m/versions/z.py:6"} & set(result.output.splitlines())
    assert sum(line.count("*") for line in result.output.splitlines() if line[:1] in "*│├ ") >= 8


def test_mermaid(project: Path) -> None:
    write(project, "x", "gone", 'say "hi" <b>')
    text = run("--format", "mermaid").output
    assert text.startswith("flowchart BT\n")
    assert "say #quot;hi#quot; #lt;b#gt;" in text
    assert "gone (missing)" in text
    assert text.count("-->") == 6


def test_problems_change_the_exit_code_only_on_request(project: Path) -> None:
    assert run().return_value == 0
    assert run("--fail-on", "error").return_value == 1
    (project / "m" / "versions" / "e.py").unlink()
    assert run("--fail-on", "info").return_value == 0


def test_nothing_to_draw_is_never_clean(project: Path) -> None:
    for path in (project / "m" / "versions").iterdir():
        path.unlink()
    result = run()
    assert result.return_value == 3
    assert "MIG305" in result.output
    (project / "m" / "versions").rmdir()
    (project / "m").rmdir()
    assert run().return_value == 3
    assert "MIG502 alembic.ini:2" in run().output


def test_bad_input_names_the_file(project: Path) -> None:
    with pytest.raises(MigopsError, match="no such file") as error:
        run("--config", "nope.ini")
    assert error.value.at is not None
    assert error.value.at.file == "nope.ini"
    (project / "alembic.ini").write_text("nonsense\n")
    with pytest.raises(MigopsError, match="before the first"):
        run()
    (project / "alembic.ini").unlink()
    with pytest.raises(MigopsError, match=r"neither an alembic\.ini"):
        run()


def test_options_of_the_application(project: Path) -> None:
    (project / "alembic.ini").unlink()
    assert run("--set", "script_location=m").return_value == 0
    with pytest.raises(MigopsError, match="OPTION=VALUE"):
        run("--set", "script_location")


def test_pyproject_and_a_section(project: Path) -> None:
    (project / "alembic.ini").unlink()
    (project / "pyproject.toml").write_text('[tool.alembic]\nscript_location = "%(here)s/m"\n')
    assert run().return_value == 0
    (project / "conf").mkdir()
    (project / "conf" / "a.ini").write_text("[core]\nscript_location = %(here)s/../m\n")
    (project / "pyproject.toml").unlink()
    assert run("-c", "conf/a.ini", "-n", "core").return_value == 0
    assert run("-c", "conf/a.ini").return_value == 3


def test_a_services_graph_is_the_one_of_its_configuration(tmp_path: Path) -> None:
    project = example("stale-image", tmp_path)
    found = migops("graph", "-f", "docker-compose.prod.yml", "app", "--format", "json", cwd=project)
    assert found.code == 0, found.stderr
    assert found.json["heads"] == ["8bd76168eb7e"]
    assert found.json["script_location"] == "app/src/infrastructure/database/migrations"
    assert migops("graph", "-f", "docker-compose.prod.yml", "web", cwd=project).code == 2


def test_a_services_graph_where_the_configuration_names_a_path_of_the_container(tmp_path: Path) -> None:
    project = example("clean", tmp_path)
    ini = project / "alembic.ini"
    ini.write_text(ini.read_text().replace("script_location = migrations", "script_location = /app/migrations"))
    found = migops("graph", "app", "--format", "json", cwd=project)
    assert found.code == 0, found.stderr
    assert (found.json["heads"], found.json["problems"]) == (["a94d5e61c8f3"], [])


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The clean example in git, with a revision that is not committed, one that only HEAD has, and an edited one."""
    folder = example("clean", tmp_path)
    versions = folder / "migrations/versions"
    (versions / "b7_add.py").write_text(SCRIPT.format(message="Add a shelf", id="b7", down=SECOND))
    repository(folder)
    git(folder, "branch", "-q", "-M", "main")
    (versions / "b7_add.py").unlink()
    (versions / "c1_add.py").write_text(SCRIPT.format(message="Add a shop window " + "x" * 90, id="c1", down=SECOND))
    price = versions / f"{SECOND}_add_price.py"
    price.write_text(price.read_text().replace("price", "cost"))
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection:
        connection.executescript(
            f"CREATE TABLE alembic_version (version_num VARCHAR(32));INSERT INTO alembic_version VALUES ('{SECOND}');"
        )
    return folder


FIRST, SECOND = "3f1c0a7be210", "a94d5e61c8f3"


def marked(shop: Path, *more: str, columns: int = 80) -> str:
    given = ("graph", "app", "--no-engine", "--database-url", "sqlite:///../shop.db", *more)
    found = migops(*given, cwd=shop, env={"DOCKER_HOST": "unix:///nowhere", "COLUMNS": str(columns)})
    assert found.code == 0, found.stderr
    return found.stdout


@pytest.mark.parametrize("columns", [80, 120])
def test_with_a_service_each_revision_is_marked(shop: Path, columns: int) -> None:
    """Read the golden files: this is what a person sees. UPDATE_GOLDEN=1 writes them."""
    text = marked(shop, columns=columns)
    assert max(map(len, text.splitlines())) <= columns
    path = Path(__file__).parents[1] / "output" / "golden" / f"graph-{columns}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()


def test_marks_as_data(shop: Path) -> None:
    found = json.loads(marked(shop, "--format", "json"))
    keys = ("places", "changed_in", "applied", "current")
    told = {each["id"]: tuple(each[key] for key in keys) for each in found["revisions"]}
    here, gone = {"git": False, "host": True, "context": True}, {"git": True, "host": False, "context": False}
    both = {"git": True, "host": True, "context": True}
    assert told == {
        FIRST: (both, [], True, False), SECOND: (both, ["git"], True, True),
        "b7": (gone, [], False, False), "c1": (here, [], False, False),
    }  # fmt: skip
    assert (found["current"], found["pending"], sorted(found["heads"])) == ([SECOND], ["c1"], ["b7", "c1"])
    assert {each["place"]: each["status"] for each in found["places"]} == {
        "git": "read", "host": "read", "context": "read", "image": "not-asked", "database": "read",
    }  # fmt: skip


def test_marks_in_mermaid(shop: Path) -> None:
    text = marked(shop, "--format", "mermaid")
    assert f'"{FIRST}: Create product<br/>applied"]:::applied' in text
    assert "]:::current\n" in text
    assert "classDef pending" in text


def test_what_cannot_be_read_is_said_and_the_rest_drawn(shop: Path) -> None:
    found = migops("graph", "app", cwd=shop)
    assert found.code == 0, found.stderr
    text = " ".join(found.stdout.split())
    assert "image unknown: cannot reach Docker" in text
    assert "database unknown: db is the service db" in text
    assert "g * " in found.stdout or "gH * " in found.stdout


def test_options_about_places_need_a_service(project: Path) -> None:
    for given in (("--no-engine",), ("--database-url", "sqlite://"), ("--wait", "1"), ("--timeout", "2")):
        refused = migops("graph", *given, cwd=project)
        assert (refused.code, "needs a SERVICE" in refused.stderr) == (2, True)
    said = migops("graph", cwd=project, env={"MIGOPS_NO_ENGINE": "1", "MIGOPS_DATABASE_URL": "sqlite://"})
    assert said.code == 0, "what the environment says is for all commands"
