"""The report of check-image and doctor for a terminal: verdict, chain with its broken link, scripts, findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from migops.core.model import Finding, Link, LinkStatus, PlaceName, PlaceSummary, Report, Severity, Verdict
from migops.core.printed import here, may_be_next
from migops.core.terminal import printable, shell_line
from migops.core.text import counted, first_few, plural
from migops.output.console import console_for, hang, short, trimmed

if TYPE_CHECKING:
    from migops.output import View

ROWS_SHOWN = 20
_PENDING = "MIG402"
COLORS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
VERDICTS = {
    Verdict.CLEAN: ("CLEAN", "green"),
    Verdict.FINDINGS: ("FINDINGS", "red"),
    Verdict.UNKNOWN: ("NO VERDICT", "magenta"),
}
MARKS = {"held": Text("yes"), "missing": Text("-", "red"), "changed": Text("differs", "yellow")}


def render(report: Report, view: View) -> str:
    """The report in ``view.width`` columns. Commands are never wrapped, so that they can be copied."""
    out = StringIO()
    console = console_for(view, out)
    print_verdict(console, report)
    if not view.quiet:
        print_details(console, report, view)
        _next(console, report)
    return trimmed(out)


def print_details(console: Console, report: Report, view: View) -> None:
    """Image, chain, the scripts that differ, and the findings in full."""
    _image(console, report)
    _chain(console, report)
    _rows(console, report, view)
    _findings(console, report, view)


def print_findings(console: Console, report: Report, view: View) -> None:
    """The findings with cause and fix, the rules that were not checked, and the one command to type next."""
    _findings(console, report, view)
    _next(console, report)


def _findings(console: Console, report: Report, view: View) -> None:
    for _, findings in groupby(report.findings, key=lambda f: (f.rule, f.severity, f.cause, f.remedy)):
        _finding(console, list(findings), view)
    print_skipped(console, report)
    if report.skipped or report.deselected:
        console.print()


def print_verdict(console: Console, report: Report) -> None:
    """The headline, and what must be said before all else."""
    word, color = VERDICTS[report.verdict]
    line = Text.assemble((word, f"bold {color}"), "  ", (_name(report), "bold"), ": ", _summary(report))
    console.print(line)
    print_reasons(console, report)


def print_reasons(console: Console, report: Report) -> None:
    """Under the verdict: why there is none, and that compose may refuse the project."""
    for reason in report.missing:
        console.print(Padding(Text(printable(reason)), (0, 0, 0, 2)))
    if report.refusable:
        many = len(report.refusable) > 1
        keys = f"{'keys' if many else 'a key'} that migops does not know"
        places = first_few([short(place) for place in report.refusable])
        text = f"docker compose may refuse this project: it has {keys} ({printable(places)})"
        console.print(Padding(Text(text, "yellow"), (0, 0, 0, 2)))


def _name(report: Report) -> str:
    return printable(report.service or (report.image.ref if report.image else "") or "migrations")


def _summary(report: Report) -> str:
    if report.verdict is Verdict.UNKNOWN:
        return "migops could not read enough for a verdict"
    counts = [(s, sum(finding.severity is s for finding in report.findings)) for s in reversed(Severity)]
    words = ", ".join(f"{n} {s.value if s is Severity.INFO or n == 1 else s.value + 's'}" for s, n in counts if n)
    if report.verdict is Verdict.FINDINGS:
        return words
    if any(link.status is LinkStatus.DIFFERS for link in report.links):
        sentence = f"no findings at or above {report.fail_on.value}"  # two places differ, so not "the same"
    else:
        mounted = any((link.source, link.target) == (PlaceName.HOST, PlaceName.CONTAINER) for link in report.links)
        read = [place.place.value for place in report.places if place.status == "read"]
        behind = any(finding.rule == _PENDING for finding in report.findings)
        hidden = {PlaceName.CONTAINER.value} if mounted else set()
        hidden |= {PlaceName.DATABASE.value} if behind else set()
        sentence = f"same migrations in {', '.join(name for name in read if name not in hidden)}"
        sentence += "; the database has not run them all" if behind else ""
        sentence += "; the container reads the host's through a mount" if mounted else ""
    left = len(report.deselected)
    notes = [words, f"{counted(left, 'rule')} deselected" if left else ""]
    return f"{sentence} ({'; '.join(filter(None, notes))})" if any(notes) else sentence


def _image(console: Console, report: Report) -> None:
    if report.image:
        built = f", built {report.image.created:%Y-%m-%d %H:%M} UTC" if report.image.created else ""
        console.print(Text(f"  image {printable(report.image.ref)}  {report.image.id[:19]}{built}"), soft_wrap=True)
    console.print()


def _chain(console: Console, report: Report) -> None:
    width = max((len(place.place.value) for place in report.places), default=0)
    links = {link.target: link for link in report.links if link.status is not LinkStatus.UNKNOWN}
    shown = in_order(report)
    is_mounted = any(place.mounts for place in shown)
    for above, place in zip((None, *shown), shown, strict=False):
        if place.place in links:
            link = links[place.place]
            apart = (
                "" if above is None or link.source is above.place else f"{link.source.value} and {place.place.value}"
            )
            console.print(_link_line(link, width, apart))
            if place.mounts:
                print_mounts(console, place, width)
        lead = Text(f"  {place.place.value:<{width}}  ", "bold")
        words = Text(place_words(place, report), "" if place.status == "read" else "dim")
        if place.location:
            words.append(f"\n{short(place.location)}", "dim")
        if is_mounted and place.place is PlaceName.IMAGE and place.status == "read":
            words.append("\nnot what the container reads: the mount is over it", "dim")
        if place.status == "read" and place.reason:
            words.append(f"\nnote: {printable(place.reason)}", "yellow")
        hang(console, lead, words, width + 4)
    if shown:
        console.print()


def in_order(report: Report) -> list[PlaceSummary]:
    """The places that were asked for, in the chain's order; a container that was compared with the host, since it reads
    the host's scripts through a mount, comes right after it: the image is not in between."""
    shown = [place for place in report.places if place.status != "not-asked"]
    compared = any((link.source, link.target) == (PlaceName.HOST, PlaceName.CONTAINER) for link in report.links)
    mounted = [place for place in shown if place.mounts and compared]
    rest = [place for place in shown if place not in mounted]
    host = next((number for number, place in enumerate(rest, 1) if place.place is PlaceName.HOST), len(rest))
    return [*rest[:host], *mounted, *rest[host:]]


def print_mounts(console: Console, place: PlaceSummary, width: int) -> None:
    """The bind mounts through which the container reads the host's scripts, a line each."""
    for mount in place.mounts:
        lead = Text(f"  {'|':>{width // 2}} ", "green")
        console.print(lead.append(printable(f"bind mount {mount}"), "dim not bold"), soft_wrap=True)


def place_words(place: PlaceSummary, report: Report) -> str:
    """The contents of a place, or the reason why it was not read."""
    if any(missing.startswith(f"{place.place.value}: {place.reason}") for missing in report.missing if place.reason):
        return f"{place.status}, see above"
    if place.status != "read":
        return printable(f"{place.status}: {place.reason}" if place.reason else place.status)
    heads = ", ".join(place.heads) or "none"
    return printable(f"{counted(place.revisions, 'revision')}, {plural(len(place.heads), 'head')} {heads}")


def _link_line(link: Link, width: int, apart: str = "") -> Text:
    """The comparison between two places; ``apart`` names them if a place that was not compared lies between."""
    if link.status is LinkStatus.EQUAL and (link.source, link.target) == (PlaceName.HOST, PlaceName.CONTAINER):
        return Text(f"  {'|':>{width // 2}}", "green").append(" the same: mounted from the host", "dim")
    if link.status is LinkStatus.EQUAL:
        return Text(f"  {'|':>{width // 2}}", "green").append(f" {apart}: the same" if apart else " the same", "dim")
    parts = (
        (len(link.only_source), f"only in {link.source.value}"),
        (len(link.only_target), f"only in {link.target.value}"),
        (len(link.changed), "changed"),
    )
    words = ", ".join(f"{count} {what}" for count, what in parts if count)
    return Text(f"  {'X':>{width // 2}}", "bold red").append(
        f" broken {f'between {apart}' if apart else 'here'}: {words}", "red"
    )


def _rows(console: Console, report: Report, view: View) -> None:
    if not report.rows:
        return
    from rich import box
    from rich.table import Table

    places = [place for place in PlaceName if any(place in row.marks for row in report.rows)]
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    table.add_column("revision", overflow="fold")
    for place in places:
        table.add_column(place.value, no_wrap=True)
    table.add_column("file", overflow="fold")
    shown = report.rows if view.verbose else report.rows[:ROWS_SHOWN]
    for row in shown:
        marks = [MARKS[row.marks[place]] if place in row.marks else Text("?") for place in places]
        table.add_row(Text(printable(row.label or "?")), *marks, Text(printable(row.path)))
    console.print(Padding(table, (0, 0, 0, 1)))
    if len(shown) < len(report.rows):
        console.print(f"  … and {len(report.rows) - len(shown)} more (-v shows all)")
    console.print()


def _finding(console: Console, findings: list[Finding], view: View) -> None:
    """One block for the findings of a rule that share cause and fix."""
    first = findings[0]
    title = Text.assemble(
        (first.rule, f"bold {COLORS[first.severity]}"), f" {first.name} ", (f"({first.severity.value})", "dim")
    )
    console.print(title)
    shown = findings if view.verbose else findings[:ROWS_SHOWN]
    for finding in shown:
        label = f"{finding.subject.revision}: " if finding.subject.revision else ""
        console.print(Padding(Text.assemble((printable(label), "bold"), printable(finding.message)), (0, 0, 0, 2)))
        if view.verbose:
            facts = ", ".join(f"{key}={value}" for key, value in finding.facts.items() if value)
            console.print(Padding(Text(printable(facts), "dim"), (0, 0, 0, 4)))
    if len(shown) < len(findings):
        console.print(f"  … and {len(findings) - len(shown)} more (-v shows all)")
    label = "at" if first.cause == first.subject.path else "why"
    hang(console, Text(f"  {label:<5}", "dim"), Text(printable(first.cause)), 7)
    for number, step in enumerate(first.remedy):
        lead = "or" if step.alternative else "then" if number else "fix"
        hang(console, Text(f"  {lead:<5}", "dim"), Text(printable(step.why)), 7)
        if step.command:
            console.print(Text(f"       {shell_line(step.command)}", "bold"), soft_wrap=True)
    console.print()


def print_skipped(console: Console, report: Report, above: Sequence[str] = ()) -> None:
    """The rules that were not judged, with the reason unless the verdict or a line ``above`` has given it already."""
    for reason, group in groupby(report.skipped, key=lambda skipped: skipped.reason):
        rules = ", ".join(_ranges([skipped.rule for skipped in group]))
        known = any(line.startswith(reason) for line in (*report.missing, *above))
        hang(
            console,
            Text("not checked: ", "magenta"),
            Text(printable(f"{rules} ({'see above' if known else reason})")),
            13,
        )
    by_settings = {entry.rule for entry in report.silenced}
    if left := ", ".join(_ranges(rule for rule in report.deselected if rule not in by_settings)):
        hang(console, Text("deselected:  ", "magenta"), Text(f"{left} (--select or --ignore)"), 13)
    for (at, reason), entries in groupby(report.silenced, key=lambda entry: (str(entry.at), entry.reason)):
        rules = ", ".join(_ranges(entry.rule for entry in entries))
        hang(console, Text("deselected:  ", "magenta"), Text(printable(f"{rules} ({at}: {reason})")), 13)


def _ranges(rules: Iterable[str]) -> Iterator[str]:
    """The ids in order, consecutive ones as a range: MIG001-MIG004."""
    numbered = enumerate(rules)
    for _, group in groupby(numbered, key=lambda pair: int(pair[1].removeprefix("MIG")) - pair[0]):
        run = [rule for _, rule in group]
        yield run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}"


def _next(console: Console, report: Report) -> None:
    """The one command to type now: the fixes of all errors begin with it and leave no choice. Where they begin
    differently, doctor's plan has the order.
    """
    errors = [finding for finding in report.findings if finding.severity is Severity.ERROR]
    choices = any(step.alternative for finding in errors for step in finding.remedy)
    first = {finding.remedy[0].command if finding.remedy and not choices else () for finding in errors}
    if len(first) > 1:
        offline = any(place.place is PlaceName.IMAGE and place.status == "not-asked" for place in report.places)
        first = {here().migops("doctor", *(("--no-engine",) if offline else ()))}
    if len(first) == 1 and (command := first.pop()) and may_be_next(command):
        console.print(Text.assemble(("next   ", "bold green"), (shell_line(command), "bold")), soft_wrap=True)
