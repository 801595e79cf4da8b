"""The report of doctor for a terminal: verdict, the chain in a line, and the plan; with -v every finding in full."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from migops.core.model import Action, Finding, LinkStatus, PlaceSummary, Plan, Report, Severity, Step
from migops.core.printed import may_be_next
from migops.core.terminal import printable, shell_line
from migops.output.console import console_for, hang, short, trimmed
from migops.output.near import nearby
from migops.output.report_text import COLORS, in_order, print_details, print_skipped, print_verdict

if TYPE_CHECKING:
    from migops.output import View

_INDENT = 5  # columns before the text of a step


def render(report: Report, view: View) -> str:
    """The report in ``view.width`` columns. Commands are never wrapped, so that they can be copied."""
    out = StringIO()
    console = console_for(view, out)
    print_verdict(console, report)
    if not view.quiet:
        plan = report.plan or Plan()
        _chain(console, report)
        unread = list(_unread(report))
        for place in unread:
            note = "note" if place.status == "read" else place.status
            words = f"{place.place.value} {note}: {nearby(place.reason)}"
            hang(console, Text("  "), Text(printable(words), "yellow"), 4)
        for number, step in enumerate(plan.steps, 1):
            _step(console, number, step)
        _left(console, plan)
        if view.verbose:
            console.print()
            print_details(console, report, view)
        else:
            print_skipped(console, report, [f"{place.place.value}: {place.reason}" for place in unread])
        _next(console, plan, view)
    return trimmed(out)


def _chain(console: Console, report: Report) -> None:
    """The places in a line, those that agree together: ``git, host 002  X  image 001, 002  |  database 001``."""
    links = {link.target: link for link in report.links}
    groups: list[list[PlaceSummary]] = []
    line = Text()
    for place in in_order(report):
        link = links.get(place.place)
        is_equal = link is not None and link.status is LinkStatus.EQUAL and place.status == "read"
        if groups and link is not None and is_equal and any(link.source is each.place for each in groups[-1]):
            groups[-1].append(place)
        else:
            groups.append([place])
    for number, group in enumerate(groups):
        link = links.get(group[0].place)
        differs = link is not None and link.status is LinkStatus.DIFFERS
        if number:
            line.append("  X  " if differs else "  |  ", "bold red" if differs else "")
        line.append(", ".join(_named(place) for place in group), "bold")
        line.append(f" {_in_short(group[0])}", "" if group[0].status == "read" else "dim")
    if groups:
        hang(console, Text("  "), line, 2)


def _named(place: PlaceSummary) -> str:
    """The place's name, and that it shows the host's folder."""
    return f"{place.place.value} (mounted)" if place.mounts else place.place.value


def _unread(report: Report) -> Iterator[PlaceSummary]:
    """The places that were not read, unless the verdict says why; and those with something to know of the reading."""
    for place in report.places:
        known = any(line.startswith(f"{place.place.value}: {place.reason}") for line in report.missing)
        if place.reason and place.status in ("unknown", "read") and not known:
            yield place


def _in_short(place: PlaceSummary) -> str:
    if place.status != "read":
        return place.status
    return printable(", ".join(place.heads) or "no revision")


def _step(console: Console, number: int, step: Step) -> None:
    lead = Text(f"{number:>3}  ", "bold")
    if step.command:
        console.print(Text.assemble(lead, (shell_line(step.command), "bold")), soft_wrap=True)
    else:
        where = f"edit {short(str(step.at))}" if step.at else "by hand"
        rules = f" ({', '.join(step.rules)})" if step.at and step.rules else ""
        hang(console, lead, Text(printable(f"{where}{rules}: {nearby(step.why)}")), _INDENT)
    for words in _reasons(step):
        line = Text(f"{'':{_INDENT}}{printable(nearby(words))}", "dim", no_wrap=True)
        line.truncate(console.width, overflow="ellipsis")
        console.print(line)


def _reasons(step: Step) -> Iterator[str]:
    """Why the step is there, and that there is another way."""
    of_another_file = step.at and any(each.subject.revision and _file(each) != step.at.file for each in step.findings)
    if step.findings and (step.command or not step.at or of_another_file):  # an edit of the line itself says enough
        first = step.findings[0]
        revision = f"{first.subject.revision}: " if first.subject.revision else ""
        yield f"{', '.join(step.rules)}: {revision}{first.message}"
    elif step.command and step.action in (Action.COMMIT, Action.START, Action.FETCH) and step.why:
        yield step.why
    if step.is_choice:
        yield "this is a choice: -v shows the other ways"
    elif step.command and not may_be_next(step.command) and step.action is not Action.COMMIT:
        yield "first see with -v whether it is right here"


def _file(finding: Finding) -> str:
    """The file that the finding is about, without the line."""
    return finding.subject.path.partition(":")[0]


def _left(console: Console, plan: Plan) -> None:
    """A line for each rule whose findings have no step; those that only inform are counted above, and shown by -v."""
    for finding in plan.unplanned:
        _line(console, finding, 0)
    left = [finding for finding in plan.left if finding.severity is not Severity.INFO]
    for _, group in groupby(left, key=lambda each: (each.severity, each.rule)):
        findings = list(group)
        _line(console, findings[0], len(findings) - 1)


def _line(console: Console, finding: Finding, more: int) -> None:
    at = finding.subject.path or next((str(step.at) for step in finding.remedy if step.at), "")
    revision = f"{finding.subject.revision}: " if finding.subject.revision else ""
    ends = f" (and {more} more)" if more else f" ({short(at)})" if at and at not in finding.message else ""
    head = Text.assemble((f"{finding.severity.value:<7}", COLORS[finding.severity]), f" {finding.rule} ")
    room = max(console.width - len(head) - len(ends), 20)
    message = Text(printable(f"{revision}{nearby(finding.message)}"), no_wrap=True)
    message.truncate(room, overflow="ellipsis")
    console.print(Text.assemble(head, message, ends), soft_wrap=True)


def _next(console: Console, plan: Plan, view: View) -> None:
    """The one command to type now, or what to do in words."""
    text, command = nearby(plan.next_text), plan.next_command
    if view.verbose and "-v" in command:
        text, command = "choose one of the ways of step 1, which are shown above", ()
    lead = Text("next   ", "bold green")
    if command:
        if text:
            hang(console, Text("note   ", "dim"), Text(printable(text), "dim"), len(lead))
        console.print(Text.assemble(lead, (shell_line(command), "bold")), soft_wrap=True)
    else:
        hang(console, lead, Text(printable(text)), len(lead))
