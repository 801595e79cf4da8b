"""The last line of doctor in projects without an engine: what it says to type can be typed, and does something."""

from __future__ import annotations

import shlex
from pathlib import Path

from tests.cases.shop import Shop
from tests.kit import example, git, migops

READY = "POSTGRES_USER: shop, POSTGRES_PASSWORD: s3kretX9, POSTGRES_DB: shop"
START = "#!/bin/sh\nset -e\nalembic upgrade head\nexec python main.py\n"


def last(folder: Path, *words: str) -> str:
    """What follows the word next, on one line."""
    found = migops("doctor", "--no-engine", *words, cwd=folder)
    return " ".join(found.stdout.partition("\nnext   ")[2].split())


def waiting(folder: Path) -> Path:
    """A project whose service does not wait until its server is healthy."""
    project = example("clean", folder)
    compose = project / "compose.yaml"
    compose.write_text(
        compose.read_text().replace("depends_on:\n      db:\n        condition: service_healthy", "depends_on: [db]")
    )
    return project


def test_the_safe_edits_can_be_made_without_an_engine_as_printed(tmp_path: Path) -> None:
    project = waiting(tmp_path)
    said = last(project)
    assert "`migops doctor --fix --no-engine app` edits what is safe (MIG801)" in said
    fixed = migops(*shlex.split(said.split("`")[1])[1:], "--yes", cwd=project)
    assert (fixed.code, "FIXED  1 finding" in fixed.stdout) == (0, True), fixed.stderr


def test_edits_are_not_promised_where_nothing_would_be_edited(tmp_path: Path) -> None:
    project = example("clean", tmp_path)
    (project / "start.sh").write_text(START)
    (project / "start.sh").chmod(0o755)
    docker = project / "Dockerfile"
    docker.write_text(docker.read_text().replace('CMD ["python", "main.py"]', 'CMD ["./start.sh"]'))
    found = migops("doctor", "--no-engine", cwd=project)
    assert "MIG602" in found.stdout
    assert "--fix" not in last(project)


def test_deleted_scripts_come_back_by_the_command_that_is_printed(tmp_path: Path) -> None:
    shop = Shop.at(tmp_path).line("a", "b").committed()
    for script in (shop.folder / "migrations/versions").glob("*.py"):
        script.unlink()
    program, *words = shlex.split(last(shop.folder))
    assert program == "git"
    assert "restore" in words
    git(shop.folder, *words)
    assert "no migration scripts" not in migops("doctor", "--no-engine", cwd=shop.folder).stdout


def test_without_any_script_the_first_revision_is_named(tmp_path: Path) -> None:
    project = example("clean", tmp_path)
    for script in (project / "migrations/versions").glob("*.py"):
        script.unlink()
    assert "migops alembic --service app revision --autogenerate -m 'first revision'" in last(project)


def test_an_engine_that_does_not_answer_is_what_is_to_be_mended(tmp_path: Path) -> None:
    project = example("clean", tmp_path)
    found = migops("doctor", cwd=project)
    assert found.code == 3
    assert "next   check that Docker is running" in found.stdout


def test_two_heads_through_a_missing_parent_are_folded_under_it(tmp_path: Path) -> None:
    shop = Shop.at(tmp_path).line("a", "b").revision("c", "nowhere").committed()
    found = migops("doctor", "--no-engine", cwd=shop.folder)
    assert "MIG302" in found.stdout
    assert "2 errors" in found.stdout
    assert "alembic" not in found.stdout.partition("\n  1  ")[2].replace("alembic.ini", ""), "no merge is to be typed"


def test_paths_of_the_project_are_relative_in_every_line(tmp_path: Path) -> None:
    shop = Shop.at(tmp_path).line("a")
    text = (shop.folder / "Dockerfile").read_text()
    (shop.folder / "Dockerfile").write_text(text + "RUN alembic upgrade head\n")
    found = migops("doctor", "--no-engine", cwd=shop.folder)
    assert "MIG107" in found.stdout
    assert f"{shop.folder}/" not in found.stdout.partition("not checked")[0]
