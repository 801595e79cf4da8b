"""The documents: links lead somewhere, decisions have one form and are all listed, the glossary can be looked up."""

from __future__ import annotations

import re
import shlex
from itertools import groupby
from pathlib import Path

import click
import pytest

from migops.cli.main import COMMANDS, cli

ROOT = Path(__file__).parents[1]
DECISIONS = ROOT / "docs" / "decisions"
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
_LINK = re.compile(r"\]\((?!https?:|mailto:)(?P<target>[^)#\s]*)(?:#(?P<heading>[\w-]+))?\)")


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def anchors(page: Path) -> set[str]:
    """The headings of a page, as links name them."""
    titles = re.findall(r"(?m)^#+ (.+)$", text(page))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.finditer(text(page)):
        target = page.parent / link["target"] if link["target"] else page
        assert target.exists(), f"{page.name} links to {link['target']}"
        assert not link["heading"] or link["heading"] in anchors(target), f"{page.name} links to #{link['heading']}"


def test_the_pages_are_found_from_the_readme() -> None:
    linked = {link["target"] for link in _LINK.finditer(text(ROOT / "README.md"))}
    assert {"SECURITY.md", "CHANGELOG.md", "docs/design.md", "docs/glossary.md", "docs/decisions/README.md"} <= linked


FOR_STRANGERS = ("README.md", "docs/guide.md", "docs/guide.ru.md", "docs/rules.md", "docs/commands.md",
                 "docs/acting.md", "docs/comparison.md")  # fmt: skip
"""Pages that somebody reads who has a problem, and perhaps no wide window."""


@pytest.mark.parametrize("name", FOR_STRANGERS)
def test_lines_fit_a_screen(name: str) -> None:
    prose = re.sub(r"(?ms)^```.*?^```$|\(https:[^)]*\)", "", text(ROOT / name))
    assert [line for line in prose.splitlines() if len(line) > 120 and not line.startswith(("|", "    "))] == []


def test_the_first_screen_says_what_it_is_for() -> None:
    first = text(ROOT / "README.md").split("\n## ")[0]
    assert len(first.splitlines()) <= 42
    for word in ("pipx install .", "uv tool install .", "Python 3.10", "It never", "docs/guide.md", "adopt", "`%04d`"):
        assert word in first, word


@pytest.mark.parametrize("name", FOR_STRANGERS)
def test_commands_and_options_that_a_page_names_exist(name: str) -> None:
    page = text(ROOT / name)
    lines = re.findall(r"(?m)^\$ (migops .+)$", page) + re.findall(r"`(migops [^`]+)`", page)
    assert lines or name == "docs/comparison.md"
    for line in lines:
        words = [word for word in shlex.split(line.replace("…", ""), comments=True) if word != "COMMAND"]
        if len(words) < 2 or words[1].startswith("-"):
            continue
        assert words[1] in COMMANDS, line
        command = cli.get_command(click.Context(cli), words[1])
        assert command is not None
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        alembic = words[1] == "alembic"
        for word in words[2:]:
            if alembic and not word.startswith("-"):
                break  # what follows is Alembic's
            assert not word.startswith("-") or word.split("=")[0] in known, line


def test_every_page_is_reached_from_the_readme() -> None:
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page not in reached and page.suffix == ".md" and page.exists():
            reached.add(page)
            todo += [(page.parent / link["target"]).resolve() for link in _LINK.finditer(text(page)) if link["target"]]
    assert {page.resolve() for page in PAGES} <= reached


def test_decisions_have_one_form() -> None:
    pages = sorted(DECISIONS.glob("[0-9]*.md"))
    assert [int(page.name[:3]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        headings = re.findall(r"(?m)^#+ .+$", text(page))
        assert headings[1:] == ["## Context", "## Decision", "## Consequences"], page.name
        slug = re.sub(r"[^a-z0-9]+", "-", headings[0].removeprefix("# ").lower()).strip("-")
        assert page.stem[4:] == slug, "the file is named by its title"
        assert len(text(page).splitlines()) < 40, page.name
        assert f"- [{page.name[:3]}]({page.name}) {headings[0].removeprefix('# ')}\n" in text(DECISIONS / "README.md")


def test_the_glossary_is_in_order_and_explains_each_word_once() -> None:
    rows = re.findall(r"(?m)^(## .+)$|^\| (?!word|-)(.+?) \| (.+) \|$", text(ROOT / "docs" / "glossary.md"))
    words = [word for heading, word, _ in rows if not heading]
    assert len(words) == len(set(words)) > 50
    for heading, part in groupby(rows, key=lambda row: bool(row[0])):
        listed = [word for _, word, _ in part]
        assert heading or listed == sorted(listed), "each part is in alphabetical order"
    for _, word, meaning in rows:
        assert not word or (meaning.endswith(".") and meaning.count(". ") == 0), f"{word}: one sentence"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_modules_that_a_page_names_exist(page: Path) -> None:
    """``room/module.py`` is a module of migops, or a path from the top of the repository."""
    if page.name not in ("CHANGELOG.md", "cases.md"):  # which name what was there then, and files of others
        for name in re.findall(r"`([a-z_]+(?:/[a-z_]+)+\.py)`", text(page)):
            assert (ROOT / "migops" / name).exists() or (ROOT / name).exists(), f"{page.name} names {name}"


def test_the_architecture_lists_every_room() -> None:
    rooms = {path.name for path in (ROOT / "migops").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert set(re.findall(r"(?m)^\| `([a-z]+)/` \|", text(ROOT / "docs" / "architecture.md"))) == rooms
