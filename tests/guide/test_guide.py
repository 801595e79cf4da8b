"""docs/guide.md is played from top to bottom on a real project; the Russian edition has the same blocks."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.engine.sandbox import Sandbox
from tests.guide.page import Block, Command, blocks
from tests.guide.story import BEFORE, mess
from tests.guide.terminal import typed
from tests.kit import GIT_IDENTITY, with_migops
from tests.screens import shown

DOCS = Path(__file__).parents[2] / "docs"
GUIDE, RUSSIAN = DOCS / "guide.md", DOCS / "guide.ru.md"
PICTURE = DOCS / "screens" / "doctor.svg"
"""What doctor prints in this very project."""
MOST_NOT_RUN = 4
PLAYED = "llm-bot"
"""The project's name in the guide; the test's own one takes its place."""
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "T"), ("EMAIL", "t@example.invalid"))
}  # fmt: skip


def test_both_editions_have_the_same_blocks() -> None:
    english, russian = list(blocks(GUIDE)), list(blocks(RUSSIAN))
    assert [block.commands for block in russian] == [block.commands for block in english]
    assert [(block.kind, block.exit, block.text) for block in russian] == [
        (block.kind, block.exit, block.text) for block in english
    ]
    assert headings(RUSSIAN) == headings(GUIDE)
    assert inline(RUSSIAN) == inline(GUIDE)


def prose(page: Path) -> str:
    return re.sub(r"(?ms)^```.*?^```$", "", page.read_text(encoding="utf-8"))


def inline(page: Path) -> list[str]:
    """The commands that the text names between the blocks."""
    return re.findall(r"`(migops [^`]+)`", prose(page))


def headings(page: Path) -> list[int]:
    """The levels of a page's headings, in order."""
    return [len(marks) for marks in re.findall(r"(?m)^(#+) ", prose(page))]


def test_few_commands_are_not_run_and_each_says_why() -> None:
    left_out = [block for block in blocks(GUIDE) if block.not_run]
    assert sum(len(block.commands) for block in left_out) <= MOST_NOT_RUN
    assert {block.kind for block in blocks(GUIDE)} <= {"console", "diff", "python", "yaml", "text"}
    assert all(block.commands for block in blocks(GUIDE) if block.kind == "console")


def test_a_command_that_the_text_names_is_typed_in_a_block() -> None:
    """Its first two words at least; with other options it is one that the reader puts together."""
    typed_in_blocks = {tuple(command.line.split()[:2]) for block in blocks(GUIDE) for command in block.commands}
    named = {tuple(line.split()[:2]) for line in inline(GUIDE)}
    assert named - typed_in_blocks == {("migops", "rescue")}, "tests/examples plays it"


def test_what_a_block_shows_is_read() -> None:
    block = Block("console", "$ migops adopt app\nMATCH  app: …\n\nStamp it? [y/N]: y\n$ true\n")
    assert [command.line for command in block.commands] == ["migops adopt app", "true"]
    assert block.commands[0].answers == ("y",)
    assert missing(block.commands[0], "MATCH  app:  009\nStamp it? [y/N]: y\n") == []
    assert missing(block.commands[0], "Stamp it? [y/N]: y\nMATCH app: x\n") == ["Stamp it? [y/N]: y"]


def missing(command: Command, output: str) -> list[str]:
    """The shown lines that the output does not have, in this order; white space does not count, … is anything."""
    lines = iter([" ".join(line.split()) for line in output.splitlines()])
    wanted = [(line, re.escape(" ".join(line.split())).replace("…", ".*")) for line in command.shown]
    return [line for line, pattern in wanted if not any(re.fullmatch(pattern, each) for each in lines)]


def test_a_terminal_shows_what_is_left_of_a_line(tmp_path: Path) -> None:
    line = r"printf 'read 1 s\r\033[Kread 2 s\r\033[KCLEAN\n'; echo done; exit 3"
    assert typed(line, (), tmp_path, dict(os.environ)) == (3, "CLEAN\ndone\n")
    asks = 'read -p "Proceed? [y/N]: " answer; echo "$answer!"'
    assert typed(asks, ("y",), tmp_path, dict(os.environ)) == (0, "Proceed? [y/N]: y\ny!\n")


@pytest.mark.engine
def test_the_guide_can_be_typed_from_top_to_bottom(sandbox: Sandbox) -> None:
    found = mess(sandbox)
    env = {
        **with_migops(found.env), **IDENTITY, "GIT_CONFIG_GLOBAL": "/dev/null", "NO_COLOR": "1", "COLUMNS": "100",
        "TERM": "dumb", "PAGER": "cat", "MIGOPS_CACHE": "1", "MIGOPS_WATCH": "2",
    }  # fmt: skip
    for block in blocks(GUIDE):
        if block.before:
            BEFORE[block.before](found.project)
        if block.not_run:
            continue
        if block.kind == "diff":
            words = ("git", *GIT_IDENTITY, "apply", "--unidiff-zero", "-")
            subprocess.run(words, cwd=found.project, input=block.text, text=True, check=True, env=env)
        last = block.commands[-1:]
        for command in block.commands:
            play(command, block.exit if command in last else 0, sandbox.name, found.project, env)


def play(command: Command, code: int, name: str, cwd: Path, env: dict[str, str]) -> None:
    if setting := re.fullmatch(r"export (\w+)=(\S+)", command.line):
        env[setting[1]] = setting[2]
        return
    mine = Command(command.line.replace(PLAYED, name), tuple(line.replace(PLAYED, name) for line in command.shown))
    got, output = typed(mine.line, mine.answers, cwd, env)
    assert got == code, f"$ {mine.line}\n{output}\nexit code {got}, not {code}"
    assert missing(mine, output) == [], f"$ {mine.line}\n{output}"
    if mine.line == "migops doctor app" and code:
        assert rules(output) == rules(shown(PICTURE.read_text(encoding="utf-8"))), "python -m tests.screens"


def rules(text: str) -> list[str]:
    return sorted(set(re.findall(r"MIG\d+", text)))
