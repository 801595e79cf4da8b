"""MIG602 and MIG603: which starts migrate, how a failure is passed over, and fixes in the project's own words."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.judgements.project import START, Project

SERVES = "exec python -m app.main\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.at(tmp_path)


CASE = """\
case "$1" in
  migrate) exec alembic upgrade head ;;
  web|serve) exec python -m app.main ;;
  both) alembic upgrade head; exec python -m app.main ;;
  *) exec "$@" ;;
esac
"""
IF = 'if [ "$1" = "web" ] && [ "$RUN_MIGRATIONS" = "true" ]; then\n  alembic upgrade head\nfi\n' + SERVES


@pytest.mark.parametrize(
    ("text", "command", "rules"),
    [
        ("alembic-3 upgrade head\n" + SERVES, "web", ["MIG602"]),
        ("alembic3 upgrade head\n" + SERVES, "web", ["MIG602"]),
        ("alembic-3.11 upgrade head\n" + SERVES, "web", ["MIG602"]),
        ("python3.11 -m alembic upgrade head\n" + SERVES, "web", ["MIG602"]),
        ("python3 /usr/bin/alembic upgrade head\n" + SERVES, "web", ["MIG602"]),
        ("alembic-lint upgrade head\n" + SERVES, "web", []),
        ("alembic $1 head\n" + SERVES, "upgrade", ["MIG602"]),
        ("alembic $1 head\n" + SERVES, "history", []),
        ('CMD="$1"\nif [ "$CMD" = "up" ]; then\n  alembic upgrade head\nfi\n' + SERVES, "up", ["MIG602"]),
        ('CMD="$1"\nif [ "$CMD" = "up" ]; then\n  alembic upgrade head\nfi\n' + SERVES, "down", []),
        ('"$@"\n' + SERVES, "alembic upgrade head", ["MIG602"]),
        ('set -- alembic upgrade head\n"$@"\n' + SERVES, "web", ["MIG602"]),
        (CASE, "web", []),
        (CASE, "serve", []),
        (CASE, "both", ["MIG602"]),
        (CASE, "python -m app.main", []),
        (CASE, "sh -c 'alembic upgrade head && python -m app.main'", ["MIG602"]),
        ("if [ $# -eq 0 ]; then alembic upgrade head; fi\n" + SERVES, "web", []),
        ('if [ "${1#-}" != "$1" ]; then alembic upgrade head; fi\n' + SERVES, "web", []),
        ('if [ "${1#-}" != "$1" ]; then alembic upgrade head; fi\n' + SERVES, "-x", ["MIG602"]),
        ('if [[ "$1" == web* && -z "$SKIP" ]]; then alembic upgrade head; fi\n' + SERVES, "webapp", ["MIG602"]),
        ('if [[ "$1" == web* && -n "$SKIP" ]]; then alembic upgrade head; fi\n' + SERVES, "webapp", []),
        ('[ "$1" = web ] || alembic upgrade head\n' + SERVES, "web", []),
        ('[ "$1" = web ] || alembic upgrade head\n' + SERVES, "other", ["MIG602"]),
    ],
)
def test_the_arguments_decide(project: Project, text: str, command: str, rules: list[str]) -> None:
    project.compose("entrypoint: [bash, /app/start.sh]", f"command: {command}").write("start.sh", START + text)
    assert project.doctor("MIG602").rules == rules


@pytest.mark.parametrize(
    ("environment", "rules"),
    [("{}", []), ("{RUN_MIGRATIONS: 'false'}", []), ("{RUN_MIGRATIONS: 'true'}", ["MIG602"])],
)
def test_a_variable_that_nobody_sets_is_empty(project: Project, environment: str, rules: list[str]) -> None:
    project.compose("entrypoint: [sh, /app/start.sh]", "command: web", f"environment: {environment}")
    assert project.write("start.sh", START + IF).doctor("MIG602").rules == rules


def test_a_variable_that_an_unknown_base_image_may_set_is_unknown(project: Project) -> None:
    project.compose("entrypoint: [sh, /app/start.sh]", "command: web").write("start.sh", START + IF)
    judged = project.dockerfile(base="registry.example/base:1").doctor("MIG602")
    assert judged.rules == ["MIG602"]
    assert 'under `if [ "$1" = "web" ] && [ "$RUN_MIGRATIONS" = "true" ]`' in judged.of("MIG602")["cause"]


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("if ! alembic upgrade head; then\n  echo failed, but continuing\nfi\n", "with `exit 1`"),
        ("if alembic upgrade head; then echo ok; fi\n", "add `else exit 1`"),
        ("if alembic upgrade head; then echo ok; else echo failed; fi\n", "with `exit 1`"),
        ("alembic upgrade head || echo failed\n", "remove the `||`"),
        ("alembic upgrade head &\n", "remove the `&`"),
        ("{ alembic upgrade head; } &\n", "remove the `&`"),
        ("migrate() { alembic upgrade head; }\nmigrate &\n", "remove the `&`"),
        ("alembic upgrade head &\nwait\n", "remove the `&`"),
        ("alembic upgrade head | tee log\n", "pipefail"),
        ("set +e\nalembic upgrade head; exec python -m app.main\n", "put `set -e`"),
        ("set +e\nalembic upgrade head\nif [ $? -ne 0 ]; then\n  echo failed\nfi\n", "with `exit 1`"),
        ("set +e\nalembic upgrade head\nRC=$?\nif [ $RC -ne 0 ]; then echo failed; fi\n", "with `exit 1`"),
    ],
)
def test_the_fix_of_a_failure_that_is_passed_over(project: Project, text: str, fix: str) -> None:
    judged = project.start(START + text + SERVES).doctor("MIG603")
    assert judged.rules == ["MIG603"]
    assert fix in judged.fix("MIG603")


@pytest.mark.parametrize(
    "text",
    [
        "if ! alembic upgrade head; then\n  echo failed\n  exit 1\nfi\n",
        "alembic upgrade head &\nwait $!\n",
        "alembic upgrade head & PID=$!\nwait $PID\n",
        "alembic upgrade head || exit 1\n",
        "set +e\nalembic upgrade head\nRC=$?\nif [ $RC -ne 0 ]; then echo failed; exit $RC; fi\n",
        "if ! alembic upgrade head; then\n  echo failed\n  kill 1\nfi\n",
    ],
)
def test_a_failure_that_is_handled(project: Project, text: str) -> None:
    judged = project.start(START + text + SERVES).doctor("MIG602", "MIG603")
    assert judged.rules == ["MIG602"]


def flask_script(project: Project, words: str) -> Project:
    """A project that migrates by Flask-Script's ``manage.py``."""
    project.write("manage.py", "manager.run()\n").write("migrations/alembic.ini", "[alembic]\n")
    project.write("migrations/env.py", "from flask import current_app\n")
    project.write("migrations/versions/a1.py", 'revision = "a1"\ndown_revision = None\n')
    (project.folder / "alembic.ini").unlink()
    return project.start(f"{START}{words}\n{SERVES}")


def test_the_fix_is_in_the_words_of_the_start(project: Project) -> None:
    fix = flask_script(project, "python manage.py db upgrade").doctor("MIG602").fix("MIG602")
    assert "docker compose run --rm --entrypoint python app manage.py db upgrade" in fix
    assert "`command: python manage.py db upgrade`" in fix
    assert "alembic upgrade head" not in fix


def test_flasks_own_command_is_run_by_migops(project: Project) -> None:
    fix = flask_script(project, "flask db upgrade").doctor("MIG602").fix("MIG602")
    assert "migops alembic --service app upgrade head" in fix
    assert "`command: flask db upgrade`" in fix


def test_a_program_of_another_name(project: Project) -> None:
    fix = project.start(f"{START}alembic-3 upgrade head\n{SERVES}").doctor("MIG602").fix("MIG602")
    assert "docker compose run --rm --entrypoint alembic-3 app upgrade head" in fix


def test_a_runner_stays_in_the_printed_command(project: Project) -> None:
    fix = project.start(f"{START}exec poetry run alembic upgrade head\n").dockerfile().doctor("MIG602")
    assert fix.rules == [], "it only migrates"
    fix = project.start(f"{START}poetry run alembic upgrade head\n{SERVES}").doctor("MIG602")
    assert "`command: poetry run alembic upgrade head`" in fix.fix("MIG602")


@pytest.mark.parametrize(
    "text",
    [
        'SCRIPT_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"\n"$SCRIPT_DIR/migrate.sh"\n',
        'cd "$(dirname "$0")"\n./migrate.sh\n',
        'HERE=$(dirname "$(readlink -f "$0")")\nsh $HERE/migrate.sh\n',
        'D=$(cd -- "$( dirname -- "${BASH_SOURCE[0]}" )" &> /dev/null && pwd )\nbash ${D}/migrate.sh\n',
        '. "$(dirname "$0")/migrate.sh"\n',
    ],
)
def test_a_script_beside_the_script(project: Project, text: str) -> None:
    project.write("scripts/migrate.sh", "#!/bin/sh\nset -e\nalembic upgrade head\n")
    project.compose("entrypoint: [bash, scripts/start.sh]").write("scripts/start.sh", START + text + SERVES)
    judged = project.doctor("MIG602")
    assert (judged.rules, judged.reasons("MIG602")) == (["MIG602"], [])
    assert judged.of("MIG602")["subject"]["path"] == f"{project.folder}/scripts/migrate.sh:3"


@pytest.mark.parametrize("command", ["python -m app.main", "uvicorn app.main:app", "celery -A app.main.app worker"])
def test_a_migration_in_another_module(project: Project, command: str) -> None:
    project.write("app/migrate.py", "from alembic import command\ndef run():\n    command.upgrade(config, 'head')\n")
    project.write("app/main.py", "from app import migrate\nmigrate.run()\napp = object()\n")
    judged = project.compose("entrypoint: []", f"command: {command}").doctor("MIG602")
    assert judged.of("MIG602")["subject"]["path"] == f"{project.folder}/app/migrate.py:3"
    assert project.write("app/main.py", "from app import migrate\napp = object()\n").doctor("MIG602").rules == []


CASE_OF = 'case "$ENTRY" in\n  migrate) alembic upgrade head ;;\n  *) ;;\nesac\n' + SERVES


@pytest.mark.parametrize(
    ("first", "command", "rules"),
    [
        ("ENTRY=${ENTRY:=$1}\nENTRY=${ENTRY:=web}\n", "web", []),
        ("ENTRY=${ENTRY:=$1}\n", "migrate", ["MIG602"]),
        ("ENTRY=${1:-migrate}\n", "web", []),
        ("ENTRY=${ENTRY:-migrate}\n", "web", ["MIG602"]),
        (": ${ENTRY:=web}\n", "migrate", []),
        (": ${ENTRY:=migrate}\n", "web", ["MIG602"]),
        ("ENTRY=$(cat entry)\n", "web", ["MIG602"]),
        ("if [ -f entry ]; then ENTRY=migrate; fi\n", "web", ["MIG602"]),
    ],
)
def test_defaults_of_variables(project: Project, first: str, command: str, rules: list[str]) -> None:
    project.compose("entrypoint: [sh, /app/start.sh]", f"command: {command}").write("start.sh", START + first + CASE_OF)
    assert project.doctor("MIG602").rules == rules
