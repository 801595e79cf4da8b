"""What a program does at its start, from its text: what runs and what does not; text made to hurt costs little."""

from __future__ import annotations

import pytest

from migops.entrypoint.program import at_start, created, parsed

HEAD = "from alembic import command\n"
UP = "    command.upgrade(config, 'head')\n"


def lines(text: str, callee: str = "") -> list[int]:
    tree = parsed(text)
    assert tree is not None
    return [call.line for call in at_start(tree, text, callee)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (HEAD + "command.upgrade(c, 'head')\n", [2]),
        (HEAD + "if __name__ == '__main__':\n" + UP, [3]),
        (HEAD + "def run():\n" + UP, []),
        (HEAD + "def run():\n" + UP + "run()\n", [3]),
        (HEAD + "def run():\n" + UP + "def main():\n    run()\nmain()\n", [3]),
        (HEAD + "async def run():\n" + UP + "asyncio.run(run())\n", [3]),
        (HEAD + "@app.on_event('startup')\ndef run():\n" + UP, [4]),
        (HEAD + "@app.get('/migrate')\ndef run():\n" + UP, []),
        (HEAD + "class App:\n    def start(self):\n    " + UP + "App().start()\n", [4]),
        ("import alembic.config\nalembic.config.main(argv=['upgrade', 'head'])\n", [2]),
        ("import alembic.config\nalembic.config.main(argv=['current'])\n", []),
        ("import os\nos.system('alembic upgrade head')\n", [2]),
        ("import os\nos.system('alembic history')\n", []),
        ("from alembic.command import upgrade as up\nup(c, 'head')\n", [2]),
        ("upgrade(c, 'head')\n", []),
    ],
)
def test_what_runs_at_the_start(text: str, found: list[int]) -> None:
    assert lines(text) == found


def test_a_factory_that_the_command_names() -> None:
    text = HEAD + "def create_app():\n" + UP
    assert (lines(text), lines(text, "create_app")) == ([], [3])


@pytest.mark.parametrize(
    "text",
    [
        f"@app.on_event({'-' * 900}1)\ndef f(): db.create_all()\n",
        f"a{'.b' * 2000}.create_all()",
        f"if {'not ' * 900}x:\n  db.create_all()\n",
        f"try:\n  db.create_all()\nexcept ({'-' * 900}x): pass\n",
        "f(" * 180 + ")" * 180,
    ],
    ids=range(5),
)
def test_hostile_text(text: str) -> None:
    tree = parsed(text)
    if tree is not None:
        at_start(tree, text)
        created(tree, text)


def test_what_is_no_python_is_none() -> None:
    assert parsed("def (") is None
    assert parsed(b"\xff\xfe\x00") is None
    assert parsed("-" * 100_000 + "1") is None
