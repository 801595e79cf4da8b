"""Several sections of one ini: each is a history of its own, and all are told together."""

from __future__ import annotations

from pathlib import Path

import pytest

from migops.migrations.sections import histories
from tests.cli.test_first_command import APP, DOCKERFILE, SCRIPT, project, write
from tests.kit import Result, migops

ONE = "[one]\nscript_location = migrations/one\n"
TWO = "[two]\nscript_location = migrations/two\n"
MAIN = "[alembic]\nscript_location = migrations\n"


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        (ONE + TWO, ("one", "two")),
        (MAIN + TWO, ("alembic", "two")),
        (f"{MAIN}[engine1]\nsqlalchemy.url = sqlite://\n", ()),  # databases of one history
        (ONE, ("one",)),
        (MAIN, ()),
        ("[DEFAULT]\nscript_location = m\n[alembic]\n[prod]\nsqlalchemy.url = sqlite://\n", ()),
        (f"{MAIN}[prod]\nscript_location = migrations\nsqlalchemy.url = sqlite://\n", ()),  # one history, two URLs
        ("[dev]\nscript_location = m\n[prod]\nscript_location = m\n", ()),  # nothing says which database is meant
        ("[DEFAULT]\nscript_location = m\n[a]\nversion_locations = m/a\n[b]\nversion_locations = m/b\n", ("a", "b")),
        (f"[alembic]\nfile_template = x\n{ONE}{TWO}", ("one", "two")),  # [alembic] has only what all have in common
        (f"{MAIN}# script_location = other\n[logger_root]\nlevel = WARN\n", ()),
        ("no section\n", ()),
    ],
)
def test_which_sections_are_histories(text: str, sections: tuple[str, ...]) -> None:
    assert histories(text) == sections


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A project whose configuration has two histories; the build leaves the scripts of the second one out."""
    files = {"compose.yaml": APP, "alembic.ini": ONE + TWO, ".dockerignore": "migrations/two/versions\n"}
    for name, revision in (("one", "a1"), ("two", "b1")):
        files[f"migrations/{name}/env.py"] = ""
        files[f"migrations/{name}/versions/{revision}.py"] = SCRIPT.replace("a1", revision)
    write(tmp_path, {"Dockerfile": DOCKERFILE, **files})
    return tmp_path


def call(folder: Path, command: str, *arguments: str) -> Result:
    return migops(command, "--no-engine", *arguments, cwd=folder)


@pytest.mark.parametrize("command", ["check-image", "doctor"])
def test_all_are_told_together(two: Path, command: str) -> None:
    found = call(two, command)
    assert found.code == 1, found.stdout + found.stderr
    first, _, second = found.stdout.partition("section two\n")
    assert first.startswith("section one\nCLEAN  app: ")
    assert second.startswith("FINDINGS  app: 1 error")
    assert "b1" in second
    assert "b1" not in first
    document = call(two, command, "--format", "json").json
    assert document["verdict"] == "findings"
    assert [(each["section"], each["verdict"]) for each in document["sections"]] == [
        ("one", "clean"),
        ("two", "findings"),
    ]
    assert document["findings"] == [finding for each in document["sections"] for finding in each["findings"]]


def test_a_printed_command_names_the_section(two: Path) -> None:
    (two / ".dockerignore").unlink()
    (two / "migrations/two/versions/b2.py").write_text(SCRIPT.replace("a1", "b2"))
    merge = "migops alembic --service app -n two merge -m 'merge heads' b1 b2"
    assert merge in " ".join(call(two, "doctor").stdout.split())
    assert merge in " ".join(call(two, "doctor", "--name", "two").stdout.split())


def test_status_shows_each(two: Path) -> None:
    found = call(two, "status")
    assert found.code == 0
    assert found.stdout.index("section one") < found.stdout.index("a1") < found.stdout.index("section two")
    assert [each["section"] for each in call(two, "status", "--format", "json").json["sections"]] == ["one", "two"]


def test_a_diagram_is_of_one(two: Path) -> None:
    found = call(two, "status", "--format", "mermaid")
    assert found.code == 2
    assert "migops status --name one --no-engine --format mermaid; or " in found.stderr
    assert call(two, "status", "--format", "mermaid", "--name", "one").code == 0


@pytest.mark.parametrize("name", ["one", "two"])
def test_a_named_section_is_judged_alone(two: Path, name: str) -> None:
    found = call(two, "check-image", "--name", name, "--format", "json")
    assert "sections" not in found.json
    assert found.json["verdict"] == ("clean" if name == "one" else "findings")
    (two / "compose.yaml").write_text(f"{APP}    x-migops: {{name: {name}}}\n")
    assert call(two, "check-image", "--format", "json").json["verdict"] == found.json["verdict"]


def test_the_section_that_the_start_names_is_judged_alone(two: Path) -> None:
    (two / "compose.yaml").write_text(f"{APP}    command: alembic -n one upgrade head\n")
    assert "sections" not in call(two, "check-image", "--format", "json").json


def test_a_command_for_one_history_names_the_sections(two: Path) -> None:
    found = migops("graph", "app", "--no-engine", cwd=two)
    assert found.code == 2
    assert "name one of its histories: --name one" in found.stderr


def test_what_flask_migrate_reads_is_one_history(tmp_path: Path) -> None:
    ini = f"[alembic]\nsqlalchemy.url = sqlite://\n{ONE}{TWO}"
    folder = project(tmp_path, {"compose.yaml": APP, "migrations/alembic.ini": ini})
    (folder / "alembic.ini").unlink()
    assert "sections" not in call(folder, "check-image", "--format", "json").json


def test_the_only_section_needs_no_name(tmp_path: Path) -> None:
    folder = project(tmp_path, {"compose.yaml": APP, "alembic.ini": "[app]\nscript_location = migrations\n"})
    assert call(folder, "check-image", "--format", "json").json["verdict"] == "clean"
    assert call(folder, "check-image", "--context", ".").code == 0


def test_a_start_migrates_one_of_them(two: Path) -> None:
    start = 'CMD ["sh", "-c", "alembic upgrade head && shop"]\n'
    write(two, {"alembic.ini": ONE.replace("[one]", "[alembic]") + TWO, "Dockerfile": DOCKERFILE + start})
    first, _, second = call(two, "doctor").stdout.partition("section two\n")
    assert "app migrates at every start" in first
    assert "FINDINGS  app: " in second
    assert "migrates at every start" not in second
