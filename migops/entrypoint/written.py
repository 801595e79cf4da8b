"""Files that a start writes itself before it migrates: Alembic then reads others than the deploy's migration did."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence

from migops.entrypoint.alembic_call import Call
from migops.entrypoint.words import unwrapped

_TARGET = re.compile(r"(?<![-=&<>])>>?\|?[ \t]*[\"']?([^\s\"';|&()<>]+)")
_WRITES = frozenset(("cp", "mv", "ln", "install", "tee", "rsync", "truncate", "ed", "ex", "crudini", "curl", "wget"))
_IN_PLACE = frozenset(("sed", "perl"))
_FETCHES = frozenset(("checkout", "clone", "pull", "reset", "merge", "switch"))
_READ = re.compile(
    r"[\w.-]*alembic[\w.-]*\.(ini|toml|cfg|conf)|pyproject\.toml|env\.py|([\w-]*\.)?(flask)?env(\.[\w.-]+)?"
    r"|\.pgpass|\.?pg_service\.conf"
)
"""Files that decide which database Alembic or the code that it runs takes."""


def by_redirection(text: str) -> set[str]:
    """The names of the files that a shell's text sends output to, wherever it does."""
    return {posixpath.basename(target) for target in _TARGET.findall(text)}


def by_command(words: Sequence[str]) -> set[str]:
    """The names of the files that a command writes, or may write."""
    words = unwrapped(words)
    name = posixpath.basename(words[0]) if words else ""
    if name == "git" and not _FETCHES.isdisjoint(words[1:4]):
        return {"git"}
    in_place = name in _IN_PLACE and any(re.match(r"-[a-zA-Z]*i|--in-place", word) for word in words[1:])
    return {posixpath.basename(word) for word in words[1:]} if name in _WRITES or in_place else set()


def of_alembic(names: Iterable[str], call: Call | None) -> list[str]:
    """Those of the files that Alembic or its env.py may read."""
    own = {posixpath.basename(each) for each in (*call.configs, call.variable)} - {""} if call else set()
    return sorted(name for name in names if name in own or name == "git" or _READ.fullmatch(name))
