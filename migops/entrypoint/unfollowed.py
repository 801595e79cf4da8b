"""What a start may run although following its text does not reach it: traps, BASH_ENV, SQL that Alembic prints.

Each function returns the sentence for the reader, or '' where there is nothing of the kind.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from migops.core.redaction import redact
from migops.entrypoint.shell import NotRead, parse
from migops.entrypoint.tree import Script, Simple

_MIGRATES = re.compile(r"alembic|migrat|\bdb\b", re.IGNORECASE)
"""Words of a command that may migrate: ``alembic``, ``./migrate.sh``, ``flask db upgrade``."""


def by_trap(words: Sequence[str], functions: Mapping[str, Script]) -> str:
    """``trap 'alembic upgrade head' EXIT``: what it runs when the script ends or is told to."""
    given = [word for word in words[1:] if word != "--"]
    if len(given) < 2 or given[0].startswith("-") or not _reaches(given[0], functions):
        return ""
    return f"`{redact(' '.join(words))}` runs a migration when the script ends or is signalled, which was not followed"


def by_bash(words: Sequence[str], text: str, environment: Mapping[str, str]) -> str:
    """The file of BASH_ENV, which bash reads before any script; ``words`` start the shell that reads ``text``."""
    name = posixpath.basename(words[0]) if words else ""
    first = text.split("\n", 1)[0] if text.startswith("#!") else ""
    by_itself = name not in ("sh", "dash", "ash", "busybox") and re.search(r"\bbash\b", first)
    if not environment.get("BASH_ENV") or not (name == "bash" or by_itself):
        return ""
    return "bash first reads the file that BASH_ENV names, which was not followed"


def by_printed_sql(words: Sequence[str], *, piped: bool) -> str:
    """``alembic upgrade head --sql | psql``: the other command may run what Alembic prints."""
    if not piped or "--sql" not in words or not {"upgrade", "downgrade", "stamp"} & {*words}:
        return ""
    return (
        f"another command gets the SQL that `{redact(' '.join(words))}` prints, and what it does with it is not known"
    )


def _reaches(text: str, functions: Mapping[str, Script]) -> bool:
    """Whether the text of a trap, or a function that it calls, has a command that may migrate."""
    try:
        open_scripts, seen = [parse(text)], set[str]()
    except NotRead:
        return bool(_MIGRATES.search(text))
    while open_scripts:
        for words in _commands(open_scripts.pop()):
            if any(_MIGRATES.search(word) for word in words) and words[0] not in ("echo", "printf"):
                return True
            if words[0] in functions and words[0] not in seen:
                seen.add(words[0])
                open_scripts.append(functions[words[0]])
    return False


def _commands(script: Script) -> Iterator[tuple[str, ...]]:
    """The words of each command of a script, also those inside of compound ones."""
    for part in (part for chain in script.chains for pipeline in chain.pipelines for part in pipeline.parts):
        if isinstance(part, Simple):
            yield part.words
        else:
            for inner in (*part.tests, *(branch.body for branch in part.branches)):
                yield from _commands(inner)
