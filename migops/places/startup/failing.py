"""What a shell does when one of its commands fails: whether the failure comes out, or is passed over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from migops.places.startup.shell import Chain, Compound, Pipeline, Script, Simple
from migops.places.startup.words import Does, meaning

_HARMLESS = frozenset(("true", ":", "echo", "printf", "logger", "sleep", "date"))


@dataclass(slots=True)
class Shell:
    """A shell while its script is followed: its options, its arguments, where it is, and the variables that it sets."""

    arguments: tuple[str, ...] = ()
    cwd: str = "/"
    errexit: bool = False
    pipefail: bool = False
    functions: dict[str, Script] = field(default_factory=dict)
    assigned: frozenset[str] = frozenset()
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
    for depth, frame in reversed(list(enumerate(frames))):
        node = frame.node
        if frame.shell is left:
            continue
        if frame.test or (isinstance(node, Pipeline) and node.negated):
            return ""
        if isinstance(node, Pipeline):
            if frame.index < len(node.parts) - 1 and not frame.shell.pipefail:
                return "it stands in a pipe, of which only the last command counts"
        elif isinstance(node, Chain):
            later = list(zip(node.operators, node.pipelines[1:], strict=True))[frame.index :]
            alternative = next((pipeline for operator, pipeline in later if operator == "||"), None)
            if alternative is not None:
                return _instead(alternative)
            guarded = guarded or bool(later)
            if node.background:
                return "it runs in the background, and nobody waits for how it ends"
        elif isinstance(node, Script):
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


def _instead(pipeline: Pipeline) -> str:
    """What is done instead, where that makes a success of the failure."""
    commands = list(simple(pipeline))
    stamps = False
    for command in commands:
        name, rest = command.words[0], command.words[1:]
        if meaning(command.words).does is Does.STAMP:
            stamps = True
        elif name not in _HARMLESS and not (name in ("exit", "return") and rest == ("0",)):
            return ""
    text = " ".join(commands[-1].words)
    if stamps:
        text = next(" ".join(each.words) for each in commands if meaning(each.words).does is Does.STAMP)
        return f"`|| {text}` then notes as applied what was not applied"
    return f"`|| {text}` makes a success of it"


def _goes_on(chain: Chain, errexit: bool) -> str:
    following = list(simple(chain))
    if any("$?" in word for command in following for word in command.words):
        return ""
    why = "`set -e` does not count before a `&&`" if errexit else "there is no `set -e`"
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
