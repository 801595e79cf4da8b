"""What is known of a shell before it runs: its arguments, what the container gives it, the branch that it takes."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence

from migops.places.startup.failing import Shell, simple
from migops.places.startup.shell import Branch, Compound, Script

_ALL_ARGUMENTS = re.compile(r"\$(?:[@*]|\{[@*](?::([0-9]+))?\})")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?-([^${}]*))?\})")
_ASSIGNED = re.compile(r"([A-Za-z_]\w*)\+?=")


def taken(node: Compound, shell: Shell) -> Iterator[tuple[Branch, bool]]:
    """The branches that may run, and whether it is told that this one does."""
    settled = True
    for number, branch in enumerate(node.branches):
        runs = _runs(node, number, shell)
        if runs:
            yield branch, settled
            if node.kind in ("if", "case"):
                return
        elif runs is None:
            settled = False
            yield branch, False


def _runs(node: Compound, number: int, shell: Shell) -> bool | None:
    branch = node.branches[number]
    if node.kind == "if":
        return holds(node.tests[number], shell) if number < len(node.tests) else True
    if node.kind == "case":
        given = value(branch.subject, shell)
        if given is None or any("$" in pattern for pattern in branch.patterns):
            return None
        return any(fnmatch.fnmatchcase(given, pattern) for pattern in branch.patterns)
    return None if branch.condition else True


def holds(test: Script, shell: Shell) -> bool | None:
    """Whether ``[ A = B ]`` holds, where both are known; None where only a running shell could tell."""
    commands = list(simple(test))
    if len(commands) != 1 or test.chains[0].pipelines[0].negated:
        return None
    words = commands[0].words
    if len(words) != 5 or words[0] not in ("[", "[[") or words[2] not in ("=", "==", "!="):
        return None
    left, right = value(words[1], shell), value(words[3], shell)
    if left is None or right is None:
        return None
    return (left == right) is (words[2] != "!=")


def value(word: str, shell: Shell) -> str | None:
    """What a word comes to: an argument of the script, a variable that the container is given, plain text."""
    if "$" not in word and "`" not in word:
        return word
    found = _VARIABLE.fullmatch(word)
    if found is None:
        return None
    name, default = found[1] or found[2], found[3]
    if name.isdigit():
        at = int(name) - 1
        return (shell.arguments[at] if 0 <= at < len(shell.arguments) else default or "") if at >= 0 else None
    if name in shell.assigned:
        return None
    return shell.environment.get(name, default)


def expanded(words: Sequence[str], shell: Shell) -> Iterator[str]:
    for word in words:
        found = _ALL_ARGUMENTS.fullmatch(word)
        if found:
            yield from shell.arguments[int(found[1] or 1) - 1 :]
        else:
            yield word


def set_options(words: Sequence[str], shell: Shell) -> None:
    """The options of ``set``, or those that a shell is started with."""
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
    """The variables that a script gives a value, itself or by what it reads in."""
    commands = list(simple(script)) + [each for body in script.functions.values() for each in simple(body)]
    return frozenset(found[1] for each in commands for word in each.words if (found := _ASSIGNED.match(word)))
