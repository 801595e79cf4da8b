"""What the first command says in projects of public shapes; where it refuses, its printed command answers."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.first_contact import projects
from tests.first_contact.projects import Files
from tests.kit import Result, migops, repository

FIRST = "migops doctor --no-engine"
SAME = "CLEAN  {}: same migrations in git, host, context"


def checkout(folder: Path, files: Files) -> Path:
    """The files as a git repository with one commit."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return repository(folder)


def typed(command: str, folder: Path) -> Result:
    """The command typed in the folder."""
    return migops(*shlex.split(command)[1:], cwd=folder)


def printed(refused: Result) -> str:
    """The first command that a refusal prints."""
    assert refused.code == 2, refused.stdout + refused.stderr
    hint = refused.stderr.rpartition("error: ")[2].partition("  try: ")[2].splitlines()[0]
    commands = [part for part in re.split(r"; or |, or |: ", hint) if part.startswith("migops ")]
    assert commands, refused.stderr
    return commands[0]


def verdict(found: Result) -> tuple[int, str, list[str]]:
    """Exit code, the verdict's line without its counts, and the rules that were found."""
    line = found.stdout.splitlines()[0] if found.stdout else found.stderr
    rules = re.findall(r"(?m)^ *(?:error |warning |info +|\d+  edit \S+ \()?(MIG\d{3})\b", found.stdout)
    return found.code, line.partition(" (")[0], rules


@pytest.mark.parametrize(
    ("build", "service", "rules"),
    [
        (projects.plain, "web", []),
        (projects.missing_env_file, "web", []),
        (projects.required_variable, "web", []),
        (projects.compose_below, "web", []),
        (projects.frontend_first, "api", []),
        (projects.package_folder, "web", []),
        (projects.sibling_image, "web", []),
        (projects.python_wait, "web", ["MIG602"]),
        (projects.same_word_thrice, "web", ["MIG802"]),
    ],
)
def test_one_command_answers(tmp_path: Path, build: Callable[[], Files], service: str, rules: list[str]) -> None:
    found = typed(FIRST, checkout(tmp_path, build()))
    assert verdict(found) == (0, SAME.format(service), rules), found.stderr


def test_what_is_unsafe_is_an_error_at_once(tmp_path: Path) -> None:
    found = typed(FIRST, checkout(tmp_path, projects.goes_on_after_failure()))
    assert verdict(found) == (1, "FINDINGS  web: 1 error, 1 warning", ["MIG603", "MIG602"])


@pytest.mark.parametrize(
    ("build", "command"),
    [
        (projects.two_compose_files, "migops doctor -f deploy/compose/docker-compose.yml --no-engine"),
        (projects.servers_only, "migops doctor --context . --dockerfile docker/Dockerfile --no-engine"),
        (projects.published_image, "migops doctor --context . --no-engine"),
    ],
)
def test_two_commands_answer(tmp_path: Path, build: Callable[[], Files], command: str) -> None:
    folder = checkout(tmp_path, build())
    assert printed(typed(FIRST, folder)) == command
    code, line, rules = verdict(typed(command, folder))
    assert (code, rules) == (0, [])
    assert line.endswith(": same migrations in git, host, context")


def test_without_a_configuration_two_lines_make_one(tmp_path: Path) -> None:
    folder = checkout(tmp_path, projects.no_configuration())
    refused = typed(FIRST, folder)
    assert refused.code == 2
    lines = re.search(r"printf '(.+?)' > (\S*alembic\.ini)", refused.stderr)
    assert lines, refused.stderr
    (folder / lines[2]).write_text(lines[1].replace("\\n", "\n"))
    assert verdict(typed(FIRST, folder)) == (0, SAME.format("web"), [])


def test_one_warning_names_the_missing_files_and_the_command(tmp_path: Path) -> None:
    found = typed(FIRST, checkout(tmp_path, projects.missing_env_file()))
    assert found.stderr.count("warning: ") == 1
    assert "env_file: .env (docker-compose.yml:" in found.stderr
    assert "  try: cp .env.example .env\n" in found.stderr
    said = " ".join(found.stdout.split())
    assert "database unknown: the database's URL: the environment is unknown: .env (" in said


def test_a_required_variable_is_unknown_and_named(tmp_path: Path) -> None:
    found = typed(FIRST, checkout(tmp_path, projects.required_variable()))
    assert "SECRET (compose.yaml:" in found.stderr
    assert "  try: cp .env.example .env\n" in found.stderr


def test_the_file_that_was_taken_is_named(tmp_path: Path) -> None:
    found = typed(FIRST, checkout(tmp_path, projects.compose_below()))
    assert "docker/docker-compose.yml" in found.stderr


def test_user_and_database_keep_their_names(tmp_path: Path) -> None:
    found = typed(f"{FIRST} -v", checkout(tmp_path, projects.same_word_thrice()))
    said = " ".join(found.stdout.split())  # a long path of the checkout moves the ends of lines
    assert "as POSTGRES_PASSWORD of store" in said
    assert "in the URL of DATABASE_URL of web" in said
    assert "as POSTGRES_USER" not in said
    assert "as POSTGRES_DB" not in said


def test_secrets_are_not_printed(tmp_path: Path) -> None:
    for number, build in enumerate((projects.plain, projects.missing_env_file, projects.published_image)):
        (tmp_path / str(number)).mkdir()
        found = typed(FIRST, checkout(tmp_path / str(number), build()))
        assert "k9Vq2mTz" not in found.stdout + found.stderr
