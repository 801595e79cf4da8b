"""The options of ``migops doctor --fix [RULE …]``: rules may follow --fix as words of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from migops.cli.options import option

Command = TypeVar("Command", bound=Callable[..., Any])
_ID = re.compile(r"mig\d*", re.IGNORECASE)


class WithFix(click.Command):
    """A command with --fix, after which rules may be named: ``--fix MIG803 MIG108``, ``--fix=MIG803,MIG108``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _apart(args))


def _apart(words: Sequence[str]) -> list[str]:
    """The words with each rule after --fix as a --fix-rule of its own."""
    result: list[str] = []
    after_fix = False
    for number, word in enumerate(words):
        if word == "--":
            return [*result, *words[number:]]
        if word.startswith("--fix="):
            result += ["--fix", *_named(word.removeprefix("--fix="))]
            after_fix = True
        elif word == "--fix":
            result.append(word)
            after_fix = True
        elif after_fix and all(_is_rule(part) for part in word.split(",")):
            result += _named(word)
        else:
            result.append(word)
            after_fix = False
    return result


def _named(word: str) -> list[str]:
    return [each for part in word.split(",") if part for each in ("--fix-rule", part)]


def _is_rule(word: str) -> bool:
    """True for an id, and for a rule's name."""
    if _ID.fullmatch(word):
        return True
    from migops.rules import RULES

    return any(rule.name == word for rule in RULES)


def fix_options(command: Command) -> Command:
    """--fix with its rules, --yes and --undo."""
    for add in reversed(
        (
            click.option(
                "--fix", is_flag=True,
                help="Edit the project's files: show a diff, ask, apply, check again, and put back what fails. RULE … "
                "after it: only these rules, also what is edited only by name.",
            ),
            click.option("--fix-rule", "fix_rules", multiple=True, hidden=True),
            option("--yes", is_flag=True, help="With --fix or --undo: do not ask for confirmation (for scripts)."),
            click.option(
                "--undo", type=click.IntRange(min=1), metavar="RUN", help="Put back the files of this run of --fix."
            ),
        )
    ):  # fmt: skip
        command = add(command)
    return command
