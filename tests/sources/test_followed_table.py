"""The version table that env.py names by an expression: known where the text and the service's settings settle it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from migops.sources.followed_table import settled
from migops.sources.project_code import ProjectCode
from migops.sources.settings.evaluate import Evaluator
from migops.sources.settings.values import Environment

START = "import os\nfrom alembic import context\nconfig = context.config\n"
ONLINE = "def run_migrations_online():\n    with engine.connect() as connection:\n"


def followed(folder: Path, text: str, files: Mapping[str, str]) -> dict[str, str]:
    for name, content in {"env.py": START + text, **files}.items():
        (folder / name).write_text(content)
    known = Environment({"SCHEMA": "tenant"}, {"own": "of_ini"}.get, section="schema_one")
    code = Evaluator(ProjectCode((folder,)), known)
    env = folder / "env.py"
    return settled(code, code.module(env), code.code.tree(env))


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        (ONLINE + "        s = config.config_ini_section\n        context.configure(version_table_schema=s)\n",
         "schema_one"),
        ("context.configure(version_table_schema=config.config_ini_section)\n", "schema_one"),
        ("context.configure(version_table_schema=os.environ['SCHEMA'])\n", "tenant"),
        ("context.configure(version_table_schema=os.environ.get('OTHER', 'public'))\n", "public"),
        ("from names import SCHEMA\ncontext.configure(version_table_schema=SCHEMA)\n", "shop"),
        ("context.configure(version_table_schema=f'x_{config.config_ini_section}')\n", "x_schema_one"),
        ("def off():\n    context.configure(version_table_schema=os.getenv('SCHEMA'))\n"
         "def on():\n    context.configure(version_table_schema='tenant')\n", "tenant"),
    ],
)  # fmt: skip
def test_what_the_text_settles(tmp_path: Path, text: str, schema: str) -> None:
    assert followed(tmp_path, text, {"names.py": "SCHEMA = 'shop'\n"}) == {"version_table_schema": schema}


@pytest.mark.parametrize(
    "text",
    [
        "for schema in ('a', 'b'):\n    context.configure(version_table_schema=schema)\n",
        "def on(schema):\n    context.configure(version_table_schema=schema)\n",
        "import tenants\ncontext.configure(version_table_schema=tenants.current())\n",
        "def a():\n    context.configure(version_table_schema='a')\n"
        "def b():\n    context.configure(version_table_schema=config.config_ini_section)\n",
        "if os.path.exists('/x'):\n    s = 'a'\nelse:\n    s = 'b'\ncontext.configure(version_table_schema=s)\n",
        "try:\n    pass\nexcept Exception:\n    context.configure(version_table=open('x').read())\n",
    ],
)
def test_what_stays_unknown(tmp_path: Path, text: str) -> None:
    assert followed(tmp_path, text, {}) == {}
