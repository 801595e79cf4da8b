"""Configuration files: Alembic's own reading option by option, with lines, and what it would die on."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.config import Config

from migops.core.errors import MigopsError
from migops.migrations.config import ConfigFile, parse_config
from migops.migrations.locate import ScriptPaths, locate

INI = "/app/alembic.ini"
TOML = "/app/pyproject.toml"


def paths(
    ini: str | None = None, toml: str | None = None, *there: str, cwd: str = "/app", **by_app: str
) -> ScriptPaths:
    exists = there.__contains__ if there else None
    parsed = parse_config(ini, INI) if ini is not None else None
    return locate(parsed, parse_config(toml, TOML) if toml else None, cwd=cwd, exists=exists, set_by_app=by_app)


def test_options_keep_their_lines() -> None:
    text = "# top\n[DEFAULT]\nx = 1\n\n[alembic]\n# c\nscript_location = %(here)s/m\nlong =\n  a\n  b\n"
    config = parse_config(text, INI)
    found = {name: (option.value, option.at.line) for name, option in config.options.items()}
    assert found == {"x": ("1", 3), "script_location": ("/app/m", 7), "long": ("\na\nb", 8)}


def test_one_bad_option_does_not_hide_the_others() -> None:
    text = "[alembic]\nscript_location = m\nversion_num_format = %04d\nsqlalchemy.url = pg://u:p%40ss@h/d\n"
    text += "a = %(nope)s\n"
    config = parse_config(text, INI)
    assert config.options["script_location"].value == "m"
    problems = [(each.rule, each.at.line) for each in config.problems()]
    assert problems == [("MIG501", 3), ("MIG501", 4), ("MIG501", 5)]
    said = " ".join(each.message + each.hint for each in config.problems()) + repr(config)
    assert "ss@h" not in said
    assert "no such option" in said


def test_a_hook_with_a_percent_sign_stops_every_command() -> None:
    config = parse_config("[alembic]\nscript_location = m\n[post_write_hooks]\nhooks = x\nx.options = %s\n", INI)
    assert [(each.rule, each.at.line) for each in config.problems()] == [("MIG501", 5)]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (b"x = 1\n", 1, "before the first [section]"),
        ("\ufeff[alembic]\n".encode(), 1, "byte order mark"),
        (b"[alembic]\na = 1\na = 2\n", 3, "set twice"),
        (b"[alembic]\n[alembic]\n", 2, "appears twice"),
        (b"[alembic]\njust words\n", 2, "neither"),
        (b"[alembic]\na = \xff\n", 2, "not UTF-8"),
    ],
)
def test_an_ini_that_is_none(text: bytes, line: int, words: str) -> None:
    with pytest.raises(MigopsError, match=words.replace("[", r"\[")) as error:
        parse_config(text, INI)
    assert error.value.at is not None
    assert (error.value.at.file, error.value.at.line) == (INI, line)


def test_a_pyproject_that_is_none() -> None:
    with pytest.raises(MigopsError, match="not valid TOML") as error:
        parse_config("[tool.alembic]\nx = \n", TOML)
    assert str(error.value.at) == f"{TOML}:2"
    with pytest.raises(MigopsError, match="not a table"):
        parse_config("[tool]\nalembic = 1\n", TOML)


def test_pyproject_values_and_lines() -> None:
    text = '[project]\nname = "x"\n\n[tool.alembic]\n# c\nscript_location = "%(here)s/m"\n'
    text += 'version_locations = ["a", "%(here)s/b"]\n'
    found = paths(None, text + "recursive_version_locations = true\nfile_template = '%(rev)s'\n")
    assert found.script_location == "/app/m"
    assert found.version_locations == ("/app/a", "/app/b")
    assert found.recursive is True
    assert str(found.at) == f"{TOML}:6"
    assert [(each.rule, each.at.line) for each in found.problems] == [("MIG501", 9)]


def test_the_ini_hides_what_pyproject_says() -> None:
    toml = '[tool.alembic]\nscript_location = "t"\nversion_locations = ["tv"]\nsourceless = true\n'
    found = paths("[alembic]\nscript_location = i\nversion_locations =\n", toml)
    assert (found.script_location, found.version_locations, found.sourceless) == ("/app/i", ("/app/tv",), True)
    assert paths("[alembic]\n", toml).script_location == "/app/t"


@pytest.mark.parametrize("name", ["alembic", "other", "DEFAULT", "absent"])
@pytest.mark.parametrize("default", [True, False])
def test_sections_are_alembics(tmp_path: Path, name: str, default: bool) -> None:
    text = ("[DEFAULT]\nscript_location = d\n" if default else "") + "[alembic]\n[other]\nscript_location = o\n"
    (tmp_path / "alembic.ini").write_text(text)
    real = Config(tmp_path / "alembic.ini", ini_section=name).get_alembic_option("script_location")
    found = locate(parse_config(text, str(tmp_path / "alembic.ini"), name), cwd="/w")
    assert found.script_location == (f"/w/{real}" if real else "")
    assert [each.rule for each in found.problems] == ([] if real else ["MIG502"])


def test_relative_to_where_alembic_is_started() -> None:
    assert paths("[alembic]\nscript_location = m\n", cwd="/elsewhere").script_location == "/elsewhere/m"
    assert parse_config("[alembic]\nx = %(here)s/m\n", "/alembic.ini").options["x"].value == "//m"
    at_root = parse_config("[alembic]\nscript_location = %(here)s/m\n", "/alembic.ini")
    assert locate(at_root, cwd="/").script_location == "/m"


def test_a_package_has_several_places_and_the_one_that_is_there_is_taken() -> None:
    ini = "[alembic]\nscript_location = pkg.sub:db/m\nprepend_sys_path = lib\npath_separator = os\n"
    assert paths(ini).search == ("/app/lib/pkg/sub/db/m", "/app/pkg/sub/db/m", "/app/src/pkg/sub/db/m")
    assert paths(ini).script_location == "/app/lib/pkg/sub/db/m"
    assert paths(ini, None, "/app/src/pkg/sub/db/m").script_location == "/app/src/pkg/sub/db/m"


def test_flask_migrates_ini_is_taken_for_its_folder_and_that_is_said() -> None:
    found = paths("[alembic]\n", None, "/app/env.py")
    assert (found.script_location, found.problems) == ("/app", ())
    assert "Flask-Migrate" in found.notes[0]
    moved = paths("[alembic]\nscript_location = /src/m\n", None, "/app/versions")
    assert moved.script_location == "/app"
    assert moved.notes[0].startswith("/src/m does not exist")


def test_options_that_the_application_sets_win() -> None:
    found = paths("[alembic]\nscript_location = m\npath_separator = space\n", version_locations="a b")
    assert found.version_locations == ("/app/a", "/app/b")
    assert locate(None, cwd="/app", set_by_app={"script_location": "pkg:m"}).script_location == "/app/pkg/m"


@pytest.mark.parametrize(
    ("ini", "line", "words"),
    [
        ("[alembic]\nscript_location = m\nversion_locations = a\npath_separator = comma\n", 4, "comma"),
        ("[core]\nscript_location = m\n", 0, "no section [alembic]"),
        ("[alembic]\n[core]\nscript_location = m\n[loggers]\nkeys = x\n", 0, "sets no script_location"),
    ],
)
def test_what_alembic_would_stop_at(ini: str, line: int, words: str) -> None:
    (problem,) = paths(ini).problems
    assert (problem.rule, problem.at.file, problem.at.line) == ("MIG502", INI, line)
    assert words in problem.message
    assert "loggers" not in problem.hint


def test_neither_file() -> None:
    found = locate(None, None, cwd="/app")
    assert found.script_location == ""
    assert [each.rule for each in found.problems] == ["MIG502"]


def test_true_is_spelt_in_one_way_only() -> None:
    def flag(ini: ConfigFile) -> bool:
        return locate(ini, cwd="/app").sourceless

    assert flag(parse_config("[alembic]\nscript_location = m\nsourceless = true\n", INI))
    assert not flag(parse_config("[alembic]\nscript_location = m\nsourceless = True\n", INI))
    assert paths(None, '[tool.alembic]\nscript_location = "m"\nsourceless = "true"\n').problems[0].rule == "MIG502"
