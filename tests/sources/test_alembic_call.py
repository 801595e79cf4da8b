"""How Alembic is called: held to the real Alembic's own reading of its options, and to the real Python's path."""

from __future__ import annotations

import itertools
import os
import posixpath
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from unittest import mock

import pytest
from alembic.config import CommandLine

from migops.core.errors import Unavailable
from migops.core.model import Tree
from migops.entrypoint.alembic_call import Call, Process, call_of, typed
from migops.sources.alembic_start import started
from migops.sources.home import Home, home_of
from migops.sources.host import read_tree
from migops.sources.python_path import find

NAMED = ((), ("-c", "a.ini"), ("--config=sub/b.ini",), ("-cpyproject.toml",), ("-c", "x/pyproject.toml", "-c", "a.ini"))
VARIABLE = (None, "", "env.ini", "/abs/env.ini", "sub/pyproject.toml")
SECTION = ((), ("-n", "other"), ("--name=other",), ("-nother",))


@pytest.mark.parametrize(("named", "variable", "section"), list(itertools.product(NAMED, VARIABLE, SECTION)))
def test_the_files_and_the_section_are_alembic_s_own(
    named: tuple[str, ...], variable: str | None, section: tuple[str, ...]
) -> None:
    words = ("alembic", *section, *named, "heads")
    environment = {} if variable is None else {"ALEMBIC_CONFIG": variable}
    line = CommandLine()
    options = line.parser.parse_args(words[1:])
    with mock.patch.dict(os.environ, environment):
        toml, ini = line._inis_from_config(options)
    found = call_of(words, "/app", environment)
    assert found is not None
    home = home_of(found)
    real = {posixpath.normpath(posixpath.join("/app", each)) for each in (toml, ini)}
    assert ({home.config, home.second}, home.section) == (real, options.name)


def test_what_is_typed_goes_by_the_containers_variable() -> None:
    process = Process("/srv", {"ALEMBIC_CONFIG": "conf/prod.ini"}, ("alembic", "-c", "other.ini", "heads"))
    assert home_of(typed(process)).config == "/srv/conf/prod.ini"
    assert typed(Process("/srv")).is_plain


@pytest.mark.parametrize(
    ("words", "config", "location"),
    [
        (("flask", "db", "upgrade", "--directory", "db/m"), "/app/db/m/alembic.ini", "/app/db/m"),
        (("flask", "db", "upgrade", "-d", "/opt/m"), "/opt/m/alembic.ini", "/opt/m"),
        (("sh", "-c", "flask --app x db upgrade --directory=old; exec x"), "/app/old/alembic.ini", "/app/old"),
    ],
)  # fmt: skip
def test_flask_migrate_s_directory(words: tuple[str, ...], config: str, location: str) -> None:
    (call,) = started(Process("/app", {}, words), lambda path: None)
    assert (home_of(call).config, home_of(call).script_location) == (config, location)


@pytest.mark.parametrize(
    "words",
    [
        ("alembic", "upgrade", "head"),
        ("sh", "-c", "alembic upgrade head && exec uvicorn app:app --host 0.0.0.0"),
        ("bash", "-c", "set -e; alembic upgrade head; python -c 'print(1)'"),
        ("python", "-c", "import app"),
        ("flask", "db", "upgrade"),
        ("gunicorn", "-c", "gunicorn.py", "-n", "shop", "app:app"),
    ],
)
def test_common_starts_say_nothing_of_their_own(words: tuple[str, ...]) -> None:
    assert started(Process("/app", {}, words), lambda path: None) == ()


def test_a_secret_among_the_words_is_not_shown() -> None:
    words = ("alembic", "-x", "url=postgresql://u:canary@db/x", "-c", "other.ini", "upgrade", "head")
    (call,) = started(Process("/app", {}, words), lambda path: None)
    assert "canary" not in call.by


def test_a_condition_leaves_both_calls() -> None:
    text = 'if [ "$X" = 1 ]; then alembic -c a.ini upgrade head; else alembic -c b.ini upgrade head; fi'
    found = started(Process("/app", {}, ("sh", "-c", text)), lambda path: None)
    assert {each.configs for each in found} >= {("b.ini",)}
    assert isinstance(found[0], Call)


def real_package(python: Path, program: Path, path: Mapping[str, str]) -> str:
    """Where the real Python, started as a program of its own, finds the package ``shop``."""
    code = "import shop; print(list(shop.__path__)[0])"
    program.write_text(f"#!{python}\n{code}\n")
    done = subprocess.run(
        (python, program), cwd=program.parents[2], env=dict(path), capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


@pytest.mark.parametrize("links", ["none", "old", "fresh"])
@pytest.mark.parametrize("installed", [True, False])
@pytest.mark.parametrize("variable", ["", "{app}", "{old}:{app}", "{empty}"])
@pytest.mark.parametrize("regular", [True, False])
def test_a_package_is_where_python_finds_it(
    tmp_path: Path, links: str, installed: bool, variable: str, regular: bool
) -> None:
    venv, app, old = tmp_path / "venv", tmp_path / "app", tmp_path / "old"
    number = f"{sys.version_info.major}.{sys.version_info.minor}"
    site = venv / f"lib/python{number}/site-packages"
    for folder in (site / "alembic", venv / "bin", app / "shop/m", old / "shop/m", tmp_path / "empty"):
        folder.mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\nversion = {number}.1\n")
    (venv / "bin/python").symlink_to(Path(sys.executable).resolve())
    (site / "alembic/__init__.py").write_text("")
    (old / "shop/__init__.py").write_text("")
    if regular:
        (app / "shop/__init__.py").write_text("")
    if installed:
        (site / "shop/m").mkdir(parents=True)
        (site / "shop/__init__.py").write_text("")
    if links != "none":
        (site / "_shop.pth").write_text(f"{old if links == 'old' else app}\n")
    names = {"app": app, "old": old, "empty": tmp_path / "empty"}
    environment = {"PATH": str(venv / "bin"), "PYTHONPATH": variable.format(**names)}
    real = real_package(venv / "bin/python", venv / "bin/alembic", environment)

    def read(paths: Sequence[str]) -> Tree:
        return read_tree([Path(path) for path in paths], tmp_path)

    home = Home(str(app), f"{app}/alembic.ini", environment=environment, links=read, decides=True)
    try:
        found = find("shop", "m", read, home, ())
    except Unavailable:
        found = ""
    assert found == real
