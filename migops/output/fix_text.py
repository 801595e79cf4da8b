"""``doctor --fix`` for a terminal: the diff with what is not edited, before the question; the summary, at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import StringIO
from itertools import groupby, takewhile
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from migops.commands.fix.plan import BY_COMMAND, BY_DECISION, Fixable, Unfixed
from migops.commands.fix.result import FixResult, Preview, UndoResult
from migops.core.model import Finding, Severity, Verdict
from migops.core.terminal import printable, shell_line
from migops.core.text import counted, first_few, listed
from migops.output.console import console_for, hang, trimmed
from migops.output.fix_diff import diff, relative, words
from migops.output.near import nearby

if TYPE_CHECKING:
    from migops.commands.fix.model import FileEdit
    from migops.output import View

_COLORS = {"+": "green", "-": "red", "@": "cyan"}
_SEVERITIES = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_AT_MOST = 8  # rules that are named at the end


def plan(shown: Preview, view: View) -> str:
    """What would be changed, and what would not."""
    out = StringIO()
    console = console_for(view, out)
    name, number = shown.report.service or "the project", len(shown.plan.fixable)
    console.print(Text(printable(f"{counted(number, 'finding')} of {name} can be fixed"), "bold"))
    _titles(console, shown.plan.fixable)
    for edit in shown.edits:
        console.print()
        _edit(console, edit)
    console.print()
    _unfixed(console, shown.plan.unfixed, view)
    for check in shown.untried:
        hang(console, Text("not tried  ", "magenta"), Text(printable(f"{check.name}: {check.untried}")), 11)
    return trimmed(out)


def end(result: FixResult, view: View) -> str:
    """How it ended."""
    out = StringIO()
    console = console_for(view, out)
    if not result.run:
        _nothing(console, result, view)
        return trimmed(out)
    number, files = len(result.applied), len(result.edits)
    console.print(
        Text.assemble(
            ("FIXED", "bold green"),
            "  ",
            f"{counted(number, 'finding')} in {counted(files, 'file')}, checked again",
        )
    )
    if view.quiet:
        return trimmed(out)
    _titles(console, result.applied)
    for edit in result.edits:
        what = "; ".join(words(edit)) or "edited"
        hang(console, Text("  file   ", "dim"), Text(printable(f"{relative(edit.path)}: {what}")), 9)
    for check in result.checks:
        text = f"not tried: {check.name} ({check.untried})" if check.untried else check.name
        hang(console, Text("  check  ", "dim"), Text(printable(text), "magenta" if check.untried else ""), 9)
    console.print(Text.assemble(("  saved  ", "dim"), printable(f"as they were: {result.saved}")), soft_wrap=True)
    console.print(Text.assemble(("  undo   ", "dim"), printable(result.undo)), soft_wrap=True)
    for note in dict.fromkeys(each.fix.note for each in result.applied if each.fix.note):
        hang(console, Text("  then   ", "dim"), Text(printable(note)), 9)
    _remaining(console, result)
    console.print()
    _next(console, result)
    return trimmed(out)


def undone(result: UndoResult, view: View) -> str:
    """The files that were put back."""
    out = StringIO()
    console = console_for(view, out)
    number = len(result.files)
    text = f"run {result.run}: {counted(number, 'file')}" if number else f"run {result.run}: all files were already"
    console.print(Text.assemble(("PUT BACK", "bold green"), "  ", f"{text} as before it"))
    for path in () if view.quiet else result.files:
        console.print(Text(f"  {printable(relative(path))}"), soft_wrap=True)
    return trimmed(out)


def _titles(console: Console, fixes: Iterable[Fixable]) -> None:
    """A line for each different edit; several findings may share one."""
    for each in {(one.finding.rule, one.fix.title): one for one in fixes}.values():
        color = _SEVERITIES[each.finding.severity]
        hang(console, Text.assemble("  ", (each.finding.rule, f"bold {color}")), Text(printable(each.fix.title)), 10)


def _edit(console: Console, edit: FileEdit) -> None:
    """The file's name with what is said in words, and its diff. Lines of a diff are never wrapped."""
    said = "; ".join(words(edit))
    console.print(Text(printable(f"{relative(edit.path)}{f': {said}' if said else ''}"), "bold"), soft_wrap=True)
    for line in diff(edit):
        console.print(Text(line, _COLORS.get(line[:1], "")), soft_wrap=True)


def _unfixed(console: Console, unfixed: tuple[Unfixed, ...], view: View) -> None:
    """The findings that are not edited: why, and the first command or edit of their own fix."""
    if not unfixed:
        return
    console.print(Text("not edited", "bold"))
    for (rule, reason), group in groupby(unfixed, key=lambda each: (each.finding.rule, each.reason)):
        findings = [each.finding for each in group]
        messages = [nearby(each.message) for each in (findings if view.verbose else findings[:1])]
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 and not view.verbose else ""
        color = _SEVERITIES[findings[0].severity]
        why = "" if reason in (BY_COMMAND, BY_DECISION) else f": {nearby(reason)}"
        body = f"{'; '.join(messages)}{more}{why}"
        hang(console, Text.assemble("  ", (rule, f"bold {color}")), Text(printable(body)), 10)
        for line in _way(findings[0]):
            console.print(Text(f"          {line}"), soft_wrap=True)
    console.print()


def _way(finding: Finding) -> Iterator[str]:
    """The first step of the finding's fix: its commands up to one in words, else the words."""
    commands = [shell_line(step.command) for step in takewhile(lambda step: bool(step.command), finding.remedy)]
    if commands:
        yield from commands
    elif finding.remedy:
        yield printable(nearby(finding.remedy[0].why))


def _nothing(console: Console, result: FixResult, view: View) -> None:
    unfixed = result.preview.plan.unfixed
    if not unfixed and result.preview.report.verdict is Verdict.UNKNOWN:
        text = "no finding can be fixed, but not everything could be read"
        console.print(Text.assemble(("NO VERDICT", "bold magenta"), "  ", text))
        for reason in result.preview.report.missing:
            hang(console, Text("  "), Text(printable(reason)), 2)
        return
    if not unfixed:
        of = f" of {listed(result.asked_for)}" if result.asked_for else ""
        console.print(Text.assemble(("CLEAN", "bold green"), "  ", f"no findings{of}, so there is nothing to fix"))
        return
    number = len(unfixed)
    text = f"migops does not edit {'the one finding' if number == 1 else f'any of the {number} findings'}"
    console.print(Text.assemble(("NOTHING TO FIX", "bold yellow"), "  ", text))
    if not view.quiet:
        console.print()
        _unfixed(console, result.preview.plan.unfixed, view)
        _next(console, result)


def _remaining(console: Console, result: FixResult) -> None:
    """The findings that the run has left, by their rules: `doctor` has the plan for them."""
    left = sorted({each.rule for each in result.remaining if each.severity is not Severity.INFO})
    if left:
        doctor = shell_line(result.commands.migops("doctor"))
        text = f"{first_few(left, _AT_MOST)} remain: the plan is in {doctor}"
        hang(console, Text("  left   ", "dim"), Text(printable(text)), 9)


def _next(console: Console, result: FixResult) -> None:
    """The command to type now, which takes nothing away."""
    commands = result.commands
    if result.fixable_again:
        command: tuple[str, ...] = commands.migops("doctor", "--fix")
    elif result.run and result.in_git:
        command = ("git", "diff")
    else:
        command = commands.migops("doctor")
    console.print(Text.assemble(("next   ", "bold green"), (shell_line(command), "bold")), soft_wrap=True)
    if result.run and not result.fixable_again:
        build = shell_line(commands.build()) if result.in_image and commands.build() else ""
        steps = [*(["commit"] if result.in_git else []), *([f"build them into the image: {build}"] if build else [])]
        text = f"then {'; '.join((*steps, shell_line(commands.migops('doctor'))))}"
        console.print(Text(f"       {text}", "dim"), soft_wrap=True)
