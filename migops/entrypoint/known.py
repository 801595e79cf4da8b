"""Values of a shell that are known before it runs: arguments, and the container's variables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from migops.entrypoint.failing import ASSIGNED, Shell, simple
from migops.entrypoint.tree import Script

_ALL_ARGUMENTS = re.compile(r"\$(?:[@*]|\{[@*](?::([0-9]+))?\})")
_ARGUMENT = re.compile(r"\$(?:[1-9]|\{[1-9][0-9]*(?::?-[^${}]*)?\})")
_BEFORE_A_COMMAND = ("exec", "command", "nohup", "time")
_CUT = re.compile(r"\$\{(\w+)((?:#{1,2}|%{1,2})[^${}]+|:\d[^${}]*|,,|\^\^)\}")
_OF_SHELL = re.compile(
    r"PATH|HOME|HOSTNAME|USER|LOGNAME|(OLD)?PWD|SHELL|E?UID|PPID|RANDOM|SECONDS|TERM|IFS|LANG|OPT(ARG|IND)|BASH\w*|_|LINENO"
)
"""Variables that a shell has although nobody sets them."""
_SUBSTITUTED = re.compile(r"\$\(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)|`([^`]*)`")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?[-=]((?:[^${}]|\$\w+|\$\{\w+\})*))?\})")


def value(word: str, shell: Shell) -> str | None:
    """The value of a word: an argument of the script, a variable of the container, plain text; None if unknown."""
    if "$" not in word and "`" not in word:
        return word
    if word in ("$#", "${#}"):
        return str(len(shell.arguments))
    if _ALL_ARGUMENTS.fullmatch(word):
        return " ".join(expanded((word,), shell))
    match = _VARIABLE.fullmatch(word)
    if match is not None:
        default = None if match[3] is None else value(match[3], shell)
        given = _given(match[1] or match[2], shell, default)
        return given if given or match[3] is None else default if given == "" else None
    cut = _CUT.fullmatch(word)
    if cut is None:
        return _composed(word, shell)
    given = _given(cut[1], shell)
    return None if given is None else _cut(given, cut[2])


def _composed(word: str, shell: Shell) -> str | None:
    """The value of a word of several parts: ``$DIR/start.sh``."""
    values = {match[0]: value(match[0], shell) for match in _VARIABLE.finditer(word)}
    if not values or any(known is None for known in values.values()):
        return None
    text = _VARIABLE.sub(lambda match: values[match[0]] or "", word)
    return None if "$" in text or "`" in text else text


def _given(name: str, shell: Shell, default: str | None = None) -> str | None:
    """The value of a variable or argument; None if it is unknown."""
    if name.isdigit():
        at = int(name) - 1
        return (shell.arguments[at] if at < len(shell.arguments) else "") if at >= 0 else None
    if name in shell.known:
        return shell.known[name]
    if name in shell.touched:
        return None
    if shell.open or shell.unread.might_set(name):
        return None
    unset = "" if shell.complete and not _OF_SHELL.fullmatch(name) else default
    return shell.environment.get(name, unset)


def _cut(given: str, how: str) -> str | None:
    """``${X#pattern}``, ``${X%pattern}`` (both for a pattern without ``*``), ``${X:0:1}``, ``${X,,}``, ``${X^^}``."""
    if how in (",,", "^^"):
        return given.lower() if how == ",," else given.upper()
    if how.startswith(":"):
        start, _, length = how[1:].partition(":")
        if not start.strip().isdigit() or not (length or "0").isdigit():
            return None
        return given[int(start) :][: int(length) if length else None]
    text = how.lstrip("#%")
    if any(sign in text for sign in "*?[$"):
        return None
    return given.removeprefix(text) if how.startswith("#") else given.removesuffix(text)


def assign(words: Sequence[str], shell: Shell, *, sure: bool) -> None:
    """Record the values of ``NAME=VALUE`` words, if known. ``sure``: the assignment certainly runs."""
    for word in words:
        assignment = ASSIGNED.match(word)
        if assignment:
            given = value(assignment[2], shell) if sure and "+=" not in word else None
            shell.known.pop(assignment[1], None)
            shell.touched.add(assignment[1])
            if given is not None:
                shell.known[assignment[1]] = given


def expanded(words: Sequence[str], shell: Shell) -> Iterator[str]:
    """The words with ``$@``, ``$1`` and the like replaced by the script's arguments, and a command by its words."""
    bare = True  # the next word is a command
    for word in words:
        all_arguments = _ALL_ARGUMENTS.fullmatch(word)
        if all_arguments:
            yield from shell.arguments[int(all_arguments[1] or 1) - 1 :]
        elif _ARGUMENT.fullmatch(word):
            given = value(word, shell)
            yield from (given,) if given else ()
        elif bare and _VARIABLE.fullmatch(word):
            yield from (value(word, shell) or word).split()
        else:
            yield word
        bare = bare and word in _BEFORE_A_COMMAND


def substitutions(words: Sequence[str]) -> Iterator[str]:
    """The texts of the commands whose output a word takes: ``OUT=$(alembic upgrade head)``, ``"`alembic current`"``."""
    for word in words:
        yield from (match[1] or match[2] for match in _SUBSTITUTED.finditer(word))


def set_options(words: Sequence[str], shell: Shell) -> None:
    """Apply the options of ``set``, or those that a shell is started with."""
    for at, word in enumerate(words):
        on = word.startswith("-")
        if word[:1] not in ("-", "+"):
            continue
        named = words[at + 1] if word[1:].endswith("o") and at + 1 < len(words) else ""
        if "e" in word[1:] or named == "errexit":
            shell.errexit = on
        if named == "pipefail":
            shell.pipefail = on


def assigned(script: Script) -> frozenset[str]:
    """The variables that a script or its functions assign."""
    commands = list(simple(script)) + [command for body in script.functions.values() for command in simple(body)]
    matches = (ASSIGNED.match(word) for command in commands for word in command.words)
    return frozenset(match[1] for match in matches if match)
