"""A state in which one rule finds something, and how its fix is followed to the letter."""

from __future__ import annotations

import os
import pty
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cases.shop import Shop
from tests.kit import GIT_IDENTITY, migops

Edit = Callable[[Shop], object]
Contents = Mapping[str, list[tuple[object, ...]]]
WRITES = "sh -c 'echo what the fix says > \"$0\"'"
"""An editor: of it, all that matters is that a message is written."""
HOST_ONLY = ("doctor", "--no-engine")


@dataclass(frozen=True)
class State:
    """``build`` makes the project; ``look`` is the command that finds ``rule`` there.

    ``edits`` says what a step of words comes to, by a part of its text; a step that none of them is for fails.
    ``unsaid`` mends what the message alone tells, where no fix is printed; ``stays`` tells why the finding may still be
    there. ``change`` comes after the image was built.
    """

    rule: str
    build: Edit
    edits: Mapping[str, Edit] = field(default_factory=dict)
    look: tuple[str, ...] = HOST_ONLY
    stays: str = ""
    unsaid: Edit | None = None
    change: Edit | None = None


def nothing(shop: Shop) -> None:
    """The step is for the eyes, or for a case that is not this one."""


def replace(name: str, old: str, new: str) -> Edit:
    """An edit of one place in a file."""

    def edit(shop: Shop) -> None:
        path = shop.folder / name
        text = path.read_text()
        assert old in text, f"{name} has no {old!r}"
        path.write_text(text.replace(old, new))

    return edit


def follow(
    state: State, shop: Shop, env: Mapping[str, str] | None = None, rows: Callable[[], Contents] | None = None
) -> None:  # fmt: skip
    """Follow the fix as it is printed, and see what has become of it all."""
    words = [word.format(archive=shop.archive, url=shop.url) for word in state.look]
    more = {"env": dict(env)} if env else {}

    def report() -> dict[str, Any]:
        found = migops(*words, "--format", "json", cwd=shop.folder, **more)
        assert found.stdout, found.stderr
        return found.json

    rows = rows or (lambda: contents(shop))
    before, held = report(), rows()
    mine = [each for each in before["findings"] if each["rule"] == state.rule]
    assert mine, f"{state.rule} is not among {[each['rule'] for each in before['findings']]}"
    done: list[object] = []
    for finding in mine:
        if finding["remedy"] in done:
            continue  # the same way out as for an earlier one
        done.append(finding["remedy"])
        for step in finding["remedy"]:
            if not step["alternative"]:
                take(step, state, shop, env)
    if state.unsaid is not None:
        assert not any(finding["remedy"] for finding in mine), "its fix is printed, so it is to be followed"
        state.unsaid(shop)
    after = report()
    left = [each for each in after["findings"] if each["rule"] == state.rule]
    assert bool(left) is bool(state.stays), left
    assert errors(after) <= errors(before), "the fix has made something worse"
    assert lost(held, rows()) == [], "the fix has lost data"


def take(step: Mapping[str, Any], state: State, shop: Shop, env: Mapping[str, str] | None) -> None:
    """Type the command of a step as it is printed; of one in words, do what it says."""
    if step["command"]:
        type_it(step["command"], shop.folder, env)
        return
    fitting = [edit for text, edit in state.edits.items() if text in step["why"]]
    assert len(fitting) == 1, f"{len(fitting)} edits are for the step: {step['why']}"
    fitting[0](shop)


def type_it(command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a command through a shell, as the text that a user copies."""
    line = " ".join(map(shlex.quote, command))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    git = {"GIT_CONFIG_COUNT": str(len(GIT_IDENTITY) // 2)}
    for number, pair in enumerate(GIT_IDENTITY[1::2]):
        git |= {f"GIT_CONFIG_KEY_{number}": pair.split("=")[0], f"GIT_CONFIG_VALUE_{number}": pair.split("=", 1)[1]}
    where = {**os.environ, **git, "GIT_EDITOR": WRITES, **(env or {}), "PATH": path}
    code, said = at_a_terminal(line, folder, where)
    assert code == 0, f"{line}\nended with {code}\n{said}"
    return said


def at_a_terminal(line: str, folder: Path, env: Mapping[str, str]) -> tuple[int, str]:
    """Run a line at a terminal, and say yes where it asks. Returns the exit code and all that was shown."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["sh", "-c", line],
        cwd=folder,
        env=dict(env),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        said, asked = b"", 0
        with suppress(OSError):  # Linux says EIO once the other end is closed
            while part := os.read(ours, 4096):
                said += part
                if (questions := said.count(b"[y/N]")) > asked:
                    asked = questions
                    os.write(ours, b"y\n")
        os.close(ours)
        return process.wait(), said.decode(errors="replace")


def errors(report: Mapping[str, Any]) -> set[str]:
    return {each["rule"] for each in report["findings"] if each["severity"] == "error"}


def contents(shop: Shop) -> Contents:
    """The tables of the SQLite database with their rows; {} where the state has none."""
    if not shop.url:
        return {}
    with closing(sqlite3.connect(shop.folder.parent / "shop.db")) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in names}


def lost(before: Contents, after: Contents) -> list[str]:
    """The tables of which a row has gone; the version table is Alembic's own."""
    kept = {name: rows for name, rows in before.items() if name != "alembic_version"}
    return [name for name, rows in kept.items() if any(row not in after.get(name, []) for row in rows)]
