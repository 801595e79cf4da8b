"""What the host and the place where Alembic runs do not have in common, and the command that helps."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from migops.analysis.evidence import Commands
from migops.commands.alembic.guards.written import is_empty
from migops.commands.alembic.visible_migrations import History, compare
from migops.compose import ComposeOptions
from migops.migrations.build import build
from migops.migrations.creations import applied_creations
from migops.migrations.locate import ScriptPaths
from migops.runner.execution_target import watched
from migops.sources.environment import Environment
from migops.target import Wanted, resolve
from tests.cases.shop import Shop
from tests.rules.made import FIRST, GHOST, SECOND, held

TARGET: Any = SimpleNamespace(build=None, commands=Commands("app", ("docker", "compose", "-f", "prod.yml"), "shop-app"))
BUILD, CHECK = "docker compose -f prod.yml build app", "migops check-image -f prod.yml app"


def host(scripts: dict[str, str], env: str = "") -> Environment:
    found = held(scripts, "/srv/shop/migrations", env=env)
    return Environment(found, build(found.revisions), ScriptPaths("/srv/shop/migrations", found.location), ())


def place(scripts: dict[str, str], env: str = "", *, is_image: bool = True) -> History:
    found = held(scripts, env=env)
    return History(build(found.revisions), found, "the image", is_image)


OTHER = {**SECOND, "versions/002.py": "revision = '002'\ndown_revision = None\n"}
TEXT = {**SECOND, "versions/002.py": "revision = '002'\ndown_revision = '001'\nx = 1\n"}
FORM = {**SECOND, "versions/002.py": SECOND["versions/002.py"].replace("\n", "\r\n")}


@pytest.mark.parametrize(
    ("ours", "theirs", "sentence", "fix"),
    [
        (SECOND, FIRST, "the host has 002, which the image lacks", BUILD),
        (FIRST, GHOST, "the image has 009, which the host lacks", CHECK),
        (SECOND, GHOST, "the host has 002, which the image lacks; the image has 009, which the host lacks", CHECK),
        (SECOND, OTHER, "002 follows other revisions on the host than in the image", BUILD),
        (SECOND, TEXT, "versions/002.py has another text on the host than in the image", BUILD),
    ],
)
def test_what_differs(ours: dict[str, str], theirs: dict[str, str], sentence: str, fix: str) -> None:
    gap = compare(TARGET, place(theirs), host(ours))
    assert gap
    assert gap.sentence().startswith(sentence)
    assert gap.command == fix
    assert gap.of_history is ("another text" not in sentence)


@pytest.mark.parametrize(
    ("copies", "command"),
    [("COPY . .", "docker compose build app"), ("COPY main.py .", "migops check-image app"),
     ("COPY migrations/versions/a1.py /app/migrations/versions/", "migops check-image app")],
)  # fmt: skip
def test_a_build_that_does_not_bring_it_is_not_printed(tmp_path: Path, copies: str, command: str) -> None:
    """Building again and again would never apply it: `check-image` says what the Dockerfile lacks."""
    shop = Shop.at(tmp_path).line("a1", "b2").write("Dockerfile", f"FROM python:3.11-slim\nWORKDIR /app\n{copies}\n")
    target = resolve(Wanted(), ComposeOptions(), {}, shop.folder)
    gap = compare(target, place({"versions/a1.py": "revision = 'a1'\ndown_revision = None\n"}))
    assert gap.host_only == ("b2",)
    assert gap.command == command


def test_form_is_no_difference_and_env_py_is_one() -> None:
    assert not compare(TARGET, place(FORM), host(SECOND))
    assert compare(TARGET, place(SECOND, "a = 1"), host(SECOND, "a = 2")).changed == ("env.py",)


def test_no_build_changes_what_is_mounted() -> None:
    assert compare(TARGET, place(FIRST, is_image=False), host(SECOND)).command == CHECK


@pytest.mark.parametrize(
    ("body", "empty"),
    [
        ("pass", True),
        ('"""Nothing."""\n    # ### end Alembic commands ###\n    pass', True),
        ("op.drop_table('a')", False),
        ("pass\n    op.execute('x')", False),
    ],
)
def test_an_empty_revision(body: str, empty: bool) -> None:
    assert is_empty(f"def upgrade() -> None:\n    {body}\n\n\ndef downgrade():\n    op.create_table('a')\n") is empty


def test_what_applied_revisions_create_and_no_later_one_takes_away() -> None:
    text = "revision = '{}'\ndown_revision = {}\ndef upgrade():\n    {}\n"
    scripts = {
        "versions/1.py": text.format(1, None, "op.create_table('a'); op.create_table('b')"),
        "versions/2.py": text.format(2, "'1'", "op.add_column('b', sa.Column('x', sa.Integer)); op.drop_table('a')"),
        "versions/3.py": text.format(3, "'2'", "op.add_column('b', sa.Column('y', sa.Integer))"),
    }
    found = held(scripts)
    graph = build(found.revisions)
    assert applied_creations(graph, found, ("2",)) == {"1": ("table b",), "2": ("column b.x",)}
    renamed = held({"versions/1.py": text.format(1, None, "op.create_table('a'); op.rename_table('a', 'b')")})
    assert applied_creations(build(renamed.revisions), renamed, ("1",)) == {}


@pytest.mark.parametrize(
    ("develop", "is_said"),
    [
        ({"watch": [{"action": "sync", "path": "./app", "target": "/app/app"}]}, True),
        ({"watch": [{"action": "sync+restart", "path": ".", "target": "/app"}]}, True),
        ({"watch": [{"action": "rebuild", "path": "./app"}]}, False),
        ({"watch": [{"action": "sync", "path": "./web", "target": "/app/web"}]}, False),
        (None, False),
    ],
)
def test_what_watch_brings(develop: dict[str, Any] | None, is_said: bool) -> None:
    model: Any = SimpleNamespace(services={"app": SimpleNamespace(raw={"develop": develop})})
    said = watched(model, "app", ("/app/app/alembic/versions",))
    assert ("from the host to the container only" in said) is is_said


def test_the_place_is_not_read_for_help(tmp_path: Path) -> None:
    from migops.commands.alembic.stale_notice import say_stale
    from migops.runner.arguments import read

    said: list[str] = []
    for words in (["heads", "--help"], ["--version"], ["list_templates"]):
        say_stale(TARGET, None, None, read(words), None, said.append)  # type: ignore[arg-type]
    assert said == []
