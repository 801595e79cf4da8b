"""The page of the documentation that lists the known failures: ``python -m migops.commands.failures.document``."""

from __future__ import annotations

import re
import sys

from migops.commands.failures.known import FAILURES, Failure

_HEAD = """\
# Failures that `migops alembic` explains

When Alembic ends with another code than 0, the end of its output is compared with the patterns below. The first that
fits is explained on standard error: what it means, what of it is seen in the places just now, and the fix as commands.
Alembic's own output and exit code stay as they are, and no URL is repeated.

This page is written by `python -m migops.commands.failures.document`;
the table itself is `migops/commands/failures/known.py`.
"""


def markdown() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *(_section(failure) for failure in FAILURES)])


def _section(failure: Failure) -> str:
    lines = [f"## {failure.name}", "", f"Pattern: `{failure.pattern.pattern}`", "", f"{_sentence(failure.means)}", ""]
    if failure.rules:
        lines += [f"Looked for as its cause: {', '.join(failure.rules)} (`migops explain RULE`).", ""]
    for step in failure.fix:
        command = f": `{' '.join(step.command)}`" if step.command else ""
        lines.append(f"- {step.why}{re.sub('[{}]', '', command).replace('compose ', 'docker compose ')}")
    return "\n".join(lines) + "\n"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


if __name__ == "__main__":
    sys.stdout.write(markdown())
