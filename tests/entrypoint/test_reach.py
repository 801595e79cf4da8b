"""The calls of a Python program that its start reaches; text made to hurt costs little."""

from __future__ import annotations

import pytest

from migops.entrypoint.flags import Flags
from migops.entrypoint.model import File
from migops.entrypoint.modules import Modules, of_text
from migops.entrypoint.reach import Reach

HEAD = "from alembic import command\n"
UP = "    command.upgrade(config, 'head')\n"


def followed(text: str, callee: str = "", *, main: bool = False, **files: str) -> Reach:
    texts = {f"/app/{name.replace('__', '/')}.py": content for name, content in files.items()}
    held = {path: File(content.encode(), path, "image") for path, content in texts.items()}
    modules = Modules(held.get, ["/app"])
    reach = Reach(modules, Flags(modules, {}, held.get, "/app"))
    module = of_text(text, "/app/main.py", "/app/main.py", "image")
    assert module is not None
    reach.start(module, callee, main=main)
    return reach


def lines(text: str, callee: str = "", *, main: bool = False) -> list[int]:
    return sorted(each.call.line for each in followed(text, callee, main=main).found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (HEAD + "command.upgrade(c, 'head')\n", [2]),
        (HEAD + "if __name__ == '__main__':\n" + UP, [3]),
        (HEAD + "def run():\n" + UP, []),
        (HEAD + "def run():\n" + UP + "run\n", []),
        (HEAD + "def run():\n" + UP + "run()\n", [3]),
        (HEAD + "def run():\n" + UP + "def main():\n    run()\nmain()\n", [3]),
        (HEAD + "async def run():\n" + UP + "asyncio.run(run())\n", [3]),
        (HEAD + "def run():\n" + UP + "anyio.run(run)\n", [3]),
        (HEAD + "def run():\n" + UP + "Thread(target=run).start()\n", [3]),
        (HEAD + "def run():\n" + UP + "cli.add_command(run)\n", []),
        (HEAD + "@app.on_event('startup')\ndef run():\n" + UP, [4]),
        (HEAD + "@app.on_event('shutdown')\ndef run():\n" + UP, []),
        (HEAD + "@app.get('/migrate')\ndef run():\n" + UP, []),
        (HEAD + "class App:\n    def start(self):\n    " + UP + "App().start()\n", [4]),
        (HEAD + "class App:\n    def __init__(self):\n    " + UP + "App()\n", [4]),
        ("import alembic.config\nalembic.config.main(argv=['upgrade', 'head'])\n", [2]),
        ("import alembic.config\nalembic.config.main(argv=['current'])\n", []),
        ("import os\nos.system('alembic upgrade head')\n", [2]),
        ("import os\nos.system('alembic history')\n", []),
        ("from alembic.command import upgrade as up\nup(c, 'head')\n", [2]),
        ("upgrade(c, 'head')\n", []),
        ("import sys\nsys.exit(0)\ndb.create_all()\n", []),
        ("def f():\n    raise ValueError\n    db.create_all()\nf()\n", []),
    ],
)
def test_what_runs_at_the_start(text: str, found: list[int]) -> None:
    assert lines(text, main=True) == found


def test_what_a_server_imports_is_not_main() -> None:
    text = HEAD + "if __name__ == '__main__':\n" + UP
    assert (lines(text, main=True), lines(text)) == ([3], [])


def test_a_factory_that_the_command_names() -> None:
    text = HEAD + "def create_app():\n" + UP
    assert (lines(text), lines(text, "create_app"), lines(text, "create_app()")) == ([], [3], [3])


def test_modules_that_import_one_another() -> None:
    reach = followed("import a\n", a="import b\n", b="import a\ndb.create_all()\n")
    assert [(each.module.at, each.call.line) for each in reach.found] == [("/app/b.py", 2)]


def test_a_certain_way_counts_before_one_under_a_condition() -> None:
    text = "import os\ndef f():\n    db.create_all()\nif settings.x:\n    f()\nf()\n"
    assert [each.condition for each in followed(text).found] == [""]
    assert [each.condition for each in followed(text.removesuffix("f()\n")).found] == ["if settings.x"]


@pytest.mark.parametrize(
    "text",
    [
        f"@app.on_event({'-' * 900}1)\ndef f(): db.create_all()\n",
        f"a{'.b' * 2000}.create_all()",
        f"if {'not ' * 900}x:\n  db.create_all()\n",
        f"x = {'(' * 180}1{')' * 180}\nif x:\n  db.create_all()\n",
        "x = y\ny = x\nif x:\n  db.create_all()\n",
        f"if {' and '.join(['x'] * 3000)}:\n  db.create_all()\n",
        f"try:\n  db.create_all()\nexcept ({'-' * 900}x): pass\n",
        "def f():\n  g()\ndef g():\n  f()\nf()\n",
        "from other import *\nfrom other import f\nf()\n",
        "class A(A):\n  x = 1\nif A.x:\n  db.create_all()\n",
        "f(" * 180 + ")" * 180,
    ],
    ids=range(11),
)
def test_hostile_text(text: str) -> None:
    if of_text(text, "/app/main.py", "", "") is not None:
        followed(text, other=text)
