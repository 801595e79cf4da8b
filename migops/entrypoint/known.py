"""What is known of a shell before it runs: its arguments, what the container gives it, the branch that it takes."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence

from migops.entrypoint.failing import ASSIGNED, Shell, simple
from migops.entrypoint.shell import Branch, Chain, Compound, Script, Simple

_ALL_ARGUMENTS = re.compile(r"\$(?:[@*]|\{[@*](?::([0-9]+))?\})")
_LEAVING = ("break", "exit", "return", "exec")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?-([^${}]*))?\})")


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
    return None if branch.condition and not _asks_nothing(node) else True


def is_endless(node: Compound) -> bool:
    """Whether it is a loop that nothing ends: it asks nothing, and neither leaves itself nor the script."""
    return _asks_nothing(node) and not any(
        each.words[0] in _LEAVING for branch in node.branches for each in simple(branch.body) if each.words
    )


def _asks_nothing(node: Compound) -> bool:
    """Whether it is a loop whose test always holds: ``while true``, ``while :``, ``until false``."""
    tests = [each.words for test in node.tests for each in simple(test)]
    return (node.kind == "while" and tests in ([("true",)], [(":",)])) or (
        node.kind == "until" and tests == [("false",)]
    )


def under_what(chain: Chain, at: int, shell: Shell) -> str | None:
    """The condition that the chain's own ``&&`` and ``||`` put its ``at``-th part under; None where it does not run.

    What follows a ``||`` runs only where something failed. A ``&&`` changes nothing about a success, but for a test.
    """
    if "||" in chain.operators[:at]:
        return "where what stands before it fails"
    tests = [each.parts[0] for each in chain.pipelines[:at] if len(each.parts) == 1 and not each.negated]
    for test in tests:
        if isinstance(test, Simple) and test.words[0] in ("[", "[[", "test"):
            known = _tested(test.words, shell)
            if not known:
                return " ".join(test.words) if known is None else None
    return ""


def holds(test: Script, shell: Shell) -> bool | None:
    """Whether a condition holds, where that is known; None where only a running shell could tell."""
    commands = list(simple(test))
    if len(commands) != 1 or test.chains[0].pipelines[0].negated:
        return None
    return _tested(commands[0].words, shell)


def _tested(words: Sequence[str], shell: Shell) -> bool | None:
    """``[ A = B ]``, ``[ A != B ]``, ``[ -n A ]``, ``[ -z A ]``, of words that are known."""
    if words[0] not in ("[", "[[", "test"):
        return None
    words = words[1:] if words[0] == "test" else words[1:-1]
    if len(words) == 3 and words[1] in ("=", "==", "!="):
        left, right = value(words[0], shell), value(words[2], shell)
        return None if left is None or right is None else (left == right) is (words[1] != "!=")
    if len(words) == 2 and words[0] in ("-n", "-z"):
        given = value(words[1], shell)
        return None if given is None else bool(given) is (words[0] == "-n")
    return None


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
    if name in shell.known:
        return shell.known[name] or default or ""
    if name in shell.assigned:
        return None
    return shell.environment.get(name, default)


def assign(words: Sequence[str], shell: Shell, *, sure: bool) -> None:
    """Note what ``NAME=VALUE`` gives, where that is told; ``sure``: it is told that it runs."""
    for word in words:
        found = ASSIGNED.match(word)
        if found:
            given = value(found[2], shell) if sure and "+=" not in word else None
            shell.known.pop(found[1], None)
            if given is not None:
                shell.known[found[1]] = given


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
    return frozenset(found[1] for each in commands for word in each.words if (found := ASSIGNED.match(word)))
