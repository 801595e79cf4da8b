"""The words by which a project itself calls Alembic in its start, where they are not Alembic's own or Flask's."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Sequence

from migops.analysis.evidence import Evidence

_KNOWN = ("flask", "quart")
_WHOLE = (("upgrade",), ("upgrade", "head"), ("upgrade", "heads"))


def upgrade_words(text: str) -> tuple[str, ...]:
    """The words of an upgrade in a start, with its runner (``poetry run``); () if they cannot be typed as they are."""
    try:
        words = shlex.split(text)
    except ValueError:
        return ()
    while words and words[0] in ("exec", "nohup", "time", "command"):
        words = words[1:]
    return () if any(sign in word for word in words for sign in ("$", "`", "***", "=")) else tuple(words)


def own_program(evidence: Evidence) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words before Alembic's verb, and the whole upgrade, if the start calls it by a program of the project.

    ((), ()) if it calls Alembic or Flask's ``db``, which ``migops alembic`` does as well, or nothing.
    """
    from migops.entrypoint.alembic_call import PROGRAM
    from migops.entrypoint.words import unwrapped

    for startups in evidence.startups.values():
        for change in (one for each in (startups if isinstance(startups, tuple) else ()) for one in each.upgrades):
            words = () if change.at.file.endswith(".py") else unwrapped(upgrade_words(change.text))
            if "upgrade" not in words:
                continue
            name = posixpath.basename(words[0])
            if PROGRAM.fullmatch(name):  # `alembic-3` is the only name that some distributions give it
                return (words[: words.index("upgrade")], words) if name != "alembic" else ((), ())
            program = words[: words.index("db") + 1] if "db" in words else ()
            module = program[program.index("-m") + 1] if "-m" in program[:-1] else ""
            if program and name not in _KNOWN and module not in _KNOWN:
                return program, words
            return (), ()
    return (), ()


def by_own_words(evidence: Evidence, words: Sequence[str]) -> tuple[str, ...]:
    """The command line inside the container, by the project's own program; () if it has none of its own."""
    program, upgrade = own_program(evidence)
    if not program:
        return ()
    return upgrade if tuple(words) in _WHOLE else (*program, *words)
