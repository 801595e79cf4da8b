"""Makes the plan of findings, and of what stands around them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from migops.commands.plan.nodes import Node, Steps, action, first_way, of_findings
from migops.commands.plan.order import order
from migops.core.model import Action, Finding, Plan, Remedy, Severity, Step
from migops.core.printed import may_be_next
from migops.core.terminal import shell_line
from migops.core.text import listed

_BY_COMMAND = {Action.START, Action.BUILD, Action.UPGRADE, Action.RECREATE, Action.DEPLOY}
"""The kinds of steps that take nothing away and need no decision: they fix milder findings on the way."""
_STOPS_A_BUILD = "MIG107"
_TAKE_UP = "migrate what is pending, and replace the containers"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the fixes themselves do not say. A command is () where it cannot work here."""

    verbose: tuple[str, ...] = ()
    """This doctor with all details."""
    fix: tuple[str, ...] = ()
    """The command that makes the safe edits."""
    fixable: Callable[[], frozenset[str]] = frozenset
    """The rules whose findings it edits without a decision. Called only where they are named: it reads many files."""
    explain: tuple[str, ...] = ()
    """The command that explains a rule, which follows it."""
    build: tuple[str, ...] = ()
    up: tuple[str, ...] = ()
    upgrades: tuple[tuple[str, ...], ...] = ()
    """The commands that apply all that is pending with the current image."""
    deploy: tuple[str, ...] = ()
    has_git: bool = False
    """The migrations are in a git repository."""
    is_running: bool = False
    """Containers of the service exist, so that a new image must be taken into use."""
    commit: Callable[[Sequence[str]], Remedy | None] = lambda files: None
    """The commit of these files, if git follows them."""
    in_image: Callable[[str], bool] = lambda file: False
    """Whether a build copies the file."""
    unknown: Remedy | None = None
    """The step that makes a place readable, if the report lacks one."""
    unread: str = ""
    """What to do about the place that cannot be read and has no such step, in words."""
    start: Remedy | None = None
    """The step for a service that is in order and has no container."""


def make(findings: Sequence[Finding], fail_on: Severity, around: Surroundings, *, is_known: bool = True) -> Plan:
    """The plan. ``is_known``: all places that count were read."""
    counted = [each for each in findings if each.severity.rank >= fail_on.rank or _by_command_alone(each)]
    steps = of_findings(sorted(counted, key=lambda each: (-each.severity.rank, each.rule)))
    _commit(steps, around)
    _build(steps, around)
    _commit_new(steps, around)
    _deploy(steps, around)
    planned = tuple(_step(node) for node in order(steps))
    if not is_known and around.unknown is not None:
        planned = _known_first(planned, around.unknown)
    left = tuple(each for each in findings if all(each is not other for other in counted))
    unplanned = tuple(each for each in steps.unplanned if each.severity.rank >= fail_on.rank)
    left += tuple(each for each in steps.unplanned if each.severity.rank < fail_on.rank)
    return _with_next(Plan(planned, left, unplanned), around, is_known)


def _by_command_alone(finding: Finding) -> bool:
    way = first_way(finding)
    is_all = all(step.command and action(step) in _BY_COMMAND for step in way if not step.after)
    return bool(way) and is_all and len(way) == len(finding.remedy)


def _commit(steps: Steps, around: Surroundings) -> None:
    """One commit of all files that the plan edits, after the last edit and before the first build.

    A step that already is "commit this file" (the edit is done) is replaced by it.
    """
    done = [number for number in steps.numbers(Action.COMMIT) if not steps.nodes[number].command]
    nodes = [steps.nodes[number] for number in (*steps.numbers(Action.EDIT), *done)]
    files = tuple(dict.fromkeys(node.at.file for node in nodes if node.at is not None))
    commit = around.commit(files) if files else None
    if commit is None:
        return
    number = done[0] if done else steps.add(Node(Action.COMMIT, commit.why))
    steps.nodes[number].command, steps.nodes[number].why = commit.command, commit.why
    for other in done[1:]:
        steps.replace(other, number)


def _commit_new(steps: Steps, around: Surroundings) -> None:
    """The commit of a revision that the plan writes: its name is not known before, so the step has no command yet."""
    for number in steps.numbers(Action.REVISION) if around.has_git else ():
        commit = steps.add(Node(Action.COMMIT, "read the new revision, and commit it as the step before it prints"))
        for later in [later for earlier, later in steps.edges if earlier == number]:
            steps.edge(commit, later)
        steps.edge(number, commit)


def _build(steps: Steps, around: Surroundings) -> None:
    """A build for edits of files that the image has as well."""
    edited = [node.at.file for number in steps.numbers(Action.EDIT) if (node := steps.nodes[number]).at is not None]
    if around.build and not steps.numbers(Action.BUILD) and any(map(around.in_image, edited)):
        steps.add(Node(Action.BUILD, "get the edited files into the image", around.build))


def _deploy(steps: Steps, around: Surroundings) -> None:
    """One deploy in place of the upgrade and the recreation, where there is more to do than one of these."""
    parts = [
        number for number, node in enumerate(steps.nodes)
        if node.command and (node.command == around.up or node.command in around.upgrades)
    ]  # fmt: skip
    actions = {steps.nodes[number].action for number in parts}
    builds = around.is_running and any(steps.nodes[number].command[-1:] == around.build[-1:]
                                       for number in steps.numbers(Action.BUILD))  # fmt: skip
    if not (builds or steps.numbers(Action.ADOPT) or len(actions) > 1) or steps.numbers(Action.DEPLOY):
        return
    if around.deploy:
        number = steps.add(Node(Action.DEPLOY, _TAKE_UP, around.deploy))
        for part in parts:
            steps.replace(part, number)
    elif builds and around.up and not steps.numbers(Action.RECREATE):
        steps.add(Node(Action.RECREATE, "take the new image into use", around.up))


def _known_first(steps: tuple[Step, ...], unknown: Remedy) -> tuple[Step, ...]:
    """The step that makes a place readable before all others: what is read then may change the plan.

    Only what stops a build is edited before.
    """
    known = [step for step in steps if step.command and step.command == unknown.command]
    made = Step(unknown.action or Action.START, unknown.why, unknown.command, unknown.at)
    first = known[0] if known else made
    edits = tuple(step for step in steps if _STOPS_A_BUILD in step.rules and step.action is Action.EDIT)
    return (*edits, first, *(step for step in steps if step is not first and step not in edits))


def _step(node: Node) -> Step:
    return Step(node.action, node.why, node.command, node.at, tuple(node.findings), node.is_choice)


def _with_next(plan: Plan, around: Surroundings, is_known: bool) -> Plan:
    """The plan with what to do now: always something, and never this very call alone."""
    text, command = _next(plan, around, is_known)
    return replace(plan, next_text=text, next_command=command)


def _next(plan: Plan, around: Surroundings, is_known: bool) -> tuple[str, tuple[str, ...]]:
    """Words, and a command that can be typed at once; one of them may be empty."""
    can_begin = bool(plan.steps) and plan.steps[0].action in (Action.EDIT, Action.SAVE)
    if not is_known and around.unknown is None and not can_begin:
        return f"{around.unread or 'see above why there is no verdict'}; then run this again", ()
    if plan.steps:
        return _first(plan, around)
    if plan.unplanned:
        return f"no fix is known for {plan.unplanned[0].rule}; the next command tells what it means", (
            *around.explain,
            plan.unplanned[0].rule,
        )
    if around.start is not None:
        return around.start.why, around.start.command
    if plan.left and all(finding.severity is Severity.INFO for finding in plan.left):
        return (
            f"nothing must be done; -v shows {'what was' if len(plan.left) > 1 else 'the one thing that was'} noticed",
            (),
        )
    if plan.left:
        rules = sorted({finding.rule for finding in plan.left} & around.fixable()) if around.fix else []
        safe = f", and `{shell_line(around.fix)}` edits what is safe ({listed(rules)})" if rules else ""
        return f"nothing must be done; the findings above can be fixed at any time: -v shows how{safe}", ()
    return "nothing to do", ()


def _first(plan: Plan, around: Surroundings) -> tuple[str, tuple[str, ...]]:
    step = plan.steps[0]
    if step.action in (Action.LOOK, Action.SAVE) and may_be_next(
        step.command
    ):  # takes nothing away, whatever is chosen
        return "", step.command
    if step.is_choice:
        return "step 1 is a choice: the next command shows all its ways", around.verbose
    if step.command and may_be_next(step.command):
        return "", step.command
    if step.command:
        return "step 1 is not for every case: the next command shows why it is there", around.verbose
    if len(plan.steps) > 1:
        return f"{where(step)}, then step 2", ()
    return f"{where(step)}, then run this again", ()


def where(step: Step) -> str:
    """Step 1 in a few words, if it is an edit."""
    return f"edit {step.at} (step 1)" if step.at else "do step 1 by hand"
