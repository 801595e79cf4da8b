"""A program's text: text that is no Python, and text made to hurt, which costs little."""

from __future__ import annotations

import pytest

from migops.entrypoint.program import created, parsed, reached


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
        reached(tree)
        created(tree, text)


def test_what_is_no_python_is_none() -> None:
    assert parsed("def (") is None
    assert parsed(b"\xff\xfe\x00") is None
    assert parsed("-" * 100_000 + "1") is None
