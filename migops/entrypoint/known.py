"""Values of a shell that are known before it runs: arguments, the container's variables, branches that it takes."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence

from migops.entrypoint.failing import ASSIGNED, Shell, simple
from migops.entrypoint.tree import Branch, Chain, Compound, Script, Simple

_ALL_ARGUMENTS = re.compile(r"\$(?:[@*]|\{[@*](?::([0-9]+))?\})")
_LEAVING = ("break", "exit", "return", "exec")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?-([^${}]*))?\})")


def possible_branches(node: Compound, shell: Shell) -> Iterator[tuple[Branch, bool]]:
    """The branches that may run, each with True if it certainly does."""
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
    """True for an endless loop: its test always holds, and no command leaves the loop or the script."""
    return _asks_nothing(node) and not any(
        command.words[0] in _LEAVING for branch in node.branches for command in simple(branch.body) if command.words
    )


def _asks_nothing(node: Compound) -> bool:
    """True for a loop whose test always holds: ``while true``, ``while :``, ``until false``."""
    tests = [command.words for test in node.tests for command in simple(test)]
    return (node.kind == "while" and tests in ([("true",)], [(":",)])) or (
        node.kind == "until" and tests == [("false",)]
    )


def under_what(chain: Chain, at: int, shell: Shell) -> str | None:
    """The condition under which the chain's ``&&`` and ``||`` run its ``at``-th part; None if it never runs.

    A command after ``||`` runs only after a failure. A ``&&`` is no condition on success, except after a test.
    """
    if "||" in chain.operators[:at]:
        return "where what stands before it fails"
    earlier = chain.pipelines[:at]
    tests = [pipeline.parts[0] for pipeline in earlier if len(pipeline.parts) == 1 and not pipeline.negated]
    for test in tests:
        if isinstance(test, Simple) and test.words[0] in ("[", "[[", "test"):
            known = _tested(test.words, shell)
            if not known:
                return " ".join(test.words) if known is None else None
    return ""


def holds(test: Script, shell: Shell) -> bool | None:
    """True or False for a condition with a known outcome; None if only a running shell determines it."""
    commands = list(simple(test))
    if len(commands) != 1 or test.chains[0].pipelines[0].negated:
        return None
    return _tested(commands[0].words, shell)


def _tested(words: Sequence[str], shell: Shell) -> bool | None:
    """The outcome of ``[ A = B ]``, ``[ A != B ]``, ``[ -n A ]`` or ``[ -z A ]``; None if a word is unknown."""
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
    """The value of a word: an argument of the script, a variable of the container, plain text; None if unknown."""
    if "$" not in word and "`" not in word:
        return word
    match = _VARIABLE.fullmatch(word)
    if match is None:
        return None
    name, default = match[1] or match[2], match[3]
    if name.isdigit():
        at = int(name) - 1
        return (shell.arguments[at] if 0 <= at < len(shell.arguments) else default or "") if at >= 0 else None
    if name in shell.known:
        return shell.known[name] or default or ""
    if name in shell.assigned:
        return None
    return None if shell.unread.might_set(name) else shell.environment.get(name, default)


def assign(words: Sequence[str], shell: Shell, *, sure: bool) -> None:
    """Record the values of ``NAME=VALUE`` words, if known. ``sure``: the assignment certainly runs."""
    for word in words:
        assignment = ASSIGNED.match(word)
        if assignment:
            given = value(assignment[2], shell) if sure and "+=" not in word else None
            shell.known.pop(assignment[1], None)
            if given is not None:
                shell.known[assignment[1]] = given


def expanded(words: Sequence[str], shell: Shell) -> Iterator[str]:
    """The words with ``$@`` and the like replaced by the script's arguments."""
    for word in words:
        all_arguments = _ALL_ARGUMENTS.fullmatch(word)
        if all_arguments:
            yield from shell.arguments[int(all_arguments[1] or 1) - 1 :]
        else:
            yield word


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
