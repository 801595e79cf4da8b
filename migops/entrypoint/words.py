"""What the words of a command come to: a migration, another script to follow, a Python program, or something else."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from migops.core.options import ALEMBIC, FLASK_MIGRATE

_SHELLS = frozenset(("sh", "bash", "ash", "dash", "zsh", "ksh"))
_PLAIN_WRAPPERS = frozenset(("exec", "command", "nohup", "time", "builtin", "setsid", "then", "xvfb-run", "catchsegv"))
_RUNNERS = frozenset(("poetry", "uv", "pipenv", "pdm", "hatch", "rye", "conda", "micromamba"))
_AS_USER = frozenset(("gosu", "su-exec"))
_INITS = frozenset(("tini", "dumb-init", "catatonit", "docker-init"))
_INSTRUMENTS = frozenset(("opentelemetry-instrument", "ddtrace-run"))
_SERVERS = frozenset(("uvicorn", "gunicorn", "hypercorn", "daphne", "granian"))
_FOLLOWS_A_FILE = frozenset(
    (
        *("make", "just", "task", "invoke", "npm", "yarn", "pnpm"),
        *("supervisord", "honcho", "foreman", "circusd", "runsvdir", "s6-svscan", "pm2"),
    )
)
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_PYTHON = re.compile(r"(python|pypy)[0-9.]*")
_OBJECT = re.compile(r"([A-Za-z_][\w.]*):([A-Za-z_][\w.]*)(\(.*\))?")
_PYTHON_VALUED = frozenset(("-X", "-W"))
_SHELL_VALUED = frozenset(("-o", "+o", "-O", "+O"))


class Does(Enum):
    """What a command does, as far as its words tell."""

    UPGRADE = "upgrade"
    STAMP = "stamp"
    SHELL_TEXT = "shell text"  # `sh -c TEXT`
    SHELL_FILE = "shell file"  # `sh FILE`
    SOURCE = "source"  # `. FILE`: in the same shell
    PROGRAM = "program"  # FILE itself: what it is, only its first bytes tell
    PYTHON_TEXT = "python text"  # `python -c TEXT`
    PYTHON_FILE = "python file"
    PYTHON_MODULE = "python module"
    OF_A_FILE = "of a file"  # what a Makefile, a Procfile, a supervisor's configuration says
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Meaning:
    """``what`` is the text, file or module that runs; ``arguments`` are those that it gets.

    ``words`` are the command's own, without what it is wrapped in. ``callee`` is the function of a module that a server
    is told to load, ``folder`` where it is told to look; ``options`` are those of the shell that runs a script.
    """

    does: Does
    words: tuple[str, ...]
    what: str = ""
    arguments: tuple[str, ...] = ()
    callee: str = ""
    folder: str = ""
    options: str = ""


def meaning(words: Sequence[str]) -> Meaning:
    """What a command does. Wrappers (``exec``, ``env``, ``poetry run``, ``tini --``, …) are looked through."""
    words = unwrapped(words)
    if not words:
        return Meaning(Does.OTHER, ())
    name, rest = posixpath.basename(words[0]), words[1:]
    if name in _SHELLS:
        return _shell(words, rest)
    if name in (".", "source") and rest:
        if posixpath.basename(rest[0]) == "activate":  # of a virtual environment: it sets PATH
            return Meaning(Does.OTHER, (":",))
        return Meaning(Does.SOURCE, words, rest[0], rest[1:])
    if name == "su" and "-c" in rest[:-1]:
        return Meaning(Does.SHELL_TEXT, words, rest[rest.index("-c") + 1])
    if _PYTHON.fullmatch(name):
        return _python(words, rest)
    migration = _migration(name, rest)
    if migration:
        return Meaning(migration, words)
    if name in _SERVERS:
        return _server(words, rest)
    if name == "fastapi" and (file := next((word for word in rest if word.endswith(".py")), "")):
        return Meaning(Does.PYTHON_FILE, words, file)
    if name in _FOLLOWS_A_FILE:
        return Meaning(Does.OF_A_FILE, words, " ".join(words))
    if "/" in words[0] or name.endswith((".sh", ".bash", ".py")) or "entrypoint" in name:
        does = Does.PYTHON_FILE if name.endswith(".py") else Does.PROGRAM
        return Meaning(does, words, words[0], rest)
    return Meaning(Does.OTHER, words)


def unwrapped(words: Sequence[str]) -> tuple[str, ...]:
    """The command that is run in the end: without assignments, and without what only changes how it is run."""
    left = tuple(words)
    while left:
        name = posixpath.basename(left[0])
        after = left[left.index("--") + 1 :] if "--" in left else ()
        if _ASSIGNMENT.fullmatch(left[0]) or name in _PLAIN_WRAPPERS or name in _INSTRUMENTS:
            left = left[1:]
        elif name == "env":
            left = _past(left[1:], lambda word: word.startswith("-") or bool(_ASSIGNMENT.fullmatch(word)))
        elif name == "sudo":
            left = _past_options(left[1:], frozenset(("-u", "-g")))
        elif name in _AS_USER:
            left = left[2:]
        elif name in _INITS or name == "nice":
            left = after or _past_options(left[1:], frozenset(("-n", "-p", "-r")))
        elif name == "timeout":
            left = _past_options(left[1:], frozenset(("-k", "-s")))[1:]
        elif name in _RUNNERS and "run" in left[1:4]:
            left = _past_options(left[left.index("run") + 1 :], frozenset(("-n", "--name", "--with", "-e", "--extra")))
        elif after and "wait" in name:  # wait-for-it HOST:PORT -- COMMAND
            left = after
        else:
            return left
    return ()


def _past(words: tuple[str, ...], skips: Callable[[str], bool]) -> tuple[str, ...]:
    at = next((index for index, word in enumerate(words) if not skips(word)), len(words))
    return words[at:]


def _past_options(words: tuple[str, ...], valued: Collection[str]) -> tuple[str, ...]:
    """The words after the options; those of ``valued`` take the next word with them."""
    at = 0
    while at < len(words) and words[at].startswith(("-", "+")):
        at += 2 if words[at] in valued else 1
    return words[at:]


def _shell(words: tuple[str, ...], rest: tuple[str, ...]) -> Meaning:
    left = _past_options(rest, _SHELL_VALUED)
    options = " ".join(rest[: len(rest) - len(left)])
    if re.search(r"(^|\s)-[a-z]*c", options):
        # What follows the text is $0 and then the arguments.
        return Meaning(Does.SHELL_TEXT, words, left[0] if left else "", left[2:], options=options)
    if left:
        return Meaning(Does.SHELL_FILE, words, left[0], left[1:], options=options)
    return Meaning(Does.OTHER, words)


def _python(words: tuple[str, ...], rest: tuple[str, ...]) -> Meaning:
    at = 0
    while at < len(rest) and rest[at].startswith("-"):
        if rest[at] == "-c":
            return Meaning(Does.PYTHON_TEXT, words, "".join(rest[at + 1 : at + 2]), rest[at + 2 :])
        if rest[at] == "-m":
            module, arguments = "".join(rest[at + 1 : at + 2]), rest[at + 2 :]
            name = "alembic" if module == "alembic.config" else module
            migration = _migration(name, arguments)
            if migration:
                return Meaning(migration, words)
            if name in _SERVERS:
                return _server(words, arguments)
            return Meaning(Does.PYTHON_MODULE, words, module, arguments)
        at += 2 if rest[at] in _PYTHON_VALUED else 1
    if at == len(rest):
        return Meaning(Does.OTHER, words)
    migration = _migration(rest[at], rest[at + 1 :])
    if migration:
        return Meaning(migration, words)
    return Meaning(Does.PYTHON_FILE, words, rest[at], rest[at + 1 :])


def _migration(name: str, rest: tuple[str, ...]) -> Does | None:
    """Whether ``alembic upgrade``, ``flask db upgrade`` or the like is run, or a revision stamped."""
    if "--sql" in rest:
        return None  # prints, and changes nothing
    if name == "alembic":
        verbs = _past_options(rest, ALEMBIC)
    elif "db" in rest:
        verbs = _past_options(rest[rest.index("db") + 1 :], FLASK_MIGRATE)
    else:
        return None
    return {"upgrade": Does.UPGRADE, "stamp": Does.STAMP}.get(verbs[0] if verbs else "")


def _server(words: tuple[str, ...], rest: tuple[str, ...]) -> Meaning:
    """A server that is told what to load: ``package.module:object``."""
    folder = next((after for word, after in pairwise(rest) if word in ("--app-dir", "--chdir")), "")
    folder = next((word.partition("=")[2] for word in rest if word.startswith(("--app-dir=", "--chdir="))), folder)
    for word in rest:
        found = _OBJECT.fullmatch(word)
        if found:
            return Meaning(Does.PYTHON_MODULE, words, found[1], callee=found[2], folder=folder)
    return Meaning(Does.OTHER, words)
