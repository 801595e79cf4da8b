"""A shell's reaction to a failing command: the failure ends the start, or the start goes on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from migops.compose.unread import ALL_READ, Unread
from migops.entrypoint.tree import Chain, Compound, Pipeline, Script, Simple
from migops.entrypoint.words import Does, meaning

ASSIGNED = re.compile(r"([A-Za-z_]\w*)\+?=(.*)", re.DOTALL)
_HARMLESS = frozenset(("true", ":", "echo", "printf", "logger", "sleep", "date"))


@dataclass(slots=True)
class Shell:
    """A shell while its script is followed."""

    arguments: tuple[str, ...] = ()
    cwd: str = "/"
    errexit: bool = False
    pipefail: bool = False
    functions: dict[str, Script] = field(default_factory=dict)
    assigned: frozenset[str] = frozenset()  # the variables that its script sets anywhere
    known: dict[str, str] = field(default_factory=dict, repr=False)  # variables with a known value at this point
    touched: set[str] = field(default_factory=set)  # the variables that it has set, or may have set, up to this point
    gone: bool = False  # it has exited, or was replaced by another program
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    unread: Unread = ALL_READ  # what the container's env files leave unknown
    complete: bool = False  # no other variable is set
    changed: set[str] = field(default_factory=set)  # the variables that its programs get with another value
    allexport: bool = False
    written: set[str] = field(default_factory=set)  # the names of the files that it writes, or may write
    open: bool = False  # a command has set variables that the text does not name
    lost: str = ""  # the command after which ``cwd`` is not known; '' if it is

    def copy(self) -> Shell:
        """A subshell: what it changes stays in it."""
        return replace(self, functions=dict(self.functions), known=dict(self.known), changed=set(self.changed),
                       written=set(self.written))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Frame:
    """A command's position in a node: its ``index``-th part. ``test``: in a condition, which handles its failure."""

    node: Script | Chain | Pipeline | Compound
    index: int
    shell: Shell
    test: bool = False


def is_apart(frames: Sequence[Frame], shell: Shell, *, piped: bool = True) -> bool:
    """True for a command in the background, or (``piped``) in a pipe, which runs in a shell of its own."""
    nodes = [frame.node for frame in frames if frame.shell is shell]
    return any(
        (isinstance(node, Chain) and node.background) or (piped and isinstance(node, Pipeline) and len(node.parts) > 1)
        for node in nodes
    )


def passed_over(frames: Sequence[Frame]) -> str:
    """How the start goes on when the innermost command fails, in words; '' if it stops or handles the failure."""
    if any(_is_tried_again(frame.node) for frame in frames):
        return ""
    guarded = False  # `set -e` has no effect on a command before a `&&`
    left: Shell | None = None  # the shell that `set -e` ends
    flipped = False  # a `!` turns the failure into a success, which makes sense only in a condition
    for depth, frame in reversed(list(enumerate(frames))):
        node = frame.node
        if isinstance(node, Chain) and node.background:
            return _in_background(frames[depth - 1] if depth else None, guarded or frame.index < len(node.operators))
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
        elif isinstance(node, Script):
            if flipped:
                continue
            if frame.shell.errexit and not guarded and not any(_asks(outer, frame.shell) for outer in frames[:depth]):
                left = frame.shell
            elif node.chains[frame.index + 1 :]:
                return _goes_on(node.chains[frame.index + 1 :], frame.shell)
        elif node.kind == "(":
            guarded = False
    return ""


def _is_tried_again(node: Script | Chain | Pipeline | Compound) -> bool:
    """True for a loop with a way out: only a running shell knows when it is taken."""
    if not isinstance(node, Compound) or node.kind not in ("for", "while", "until"):
        return False
    return any(command.words[0] in ("break", "exit", "return", "exec") for command in simple(node))


def _asks(frame: Frame, shell: Shell) -> bool:
    """True if an outer part of the same shell tests the exit code: then `set -e` has no effect inside."""
    if frame.shell is not shell:
        return False
    later = isinstance(frame.node, Chain) and frame.index < len(frame.node.operators)
    return frame.test or later or (isinstance(frame.node, Pipeline) and frame.node.negated)


def _in_background(around: Frame | None, guarded: bool) -> str:
    """``passed_over`` for a command before ``&``: ``wait PID`` gives its exit code back, a bare ``wait`` does not."""
    chains = around.node.chains[around.index + 1 :] if around is not None and isinstance(around.node, Script) else ()
    following = [command.words for chain in chains for command in simple(chain)]
    if any(words[0] == "wait" and len(words) > 1 for words in following):
        return ""
    if guarded and all(words[0] == "wait" for words in following):
        return ""  # what follows it does not start either
    return "it runs in the background, and nothing checks its exit code"


def _tested(frame: Frame, outer: Sequence[Frame], flipped: bool) -> str:
    """``passed_over`` for a command in an ``if``'s condition: a branch that only prints or waits does not handle it."""
    node = frame.node
    if not isinstance(node, Compound) or node.kind != "if" or len(node.tests) != 1:
        return ""
    reaction = node.branches[:1] if flipped else node.branches[1:]
    if not all(_is_harmless(command, frame.shell) for branch in reaction for command in simple(branch.body)):
        return ""
    what = "the `if` only talks about it" if reaction else "the `if` has no `else`"
    last = [command.words for branch in reaction for command in simple(branch.body)][-1:]
    if last and last[0][0] == "exit":
        return "the `if` ends the start with exit code 0, as if it had succeeded"
    for around in reversed(outer):
        if isinstance(around.node, Script) and around.node.chains[around.index + 1 :]:
            following = next(simple(around.node.chains[around.index + 1]))
            return f"{what}, so it goes on with `{' '.join(following.words)}`"
    return f"{what}, and ends as if it had succeeded"


def _instead(pipeline: Pipeline, shell: Shell) -> str:
    """The alternative after ``||``, in words, if it turns the failure into a success; '' otherwise."""
    commands = list(simple(pipeline))
    stamps = [" ".join(command.words) for command in commands if meaning(command.words).does is Does.STAMP]
    if not all(_is_harmless(command, shell) or meaning(command.words).does is Does.STAMP for command in commands):
        return ""
    if stamps:
        return f"`|| {stamps[0]}` then records as applied what was not applied"
    return f"`|| {' '.join(commands[-1].words)}` hides the failure"


def _is_harmless(command: Simple, shell: Shell, depth: int = 0) -> bool:
    """True if the command only prints or waits, and so succeeds. Functions of the script are followed."""
    name, rest = command.words[0], command.words[1:]
    if name in ("exit", "return"):
        return rest == ("0",)
    if name in _HARMLESS or all(ASSIGNED.match(word) for word in command.words):
        return True
    body = shell.functions.get(name)
    return body is not None and depth < 5 and all(_is_harmless(each, shell, depth + 1) for each in simple(body))


def _goes_on(chains: Sequence[Chain], shell: Shell) -> str:
    following = list(simple(chains[0]))
    if any("$?" in word for command in following for word in command.words):
        return _asked(chains, shell)
    why = "`set -e` has no effect before a `&&`" if shell.errexit else "there is no `set -e`"
    return f"{why}, so it goes on with `{' '.join(following[0].words)}`"


def _asked(chains: Sequence[Chain], shell: Shell) -> str:
    """``passed_over`` where the next command asks for the exit code: an ``if`` that only prints does not handle it."""
    first, names = next(simple(chains[0])), ["$?"]
    stored = ASSIGNED.fullmatch(first.words[0]) if len(first.words) == 1 else None
    if stored is not None:
        names = [f"${stored[1]}", f"${{{stored[1]}}}"]
        chains = chains[1:]
    node = chains[0].pipelines[0].parts[0] if chains else None
    if not isinstance(node, Compound) or node.kind != "if" or len(node.tests) != 1 or len(chains) < 2:
        return ""
    test = list(simple(node.tests[0]))
    if len(test) != 1 or not any(word in names for word in test[0].words) or "0" not in test[0].words:
        return ""
    fails = not {"-ne", "!=", "-gt"}.isdisjoint(test[0].words)
    reaction = node.branches[:1] if fails else node.branches[1:]
    if not all(_is_harmless(command, shell) for branch in reaction for command in simple(branch.body)):
        return ""
    what = "the `if` only talks about it" if reaction else "the `if` has no `else`"
    return f"{what}, so it goes on with `{' '.join(next(simple(chains[1])).words)}`"


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
    for part in inner:
        yield from simple(part)
