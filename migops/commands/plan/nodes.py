"""The fixes of findings as nodes and edges: a step that several fixes share is one node. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, takewhile

from migops.core.location import Location
from migops.core.model import Action, Finding, PlaceName, Remedy
from migops.core.printed import action_of, may_be_next
from migops.rules.lines import line_of

Key = tuple[object, ...]


@dataclass(slots=True)
class Node:
    """One step, while the plan is made. ``findings`` are those whose fix begins with it."""

    action: Action
    why: str
    command: tuple[str, ...] = ()
    at: Location | None = None
    findings: list[Finding] = field(default_factory=list)
    is_choice: bool = False


@dataclass(slots=True)
class Steps:
    """Nodes in the order in which the findings name them, and edges (earlier, later). Never a circle."""

    nodes: list[Node] = field(default_factory=list)
    edges: set[tuple[int, int]] = field(default_factory=set)
    unplanned: list[Finding] = field(default_factory=list)
    """Findings without any step."""
    dropped: set[int] = field(default_factory=set)
    """Nodes that another one stands for."""

    def edge(self, earlier: int, later: int) -> None:
        """Put one node before another, unless the opposite is known: of two that contradict, the first counts."""
        if earlier != later and not self.leads(later, earlier):
            self.edges.add((earlier, later))

    def leads(self, first: int, last: int) -> bool:
        """True if ``last`` comes after ``first`` by the edges."""
        seen, todo = set[int](), [first]
        while todo:
            at = todo.pop()
            if at == last:
                return True
            if at not in seen:
                seen.add(at)
                todo += [later for earlier, later in self.edges if earlier == at]
        return False

    def add(self, node: Node) -> int:
        """A node of its own; its number."""
        self.nodes.append(node)
        return len(self.nodes) - 1

    def numbers(self, *actions: Action) -> list[int]:
        """The nodes of these kinds."""
        return [number for number in self.listed() if self.nodes[number].action in actions]

    def listed(self) -> list[int]:
        """The nodes that were not dropped."""
        return [number for number in range(len(self.nodes)) if number not in self.dropped]

    def replace(self, old: int, new: int) -> None:
        """Drop one node, and let another stand for it."""
        self.nodes[new].findings += self.nodes[old].findings
        self.nodes[new].is_choice |= self.nodes[old].is_choice
        self.dropped.add(old)
        for earlier, later in sorted(self.edges):
            if old in (earlier, later):
                self.edges.discard((earlier, later))
                self.edge(new if earlier == old else earlier, new if later == old else later)


def of_findings(findings: Sequence[Finding]) -> Steps:
    """The steps of the first way of each finding."""
    steps, known, ways = Steps(), dict[Key, int](), list[tuple[Finding, list[int]]]()
    for finding in findings:
        ways.append((finding, [_number(steps, known, key, each) for key, each in _keyed(first_way(finding))]))
    for finding, way in ways:
        for earlier, later in pairwise(way):
            steps.edge(earlier, later)
        _put(steps, finding, way, ways)
    return steps


def first_way(finding: Finding) -> list[Remedy]:
    """The steps of the fix without its alternatives. Where none is known, the line with the fault is to be edited."""
    is_on_host = PlaceName.HOST.value in finding.facts.get("places", (PlaceName.HOST.value,))
    if is_on_host and not finding.remedy and (line := line_of(finding.subject.path)):
        return [Remedy(finding.message, at=line)]
    return list(takewhile(lambda step: not step.alternative, finding.remedy))


def action(step: Remedy) -> Action:
    """The kind of a step; an instruction without a command is an edit."""
    return step.action or (action_of(step.command) if step.command else Action.EDIT)


def _keyed(way: Iterable[Remedy]) -> Iterator[tuple[Key, Remedy]]:
    """Each step with what makes it the same as another finding's. A command after a new revision is another one."""
    phase = 0
    for step in way:
        if not step.after:
            kind = action(step)
            yield (step.command, phase) if step.command else (kind, str(step.at or ""), step.why), step
            phase += kind is Action.REVISION


def _number(steps: Steps, known: dict[Key, int], key: Key, step: Remedy) -> int:
    if key not in known:
        known[key] = steps.add(Node(action(step), step.why, step.command, step.at))
    return known[key]


def _put(steps: Steps, finding: Finding, way: list[int], ways: Sequence[tuple[Finding, list[int]]]) -> None:
    """Put a finding into its first step, or into that of the finding which it waits for."""
    waits = [word for step in first_way(finding) for word in step.after]
    for other, theirs in ways:
        if other is not finding and theirs and any(other.rule.startswith(word) for word in waits):
            if not way:
                steps.nodes[theirs[0]].findings.append(finding)
                return
            steps.edge(theirs[-1], way[0])
    if not way:
        steps.unplanned.append(finding)
        return
    steps.nodes[way[0]].findings.append(finding)
    if len(first_way(finding)) < len(finding.remedy):
        chosen = next((number for number in way if not may_be_next(steps.nodes[number].command)), way[0])
        steps.nodes[chosen].is_choice = True
