"""Classification of a command by its words: a migration, a script to follow, a Python program, or another command."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import pairwise

from migops.core.options import ALEMBIC, FLASK_MIGRATE
from migops.entrypoint.alembic_call import PROGRAM

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
_SHELL_TEXT = re.compile(r"-[a-z]*c[a-z]*")
_SHELL_VALUED = frozenset(("-o", "+o", "-O", "+O"))


class Does(Enum):
    """The effect of a command, as far as its words determine it."""

    UPGRADE = "upgrade"
    STAMP = "stamp"
    SHELL_TEXT = "shell text"  # `sh -c TEXT`
    SHELL_FILE = "shell file"  # `sh FILE`
    SOURCE = "source"  # `. FILE`: in the same shell
    PROGRAM = "program"  # FILE itself: its first bytes determine its kind
    PYTHON_TEXT = "python text"  # `python -c TEXT`
    PYTHON_FILE = "python file"
    PYTHON_MODULE = "python module"
    OF_A_FILE = "of a file"  # commands in a Makefile, a Procfile, a supervisor's configuration
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Meaning:
    """A classified command."""

    does: Does
    words: tuple[str, ...]  # without wrappers
    what: str = ""  # the text, file or module that runs
    arguments: tuple[str, ...] = ()  # the arguments of ``what``
    callee: str = ""  # the function of the module that a server loads
    folder: str = ""  # the folder in which a server looks for the module
    options: str = ""  # of the shell that runs a script


def meaning(words: Sequence[str]) -> Meaning:
    """Classify a command. Wrappers (``exec``, ``env``, ``poetry run``, ``tini --``, …) are removed first."""
    words = unwrapped(words)
    if not words:
        return Meaning(Does.OTHER, ())
    name, rest = posixpath.basename(words[0]), words[1:]
    if name in _SHELLS:
        return _shell(words, rest)
    if name in (".", "source") and rest:
        if posixpath.basename(rest[0]) == "activate":  # of a virtual environment; it sets PATH
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
    """The command without assignments and without wrappers that only change how it is run."""
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


def reads_input(words: Sequence[str]) -> bool:
    """True for a shell that is given neither a text nor a file to run. (Python is most often given a wait that way.)"""
    name = posixpath.basename(words[0]) if words else ""
    return name in _SHELLS and all(word in ("-", "-s", "-e", "-x", "-ex") for word in words[1:])


def behind(words: Sequence[str]) -> tuple[str, ...]:
    """The command that a program which is not known is handed to run: after ``--``, or a shell with its text or file;
    () if there is none that can be told."""
    for at, word in enumerate(words[:-1]):
        after = tuple(words[at + 1 :])
        name = posixpath.basename(after[0])
        if at and word == "--" and (name in _SHELLS or _PYTHON.fullmatch(name) or name.endswith((".sh", ".py"))):
            return after
        if at and posixpath.basename(word) in _SHELLS and (_SHELL_TEXT.fullmatch(after[0]) or "/" in after[0]):
            return (word, *after)
        if at and word in ("-c", "--command") and " " in after[0]:
            return ("sh", "-c", after[0])
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
    if any(_SHELL_TEXT.fullmatch(each) for each in options.split()):
        # The words after the text are $0 and then the arguments.
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
    migration = _migration(posixpath.basename(rest[at]), rest[at + 1 :])
    if migration:
        return Meaning(migration, words)
    return Meaning(Does.PYTHON_FILE, words, rest[at], rest[at + 1 :])


def _migration(name: str, rest: tuple[str, ...]) -> Does | None:
    """UPGRADE for ``alembic upgrade``, ``flask db upgrade`` and the like, STAMP for a stamp; else None."""
    if "--sql" in rest:
        return None  # only prints
    if PROGRAM.fullmatch(name):
        verbs = _past_options(rest, ALEMBIC)
    elif "db" in rest:
        verbs = _past_options(rest[rest.index("db") + 1 :], FLASK_MIGRATE)
    else:
        return None
    return {"upgrade": Does.UPGRADE, "stamp": Does.STAMP}.get(verbs[0] if verbs else "")


def _server(words: tuple[str, ...], rest: tuple[str, ...]) -> Meaning:
    """A server and the ``package.module:object`` in its arguments."""
    folder = next((after for word, after in pairwise(rest) if word in ("--app-dir", "--chdir")), "")
    folder = next((word.partition("=")[2] for word in rest if word.startswith(("--app-dir=", "--chdir="))), folder)
    for word in rest:
        named = _OBJECT.fullmatch(word)
        if named:
            return Meaning(Does.PYTHON_MODULE, words, named[1], callee=named[2], folder=folder)
    return Meaning(Does.OTHER, words)


def by_first_line(command: Meaning, text: str) -> Meaning:
    """The command with the kind and shell options that the file's first line determines."""
    first = text.split("\n", 1)[0] if text.startswith("#!") else ""
    words = first[2:].split()
    if words and posixpath.basename(words[0]) == "env":
        words = [word for word in words[1:] if word != "-S"]
    if command.does is Does.PROGRAM:
        named = meaning((*words, command.what))
        does = named.does if named.does in (Does.SHELL_FILE, Does.PYTHON_FILE) else Does.PROGRAM
        if not words and command.what.endswith((".sh", ".bash")):
            does = Does.SHELL_FILE
        return replace(command, does=does, options=" ".join(words[1:]))
    return command  # `sh FILE` ignores the first line
