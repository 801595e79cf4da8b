"""Alembic's words as its own parser reads them, and what of them may be written down."""

from __future__ import annotations

from typing import Any

import pytest
from alembic.config import CommandLine

from migops.runner import arguments
from migops.runner.arguments import Call

CALLS = (
    "upgrade head", "-c prod.ini upgrade +1", "-cprod.ini -n tenant upgrade --tag x head", "upgrade head --sql",
    "upgrade --sq head", "downgrade -1", "-x a=b downgrade base", "downgrade --tag=t ae10+2", "stamp --purge a b",
    "stamp heads", "merge -m join a b", "merge --message=join a b", "revision -m x --autogenerate --head a@head",
    "revision --autog --splice --head base", "revision -mx --rev-id 1 --depends-on a", "--raiseerr upgrade head",
)  # fmt: skip


@pytest.mark.parametrize("words", CALLS)
def test_as_alembic_reads_them(words: str) -> None:
    theirs: Any = CommandLine("alembic").parser.parse_args(words.split())
    ours = arguments.read(words.split())
    assert ours.verb == theirs.cmd[0].__name__
    named = getattr(theirs, "revision", getattr(theirs, "revisions", None))
    if ours.verb != "revision":
        assert list(ours.words) == (named if isinstance(named, list) else [named])
    for flag in ("sql", "purge", "autogenerate", "splice"):
        assert (f"--{flag}" in ours.options) == bool(getattr(theirs, flag, False))
    for option in ("tag", "head", "rev_id", "message"):
        assert ours.options.get(f"--{option.replace('_', '-')}") == getattr(theirs, option, None)


@pytest.mark.parametrize(
    ("words", "guarded"),
    [
        ("upgrade head", True), ("upgrade head --sql", False), ("upgrade --help", False), ("upgrade -h", False),
        ("current", False), ("history -r a:b", False), ("merge", True), ("heads", False), ("", False), ("-h", False),
        ("stamp --sql a", False), ("check", False), ("upgrade", False), ("revision -m --sql", True),
    ],
)  # fmt: skip
def test_what_is_guarded(words: str, guarded: bool) -> None:
    assert arguments.read(words.split()).is_guarded is guarded


def test_x_is_known_however_it_is_written() -> None:
    for words in ("-x tenant=f upgrade head", "-xtenant=f upgrade head", "--x-arg=tenant=f upgrade head"):
        assert arguments.read(words.split()).options == {"-x": "tenant=f"}


def test_flask_migrates_defaults() -> None:
    flask = ("flask", "db")
    assert arguments.read(["upgrade"], flask) == Call("upgrade", ("head",))
    assert arguments.read(["downgrade"], flask) == Call("downgrade", ("-1",))
    assert arguments.read(["migrate", "-m", "x"], flask).autogenerates
    assert arguments.read(["upgrade"]) == Call("upgrade"), "Alembic itself wants one"


@pytest.mark.parametrize(
    ("words", "written"),
    [
        ("-x token=s3cret upgrade head", "-x token=*** upgrade head"),
        ("-xs3cret upgrade head", "-x*** upgrade head"),
        ("upgrade head -x", "upgrade head -x ***"),
        ("--x-arg=a=s3cret current", "--x-arg=a=*** current"),
        ("--x=s3cret heads", "--x=*** heads"),
        ("--x-a a=s3cret heads", "--x-a a=*** heads"),
        ("revision -m x", "revision -m x"),
    ],
)
def test_what_is_written_down(words: str, written: str) -> None:
    assert " ".join(arguments.redacted(words.split())) == written
