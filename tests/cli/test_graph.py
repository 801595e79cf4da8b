"""``migops graph`` as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from migops.cli.graph import graph
from migops.errors import MigopsError
from tests.kit import example, migops

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
    with pytest.raises(MigopsError, match="there is no such file") as error:
        run("--config", "nope.ini")
    assert error.value.at is not None
    assert error.value.at.file == "nope.ini"
    (project / "alembic.ini").write_text("nonsense\n")
    with pytest.raises(MigopsError, match="before the first"):
        run()
    (project / "alembic.ini").unlink()
    with pytest.raises(MigopsError, match=r"no alembic\.ini"):
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
