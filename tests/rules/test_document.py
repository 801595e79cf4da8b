"""The explanations of the rules: each has its parts in one order, and docs/rules.md is made from them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from migops.cli.main import COMMANDS
from migops.commands.failures import FAILURES
from migops.commands.fix.registry import FIXERS
from migops.rules import RULES
from migops.rules.document import markdown, sections
from migops.rules.rule import Rule

PAGE = Path(__file__).parents[2] / "docs" / "rules.md"
LABELS = ["", "What", "Why", "Alembic says", "Fix", "With migops", "Seen in"]
QUOTED = re.compile(r"\"([^\"]+)\"|'((?:[^'\"]|\"…\")+)'|`(\w+: '.*?')`")
OF_ALEMBIC_OR_PYTHON = (
    "Cycle is detected in revisions (…)", "New upgrade operations detected: …", "KeyError: '…'",
    "The version_path_separator configuration parameter is deprecated; please use path_separator",
    "Revision … is present more than once", "database files are incompatible with server",
)  # fmt: skip
"""Texts that no explanation of a failure looks for."""


def test_the_page_is_the_generated_text() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), "python -m migops.rules.document > docs/rules.md"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_an_explanation_has_its_parts_in_order(rule: Rule) -> None:
    found = list(sections(rule))
    assert found == [label for label in LABELS if label in found]
    assert {"", "What", "Why", "Fix"} <= set(found)
    assert len(rule.summary) < 120
    threads = sections(rule).get("Seen in", "")
    assert re.fullmatch(r"(?:[\w.-]+/[\w.-]+#\d+(?:,\s)?)*", threads), threads
    for command in re.findall(r"`migops ([a-z-]+)", rule.explanation):
        assert command in COMMANDS


@pytest.mark.parametrize("rule", [rule for rule in RULES if "Alembic says" in sections(rule)], ids=lambda rule: rule.id)
def test_what_alembic_says_is_a_text_that_migops_recognises(rule: Rule) -> None:
    """So it is a real one: the texts of the known failures come from the tools themselves."""
    said = " ".join(sections(rule)["Alembic says"].split())
    texts = ["".join(found) for found in QUOTED.findall(said)]
    assert texts or "UniqueViolation" in said
    for text in texts:
        output = f"FAILED: {text.replace('…', 'a1')}"
        known = any(failure.pattern.search(output) for failure in FAILURES)
        assert known or text in OF_ALEMBIC_OR_PYTHON, f"{rule.id}: {text}"


def test_only_what_is_edited_is_said_to_be() -> None:
    named = {rule for each in RULES for rule in re.findall(r"doctor --fix (MIG\d+)", each.explanation)}
    assert len(named) > 10
    assert named <= set(FIXERS)


def test_the_page_has_each_rule_once_with_its_readers() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [rule.id for rule in RULES] == re.findall(r"(?m)^### (MIG\d+) ", text)
    assert "### MIG407 schema-drift\n\n*error*, checked by `status`, `doctor` with `--drift`" in text
    assert "### MIG601 create-all-at-startup\n\n*warning*, checked by `doctor`\n" in text
