"""The page of the documentation that lists the rules: ``python -m migops.rules.document > docs/rules.md``."""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from migops.rules import COMMANDS, RULES
from migops.rules.rule import Rule

_HEAD = """\
# Rules

What migops looks for. Each rule has an id that never changes; `migops explain MIG001` prints the same text as this
page. The *severity* decides the exit code (`--fail-on`, default `error`). A rule whose evidence could not be read is
listed as *not checked*, with the reason: it has then neither passed nor failed.

"Alembic says" is the text to search for: Alembic's own, or the server's or the driver's, with which Alembic ends.
"Seen in" are public issues and pull requests in which people met the problem.

Silence a rule for a checkout, with a reason, in [`.migops.toml`](settings.md); for one call with `--ignore MIG001`.

This page is generated from the docstrings in `migops/rules/` by `python -m migops.rules.document`.
"""
_FAMILIES = {
    "0": "Image and host", "1": "Build", "2": "Container", "3": "History", "4": "Database",
    "5": "Alembic's configuration", "6": "Application", "7": "Git", "8": "Compose file and server",
}  # fmt: skip
_LABELS = ("What", "Why", "Alembic says", "Fix", "With migops", "Seen in")
_SHOWN = {"Fix": "Fix by hand", "With migops": "Fix with migops"}
_SECTION = re.compile(rf"^({'|'.join(_LABELS)}): ", re.ASCII)
_THREAD = re.compile(r"([\w.-]+/[\w.-]+)#(\d+)")


def markdown(rules: Sequence[Rule] = RULES) -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_contents(rules), *_families(rules)])


def sections(rule: Rule) -> dict[str, str]:
    """The explanation of a rule in parts, by their labels; the summary has none, and the label ""."""
    parts: dict[str, str] = {}
    label = ""
    for paragraph in inspect.cleandoc(rule.explanation).split("\n\n"):
        start = _SECTION.match(paragraph)
        label = start[1] if start else label
        text = paragraph[start.end() :] if start else paragraph
        parts[label] = f"{parts[label]}\n\n{text}" if label in parts else text
    return parts


def _contents(rules: Sequence[Rule]) -> Iterator[str]:
    yield "| rule | name | severity | found |\n|---|---|---|---|"
    for rule in rules:
        yield f"| [{rule.id}](#{_anchor(rule)}) | {rule.name} | {rule.severity.value} | {_cell(rule.summary)} |"
    yield ""


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _anchor(rule: Rule) -> str:
    return re.sub(r"[^\w\- ]", "", f"{rule.id} {rule.name}".lower()).replace(" ", "-")


def _families(rules: Sequence[Rule]) -> Iterator[str]:
    for family, members in groupby(rules, key=lambda rule: rule.id[3]):
        yield f"## {_FAMILIES[family]}\n"
        yield from map(_rule, members)


def _rule(rule: Rule) -> str:
    parts = sections(rule)
    lines = [f"### {rule.id} {rule.name}", "", f"*{rule.severity.value}*, {_readers(rule)}", "", parts[""], ""]
    for label in _LABELS:
        if label in parts:
            shown = f"**{_SHOWN.get(label, label)}:** {parts[label]}"
            lines += [_linked(shown) if label == "Seen in" else _filled(shown), ""]
    return "\n".join(lines)


def _readers(rule: Rule) -> str:
    """The commands that check the rule: the first that reads its evidence, and those that read more."""
    readers = [f"`{command}`" for command in COMMANDS[COMMANDS.index(rule.command) :]]
    on_request = " with `--drift`" if rule.on_request else ""
    return f"checked by {', '.join(readers)}{on_request}"


def _filled(text: str) -> str:
    paragraphs = (
        textwrap.fill(each, 116, break_long_words=False, break_on_hyphens=False) for each in text.split("\n\n")
    )
    return "\n\n".join(paragraphs)


def _linked(threads: str) -> str:
    """Each thread as a link on a line of its own."""
    return re.sub(r",\s", ",\n", _THREAD.sub(r"[\1#\2](https://github.com/\1/issues/\2)", threads))


if __name__ == "__main__":
    sys.stdout.write(markdown())
