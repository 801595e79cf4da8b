"""A reset for a terminal: the plan with the way back, and how it ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from migops.commands.reset.result import ResetPlan, ResetResult
from migops.core.model import Severity
from migops.core.printed import may_be_next
from migops.core.terminal import printable, shell_line, styled
from migops.core.text import counted, first_few, listed, plural
from migops.output.backup_text import amount
from migops.output.deploy_text import COLORS, hanging

if TYPE_CHECKING:
    from migops.output import View

_INDENT = 14  # columns before a step's text
_LABEL = 11  # columns before a fact's text
_TABLES = 8  # tables that are named, unless verbose


def plan(result: ResetPlan, view: View) -> str:
    """The plan: what is replaced, what is kept, the steps, the way back. Commands are never broken."""
    lines = [printable(f"reset {result.service}  (project {result.project}, development only)"), ""]
    for sentence in result.past:
        lines += hanging("warning: ", sentence, view.width)
    for label, text in (*_replaced(result, verbose=view.verbose), *_kept(result)):
        lines += hanging(f"  {label:<{_LABEL - 2}}", text, view.width)
    lines.append("")
    for number, step in enumerate(result.steps, 1):
        lines += hanging(f"{number:>3}  {step.name:<{_INDENT - 6}} ", step.why, view.width)
    if result.notes:
        lines.append("")
    for note in result.notes:
        lines += hanging("note ", note, view.width)
    lines += ["", "the way back afterwards (it is printed again at the end)", *_commands("  ", result.back)]
    return "\n".join(lines) + "\n"


def _replaced(result: ResetPlan, *, verbose: bool) -> Iterator[tuple[str, str]]:
    """What gives way."""
    revisions = ", ".join(result.rows) if result.rows else "no recorded revision" if result.rows is not None else "?"
    yield "replaces", f"the database {result.database} on {result.server}: {amount(result.size)}, {revisions}"
    names = [f"{each.schema}.{each.name} (~{each.rows:,} {plural(each.rows, 'row')})" for each in result.tables]
    yield (
        "",
        f"{counted(len(names), 'table')}: {first_few(names, len(names) if verbose else _TABLES)}"
        if names
        else ("no table"),
    )
    few = first_few(result.scripts, len(result.scripts) if verbose else _TABLES)
    committed = "all committed" if len(result.scripts) != 1 else "committed"
    yield "", (
        f"{counted(len(result.scripts), 'script')} in {result.folder}, {committed}: {few}" if result.scripts
        else f"no script in {result.folder}"
    )  # fmt: skip
    if result.stops:
        yield "stops", f"{listed(result.stops)}, and starts them again"


def _kept(result: ResetPlan) -> Iterator[tuple[str, str]]:
    """What stays, and where."""
    yield "keeps", f"the old database as {result.kept}, on the same server"
    yield "", f"a verified backup in {result.backups}"
    yield "", f"the old scripts in {result.saved}"
    if result.images:
        yield "", f"the image that runs now, as {listed(result.images)}"


def end(result: ResetResult, view: View) -> str:
    """The outcome in a word, the state that is left, the commands to type now."""
    word = result.outcome.upper() if result.outcome != "operator" else "MANUAL ACTION NEEDED"
    lines = ["", *hanging("", f"{word}  {result.sentence}", view.width)]
    lines[1] = lines[1].replace(word, styled(word, COLORS[result.outcome]) if view.color else word, 1)
    facts = (
        ("written", result.written), ("kept", f"the old database: {result.plan.kept}" if result.remove else ""),
        ("", f"the old scripts: {result.plan.saved}" if result.remove else ""), ("backup", result.backup),
        ("journal", result.journal), ("hint", result.hint),
    )  # fmt: skip
    for label, text in facts if not view.quiet else ():
        if text:
            lines += hanging(f"  {label:<{_LABEL - 2}}", text, view.width)
    if view.quiet:
        return "\n".join(lines) + "\n"
    lines += _doctor(result, view)
    for number, words in enumerate(result.commands):
        label = "next" if not number and may_be_next(words) else "do" if not number else ""
        lines.append(f"  {label:<{_LABEL - 2}}{shell_line(words)}")
    if result.outcome == "done":
        lines += _afterwards(result, view)
    return "\n".join(lines) + "\n"


def _doctor(result: ResetResult, view: View) -> list[str]:
    """What doctor says of the new state."""
    if result.outcome != "done":
        return []
    if result.unchecked:
        return hanging(f"  {'doctor':<{_LABEL - 2}}", f"could not be asked: {result.unchecked}", view.width)
    if not result.findings:
        return [f"  {'doctor':<{_LABEL - 2}}no findings, but for the commit below"]
    lines: list[str] = []
    for number, each in enumerate(sorted(result.findings, key=lambda one: one.severity is not Severity.ERROR)):
        label = "" if number else "doctor"
        lines += hanging(
            f"  {label:<{_LABEL - 2}}", f"{each.severity.value} {each.rule} {each.name}: {each.message}", view.width
        )
    return lines


def _afterwards(result: ResetResult, view: View) -> list[str]:
    """What to tell the others, the way back, and how the old database goes."""
    tell = (
        "a colleague's database is at a revision that is gone. After the pull, these prove that it has the schema of "
        "the first revision, and stamp it (the first two change nothing but the image and the recorded revision):"
    )
    return [
        "", *hanging("", tell, view.width), *_commands("  ", result.colleagues), "", "the way back",
        *_commands("  ", result.plan.back), "", "once the old database is not needed any more",
        *_commands("  ", (result.remove,)),
    ]  # fmt: skip


def _commands(indent: str, commands: tuple[tuple[str, ...], ...]) -> list[str]:
    return [f"{indent}{shell_line(words)}" for words in commands]
