"""What a shell does when one of its commands fails: whether the failure comes out, or is passed over."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from migops.entrypoint.shell import Chain, Compound, Pipeline, Script, Simple
from migops.entrypoint.words import Does, meaning

ASSIGNED = re.compile(r"([A-Za-z_]\w*)\+?=(.*)", re.DOTALL)
_HARMLESS = frozenset(("true", ":", "echo", "printf", "logger", "sleep", "date"))


@dataclass(slots=True)
class Shell:
    """A shell while its script is followed: its options, its arguments, where it is.

    ``assigned`` are the variables that its script sets anywhere, ``known`` those whose value is told by now. ``gone``:
    it has ended, or become another program.
    """

    arguments: tuple[str, ...] = ()
    cwd: str = "/"
    errexit: bool = False
    pipefail: bool = False
    functions: dict[str, Script] = field(default_factory=dict)
    assigned: frozenset[str] = frozenset()
    known: dict[str, str] = field(default_factory=dict, repr=False)
    gone: bool = False
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Frame:
    """Where in a node a command stands: the ``index``-th part of it. ``test``: where its failure is asked about."""

    node: Script | Chain | Pipeline | Compound
    index: int
    shell: Shell
    test: bool = False


def passed_over(frames: Sequence[Frame]) -> str:
    """How the start goes on when the innermost command fails, in words; '' where it stops or somebody asks."""
    if any(_is_tried_again(frame.node) for frame in frames):
        return ""
    guarded = False  # `set -e` does not count for what stands before a `&&`
    left: Shell | None = None  # the shell that `set -e` has ended
    flipped = False  # a `!` makes a success of it, which only a condition can have been meant for
    for depth, frame in reversed(list(enumerate(frames))):
        node = frame.node
        if frame.shell is left:
            continue
        if frame.test:
            return _tested(frame, frames[:depth], flipped)
        if isinstance(node, Pipeline) and node.negated:
            flipped = not flipped
        if isinstance(node, Pipeline):
            if frame.index < len(node.parts) - 1 and not frame.shell.pipefail:
                return "it is in a pipe, where only the last command counts"
        elif isinstance(node, Chain):
            later = list(zip(node.operators, node.pipelines[1:], strict=True))[frame.index :]
            alternative = next((pipeline for operator, pipeline in later if operator == "||"), None)
            if alternative is not None:
                return _instead(alternative, frame.shell)
            guarded = guarded or bool(later)
            if node.background:
                return "it runs in the background, and nothing checks its exit code"
        elif isinstance(node, Script):
            if flipped:
                continue
            if frame.shell.errexit and not guarded and not any(_asks(each, frame.shell) for each in frames[:depth]):
                left = frame.shell
            elif node.chains[frame.index + 1 :]:
                return _goes_on(node.chains[frame.index + 1], frame.shell.errexit)
        elif node.kind == "(":
            guarded = False
    return ""


def _is_tried_again(node: Script | Chain | Pipeline | Compound) -> bool:
    """Whether it is a loop that somebody breaks off: when, and what is then, only a running shell knows."""
    if not isinstance(node, Compound) or node.kind not in ("for", "while", "until"):
        return False
    return any(each.words[0] in ("break", "exit", "return", "exec") for each in simple(node))


def _asks(frame: Frame, shell: Shell) -> bool:
    """Whether, further out, the same shell asks how this ends: then its `set -e` does not count inside."""
    if frame.shell is not shell:
        return False
    later = isinstance(frame.node, Chain) and frame.index < len(frame.node.operators)
    return frame.test or later or (isinstance(frame.node, Pipeline) and frame.node.negated)


def _tested(frame: Frame, outer: Sequence[Frame], flipped: bool) -> str:
    """The same where an ``if`` asks: what it then does must be more than talk, or it goes on all the same."""
    node = frame.node
    if not isinstance(node, Compound) or node.kind != "if" or len(node.tests) != 1:
        return ""
    taken = node.branches[:1] if flipped else node.branches[1:]
    if not all(_is_harmless(each, frame.shell) for branch in taken for each in simple(branch.body)):
        return ""
    what = "the `if` only talks about it" if taken else "the `if` has no `else`"
    for each in reversed(outer):
        if isinstance(each.node, Script) and each.node.chains[each.index + 1 :]:
            following = next(simple(each.node.chains[each.index + 1]))
            return f"{what}, so it goes on with `{' '.join(following.words)}`"
    return f"{what}, and ends as if it had succeeded"


def _instead(pipeline: Pipeline, shell: Shell) -> str:
    """What is done instead, where that makes a success of the failure."""
    commands = list(simple(pipeline))
    stamps = [" ".join(each.words) for each in commands if meaning(each.words).does is Does.STAMP]
    if not all(_is_harmless(each, shell) or meaning(each.words).does is Does.STAMP for each in commands):
        return ""
    if stamps:
        return f"`|| {stamps[0]}` then records as applied what was not applied"
    return f"`|| {' '.join(commands[-1].words)}` hides the failure"


def _is_harmless(command: Simple, shell: Shell, depth: int = 0) -> bool:
    """Whether the command only talks or waits, so that it ends well: a function of the script is looked into."""
    name, rest = command.words[0], command.words[1:]
    if name in ("exit", "return"):
        return rest == ("0",)
    if name in _HARMLESS or all(ASSIGNED.match(word) for word in command.words):
        return True
    body = shell.functions.get(name)
    return body is not None and depth < 5 and all(_is_harmless(each, shell, depth + 1) for each in simple(body))


def _goes_on(chain: Chain, errexit: bool) -> str:
    following = list(simple(chain))
    if any("$?" in word for command in following for word in command.words):
        return ""
    why = "`set -e` has no effect before a `&&`" if errexit else "there is no `set -e`"
    return f"{why}, so it goes on with `{' '.join(following[0].words)}`"


def simple(node: Simple | Compound | Pipeline | Chain | Script) -> Iterator[Simple]:
    """Every simple command in a part of a script, in order."""
    if isinstance(node, Simple):
        yield node
        return
    inner: Sequence[Simple | Compound | Pipeline | Chain | Script]
    if isinstance(node, Pipeline):
        inner = node.parts
    elif isinstance(node, Chain):
        inner = node.pipelines
    elif isinstance(node, Script):
        inner = node.chains
    else:
        inner = (*node.tests, *(branch.body for branch in node.branches))
    for each in inner:
        yield from simple(each)
