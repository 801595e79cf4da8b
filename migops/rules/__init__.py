"""The rules, in one tuple. A new rule is a function in its family's module and a line in that module's RULES."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from migops.analysis.evidence import Evidence
from migops.core.errors import MigopsError
from migops.core.model import Finding, Skipped
from migops.core.printed import explain, here
from migops.rules import (
    alembic_config,
    application,
    build,
    compose_file,
    container,
    database,
    database_schema,
    effective,
    git,
    git_database,
    history,
    image_host,
)
from migops.rules.rule import Rule

RULES: tuple[Rule, ...] = (
    *image_host.RULES,
    *build.RULES,
    *container.RULES,
    *effective.RULES,
    *history.RULES,
    *database.RULES,
    *database_schema.RULES,
    *alembic_config.RULES,
    *application.RULES,
    *sorted((*git.RULES, *git_database.RULES), key=lambda rule: rule.id),
    *compose_file.RULES,
)

COMMANDS = ("check-image", "status", "doctor")
"""The commands that judge rules; each reads what the one before does, and more."""


def chosen(select: Sequence[str], ignore: Sequence[str], command: str = "doctor") -> tuple[Rule, ...]:
    """The rules that ``--select`` names (all, where it names none) less those that ``--ignore`` names.

    Each word is an id, the beginning of one (``MIG3``), or a name. One that fits no rule is a usage error, and so is
    one of ``--select`` that ``command`` judges none of: nothing would be found, and that is not clean.
    """
    wanted = [rule for rule in RULES if not select or any(_fits(rule, word) for word in select)]
    for word in (*select, *ignore):
        if not any(_fits(rule, word) for rule in RULES):
            raise MigopsError(f"no rule is called {word!r}", hint=f"`{explain()}` lists the rules")
    for word in select:
        fitting = [rule.command for rule in RULES if _fits(rule, word)]
        if not any(COMMANDS.index(each) <= COMMANDS.index(command) for each in fitting):
            raise MigopsError(
                f"migops {command} does not judge {word}: it does not read what that is about",
                hint=shlex.join((*here().bare(fitting[0]), "--select", word)),
            )
    return tuple(rule for rule in wanted if not any(_fits(rule, word) for word in ignore))


def find(word: str) -> Rule:
    """The one rule with this id or name."""
    for rule in RULES:
        if word.upper() == rule.id or word == rule.name:
            return rule
    raise MigopsError(f"no rule is called {word!r}", hint=f"`{explain()}` lists the rules")


def judge(rules: Sequence[Rule], evidence: Evidence) -> tuple[tuple[Finding, ...], tuple[Skipped, ...]]:
    """What the rules say of the evidence: findings, worst first, and the rules that could not be judged."""
    said = [answer for rule in rules for answer in rule.judge(evidence)]
    findings = [answer for answer in said if isinstance(answer, Finding)]
    skipped = tuple(answer for answer in said if isinstance(answer, Skipped))
    return tuple(sorted(findings, key=lambda finding: -finding.severity.rank)), skipped


def _fits(rule: Rule, word: str) -> bool:
    return word == rule.name or (word.upper().startswith("MIG") and rule.id.startswith(word.upper()))
