"""Branches that a shell takes, and conditions whose outcome is known before it runs."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence

from migops.entrypoint.failing import Shell, simple
from migops.entrypoint.known import value
from migops.entrypoint.tree import Branch, Chain, Compound, Pipeline, Script, Simple

_LEAVING = ("break", "exit", "return", "exec")
FAILED = "where what stands before it fails"
"""The condition of a command after ``||``."""


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

    A command after ``||`` runs only after a failure, or where a test before it does not hold. A ``&&`` is no condition
    on success, except after a test.
    """
    unsure = ""
    state: bool | None = True  # the exit status so far
    for number, pipeline in enumerate(chain.pipelines[:at]):
        operator = chain.operators[number - 1] if number else "&&"
        if state is None or state is (operator == "&&"):
            state = outcome(pipeline, shell)
            unsure = _written(pipeline) if state is None and is_test(pipeline) else unsure
    operator = chain.operators[at - 1] if at else "&&"
    if state is None:
        if operator == "||":
            return f"unless {unsure}" if unsure else FAILED
        return unsure
    if state is (operator == "&&"):
        return ""
    return None if all(is_test(each) for each in chain.pipelines[:at]) or operator == "&&" else FAILED


def holds(test: Script, shell: Shell) -> bool | None:
    """True or False for a condition with a known outcome; None if only a running shell determines it."""
    return _status(test.chains[-1], shell) if test.chains else None


def _status(chain: Chain, shell: Shell) -> bool | None:
    state = outcome(chain.pipelines[0], shell)
    for operator, pipeline in zip(chain.operators, chain.pipelines[1:], strict=True):
        if state is None:
            following = outcome(pipeline, shell)
            state = following if following is (operator == "||") else None
        elif state is (operator == "&&"):
            state = outcome(pipeline, shell)
    return state


def outcome(pipeline: Pipeline, shell: Shell) -> bool | None:
    """True for success, False for failure of a command with a known outcome; None for any other."""
    command = pipeline.parts[0]
    if len(pipeline.parts) != 1 or not isinstance(command, Simple):
        return None
    known = _succeeds(command.words, shell)
    return known if known is None or not pipeline.negated else not known


def is_test(pipeline: Pipeline) -> bool:
    """True for a command that only tests something."""
    command = pipeline.parts[0]
    return isinstance(command, Simple) and command.words[0] in ("[", "[[", "test", "true", "false", ":")


def _written(pipeline: Pipeline) -> str:
    command = pipeline.parts[0]
    return ("! " if pipeline.negated else "") + " ".join(command.words if isinstance(command, Simple) else ())


def _succeeds(words: Sequence[str], shell: Shell) -> bool | None:
    name = value(words[0], shell) if len(words) == 1 else words[0]  # `if $FLAG; then`
    if name in ("true", ":"):
        return True
    if name == "false":
        return False
    if words[0] not in ("[", "[[", "test"):
        return None
    return _tested(list(words[1:] if words[0] == "test" else words[1:-1]), shell, words[0] == "[[")


def _tested(words: list[str], shell: Shell, pattern: bool) -> bool | None:
    """The outcome of a test's words: comparisons, ``-n``, ``-z``, ``!``, ``-a``, ``-o``, ``&&``, ``||``."""
    for either, operators in ((True, ("||", "-o")), (False, ("&&", "-a"))):
        at = next((number for number, word in enumerate(words) if word in operators and number), 0)
        if at:
            sides = (_tested(words[:at], shell, pattern), _tested(words[at + 1 :], shell, pattern))
            if either in sides:
                return either
            return None if None in sides else not either
    if words[:1] == ["!"]:
        inner = _tested(words[1:], shell, pattern)
        return None if inner is None else not inner
    if len(words) == 3:
        return _compared(value(words[0], shell), words[1], value(words[2], shell), pattern)
    if len(words) == 2 and words[0] in ("-n", "-z"):
        given = value(words[1], shell)
        return None if given is None else bool(given) is (words[0] == "-n")
    if len(words) == 1:
        given = value(words[0], shell)
        return None if given is None else bool(given)
    return None


def _compared(left: str | None, operator: str, right: str | None, pattern: bool) -> bool | None:
    if left is None or right is None:
        return None
    if operator in ("=", "==", "!="):
        same = fnmatch.fnmatchcase(left, right) if pattern else left == right
        return same is (operator != "!=")
    numbers = {"-eq": int.__eq__, "-ne": int.__ne__, "-gt": int.__gt__, "-ge": int.__ge__, "-lt": int.__lt__,
               "-le": int.__le__}  # fmt: skip
    if operator in numbers and left.lstrip("-").isdigit() and right.lstrip("-").isdigit():
        return bool(numbers[operator](int(left), int(right)))
    return None
