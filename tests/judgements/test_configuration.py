"""MIG501 for options that are read, MIG505 by the Alembic that the project allows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.judgements.project import ENV, Project

INI = "[alembic]\nscript_location = alembic\nprepend_sys_path = .\n"
URL = INI + "sqlalchemy.url = %(DATABASE_URL)s\n"
SETS = "context.config.set_main_option('sqlalchemy.url', 'sqlite:///x.db')\n"
SECTION = "engine = engine_from_config(context.config.get_section(context.config.config_ini_section))\n"
OPTION = "url = context.config.get_main_option('sqlalchemy.url')\n"
IN_FUNCTION = "def run():\n    {}run()\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.at(tmp_path)


@pytest.mark.parametrize(
    ("ini", "env", "rules"),
    [
        (URL, "", []),
        (URL, SETS, []),
        (URL, SETS + SECTION, []),
        (URL, SETS + OPTION, []),
        (URL, SETS + IN_FUNCTION.format(SECTION), []),
        (URL, "def url():\n    " + SETS + "url()\n" + IN_FUNCTION.format(SECTION), []),
        (URL, "import os\nif os.getenv('X'):\n    " + SETS + SECTION, []),
        (URL, IN_FUNCTION.format(SECTION), ["MIG501"]),
        (URL, SECTION, ["MIG501"]),
        (URL, OPTION, ["MIG501"]),
        (URL, SECTION + SETS, ["MIG501"]),
        (URL, OPTION + SETS, ["MIG501"]),
        (INI + "version_num_format = %04d\n", SETS, []),
        (INI + "version_num_format = %04d\n", SETS + SECTION, ["MIG501"]),
        (INI + "nobody = %s\n", OPTION, []),
        (INI + "nobody = %s\n", "x = context.config.get_main_option('nobody')\n", ["MIG501"]),
        (INI + "file_template = %%(rev)s_%(slug)s\n", "", ["MIG501"]),
        (INI + "[post_write_hooks]\nhooks = x\nx.options = %s\n", "", ["MIG501"]),
    ],
)
def test_options_that_are_read(project: Project, ini: str, env: str, rules: list[str]) -> None:
    project.write("alembic.ini", ini).write("alembic/env.py", ENV + env)
    judged = project.doctor("MIG501")
    assert judged.rules == rules
    assert judged.result.code == (1 if rules else 0)


def test_a_configuration_that_is_handed_on_is_a_warning(project: Project) -> None:
    project.write("alembic.ini", URL).write(
        "alembic/env.py", ENV + "from shop.db import setup\nsetup(context.config)\n"
    )
    judged = project.doctor("MIG501")
    assert (judged.result.code, judged.of("MIG501")["severity"]) == (0, "warning")
    assert "if env.py reads it" in judged.of("MIG501")["message"]


OLD = INI + "version_path_separator = os\n"
UV = '[[package]]\nname = "sqlalchemy"\nversion = "1.1"\n\n[[package]]\nname = "alembic"\nversion = "{}"\n'


@pytest.mark.parametrize(
    ("name", "text", "rules"),
    [
        ("requirements.txt", "alembic==1.13.2\nsqlalchemy\n", []),
        ("requirements.txt", "Alembic == 1.13.2 ; python_version > '3.8'  # old\n", []),
        ("requirements.txt", "alembic<1.16\n", []),
        ("requirements.txt", "alembic>=1.10,<1.14\n", []),
        ("requirements.txt", "alembic~=1.13.0\n", []),
        ("requirements.txt", "alembic==1.15.*\n", []),
        ("requirements/base.txt", "alembic==1.13.2\n", []),
        ("requirements.txt", "alembic==1.16.1\n", ["MIG505"]),
        ("requirements.txt", "alembic>=1.13\n", ["MIG505"]),
        ("requirements.txt", "alembic~=1.13\n", ["MIG505"]),
        ("requirements.txt", "alembic\n", ["MIG505"]),
        ("requirements.txt", "alembic<=1.16\n", ["MIG505"]),
        ("requirements.txt", "alembic-utils==0.8\n", ["MIG505"]),
        ("requirements-dev.txt", "alembic==1.13.2\n", ["MIG505"]),
        ("pyproject.toml", '[project]\nname = "shop"\ndependencies = ["alembic==1.13.1"]\n', []),
        ("pyproject.toml", '[project]\nname = "shop"\ndependencies = ["alembic>=1.13.1"]\n', ["MIG505"]),
        ("pyproject.toml", '[tool.poetry.dependencies]\nalembic = "1.13.1"\n', []),
        ("pyproject.toml", '[tool.poetry.dependencies]\nalembic = "~1.13"\n', []),
        ("pyproject.toml", '[tool.poetry.dependencies]\nalembic = "^1.13"\n', ["MIG505"]),
        ("uv.lock", UV.format("1.13.1"), []),
        ("uv.lock", UV.format("1.16.4"), ["MIG505"]),
        ("poetry.lock", UV.format("1.12.0"), []),
        ("Pipfile.lock", json.dumps({"default": {"alembic": {"version": "==1.11.1"}}}, indent=2), []),
        ("Pipfile.lock", json.dumps({"develop": {"alembic": {"version": "==1.11.1"}}}, indent=2), ["MIG505"]),
    ],
)  # fmt: skip
def test_the_pinned_alembic(project: Project, name: str, text: str, rules: list[str]) -> None:
    assert project.write("alembic.ini", OLD).write(name, text).doctor("MIG505").rules == rules


def test_a_lock_file_counts_before_what_it_was_made_from(project: Project) -> None:
    project.write("alembic.ini", OLD).write(
        "pyproject.toml", '[project]\nname = "shop"\ndependencies = ["alembic>=1.10"]\n'
    )
    assert project.doctor("MIG505").rules == ["MIG505"]
    assert project.write("uv.lock", UV.format("1.13.1")).doctor("MIG505").rules == []


def test_a_version_in_the_dockerfile(project: Project) -> None:
    project.write("alembic.ini", OLD).dockerfile("RUN pip install 'alembic==1.13.1' psycopg", 'CMD ["python"]')
    assert project.doctor("MIG505").rules == []


def test_a_project_without_models_needs_no_metadata(project: Project) -> None:
    project.write("alembic/env.py", ENV.replace("Base.metadata", "None"))
    assert project.doctor("MIG506").rules == ["MIG506"]
    project.write("app/models.py", "class Base:\n    metadata = None\n")
    assert project.doctor("MIG506").rules == []
