"""The rules, in one tuple. A new rule is a function in its family's module and a line in that module's RULES."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from migops.analysis.evidence import Evidence
from migops.core.errors import MigopsError
from migops.core.model import Finding, Skipped
from migops.core.printed import explain, here
from migops.core.text import with_hint
from migops.rules import (
    alembic_config,
    application,
    build,
    compose_file,
    container,
    database,
    database_schema,
    effective,
    foreseen,
    git,
    git_database,
    history,
    image_host,
    one_container,
    start,
    startable,
    stopped,
)
from migops.rules.rule import Rule

RULES: tuple[Rule, ...] = tuple(
    sorted(
        (
            *image_host.RULES,
            *build.RULES,
            *container.RULES,
            *effective.RULES,
            *history.RULES,
            *database.RULES,
            *database_schema.RULES,
            *alembic_config.RULES,
            *application.RULES,
            *git.RULES,
            *git_database.RULES,
            *compose_file.RULES,
            *one_container.RULES,
            *start.RULES,
            *startable.RULES,
            *stopped.RULES,
            *foreseen.RULES,
        ),
        key=lambda rule: rule.id,
    )
)

COMMANDS = ("check-image", "status", "doctor")
"""The commands that check rules; each reads all that the previous one does, and more."""


def chosen(select: Sequence[str], ignore: Sequence[str], command: str = "doctor") -> tuple[Rule, ...]:
    """The rules that ``--select`` names (all, if empty) without those that ``--ignore`` names.

    Each word is an id, the beginning of one (``MIG3``), or a name. A word that matches no rule is a usage error, and so
    is a ``--select`` that ``command`` checks none of: finding nothing would look like a pass.
    """
    wanted = [rule for rule in RULES if not select or any(_fits(rule, word) for word in select)]
    for word in (*select, *ignore):
        if not any(_fits(rule, word) for rule in RULES):
            hint = with_hint(word, _words(), f"`{explain()}` lists the rules")
            raise MigopsError(f"there is no rule {word!r}", hint=hint)
    for word in select:
        fitting = [rule.command for rule in RULES if _fits(rule, word)]
        if not any(COMMANDS.index(each) <= COMMANDS.index(command) for each in fitting):
            raise MigopsError(
                f"migops {command} does not check {word}: it does not read the places that this needs",
                hint=shlex.join((*here().bare(fitting[0]), "--select", word)),
            )
    return tuple(rule for rule in wanted if not any(_fits(rule, word) for word in ignore))


def _words() -> list[str]:
    """The ids and names of all rules."""
    return [word for rule in RULES for word in (rule.id, rule.name)]


def find(word: str, others: Sequence[str] = ()) -> Rule:
    """The one rule with this id or name. ``others``: further names that could have been meant."""
    for rule in RULES:
        if word.upper() == rule.id or word == rule.name:
            return rule
    hint = with_hint(word, (*_words(), *others), f"`{explain()}` lists the rules and the failures")
    raise MigopsError(f"there is no rule or failure {word!r}", hint=hint)


def judge(rules: Sequence[Rule], evidence: Evidence) -> tuple[tuple[Finding, ...], tuple[Skipped, ...]]:
    """Check the rules against the evidence: findings, worst first, and the rules that could not be checked."""
    results = [result for rule in rules for result in rule.judge(evidence)]
    findings = [result for result in results if isinstance(result, Finding)]
    skipped = tuple(result for result in results if isinstance(result, Skipped))
    return tuple(sorted(findings, key=lambda finding: -finding.severity.rank)), skipped


def _fits(rule: Rule, word: str) -> bool:
    return word == rule.name or (word.upper().startswith("MIG") and rule.id.startswith(word.upper()))
