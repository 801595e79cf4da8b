"""The status for a terminal: the database's position, the places, a row per revision, what is pending, the findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from migops.commands.status import Row, Status
from migops.core.model import PlaceName, PlaceSummary, Severity
from migops.core.terminal import printable
from migops.core.text import counted
from migops.output.console import console_for, hang, short, trimmed
from migops.output.report_text import COLORS, MARKS, ROWS_SHOWN, in_order, place_words, print_findings, print_reasons
from migops.output.status_rows import columns, folded
from migops.sources.database_state import DatabaseState

if TYPE_CHECKING:
    from migops.output import View

PENDING_SHOWN = 10
_STATES = {
    "current": Text("current", "bold green"),
    "applied": Text("applied", "green"),
    "pending": Text("pending", "yellow"),
    "": Text("-"),
    None: Text("?"),
}
_GOOD = ("up to date", "fresh", "no database yet")


def render(status: Status, view: View) -> str:
    """The status in ``view.width`` columns. Commands are never wrapped, so that they can be copied."""
    out = StringIO()
    console = console_for(view, out)
    _headline(console, status)
    if not view.quiet:
        _places(console, status)
        _matrix(console, status, view)
        _pending(console, status, view)
        print_findings(console, status.report, view)
    return trimmed(out)


def _headline(console: Console, status: Status) -> None:
    """The database's position; where that is good and something else is not, the findings come first."""
    report = status.report
    is_good = status.word in _GOOD
    failing = is_good and any(finding.severity is Severity.ERROR for finding in report.findings)
    color = "green" if is_good and not report.missing else "yellow" if is_good or status.word == "behind" else "red"
    name = printable(report.service or (report.image.ref if report.image else "") or "migrations")
    counts = [(s, sum(finding.severity is s for finding in report.findings)) for s in reversed(Severity)]
    words = [Text(f"{n} {s.value}{'s' if n > 1 and s is not Severity.INFO else ''}", COLORS[s]) for s, n in counts if n]
    word, color = ("FINDINGS", "red") if failing else (status.word.upper(), color)
    line = Text.assemble((word, f"bold {color}"), "  ", (name, "bold"), ": ")
    number, position = Text(", ").join(words), printable(status.sentence)
    if failing:
        console.print(line.append(number).append(f"; {position}"))
    else:
        console.print(line.append(position).append(" (").append(number).append(")") if words else line.append(position))
    print_reasons(console, report)
    console.print()


def _places(console: Console, status: Status) -> None:
    shown = in_order(status.report)
    width = max((len(place.place.value) for place in shown), default=0)
    for place in shown:
        lead = Text(f"  {place.place.value:<{width}}  ", "bold")
        words = Text(_words(place, status), "" if place.status == "read" else "dim")
        if place.place is PlaceName.IMAGE and status.report.image and status.report.image.created:
            words.append(f", built {status.report.image.created:%Y-%m-%d %H:%M} UTC", "dim")
        if isinstance(status.database, DatabaseState) and place.place is PlaceName.DATABASE:
            words.append(f"\n{printable(_source(status.database))}", "dim")
        for mount in place.mounts:
            words.append(f"\nbind mount {printable(mount)}", "dim")
        if place.place is PlaceName.CONTAINER and place.status == "read" and place.reason:
            words.append(f"\nnote: {printable(place.reason)}", "yellow")
        hang(console, lead, words, width + 4)
    console.print()


def _words(place: PlaceSummary, status: Status) -> str:
    state = status.database
    if place.place is not PlaceName.DATABASE or not isinstance(state, DatabaseState):
        return place_words(place, status.report)
    at = f"at {', '.join(state.rows)}" if state.rows else "no recorded revision"
    tables = counted(len(state.tables), "table")
    return printable(f"{at}; {tables}, {state.server}, {state.url}")


def _source(state: DatabaseState) -> str:
    how = state.address if state.address.startswith("asked ") else f"reached at {state.address}"
    return f"URL: {short(state.origin)}" + (f"; {how}" if state.address else "")


def _matrix(console: Console, status: Status, view: View) -> None:
    rows = status.rows[::-1]
    if not rows:
        return
    places = columns(status)
    read = isinstance(status.database, DatabaseState)
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("revision", no_wrap=True, overflow="ellipsis", min_width=8, max_width=32)
    for place in places:
        table.add_column(place.value, no_wrap=True, min_width=len(place.value))
    if read:
        table.add_column("database", no_wrap=True, min_width=8)
    table.add_column("message", no_wrap=True, overflow="ellipsis")
    for row in rows if view.verbose else folded(rows, ROWS_SHOWN):
        if isinstance(row, Row):
            marks = [MARKS[row.marks[place]] if place in row.marks else Text("?") for place in places]
            state = [_STATES[row.state]] if read else []
            table.add_row(Text(printable(row.revision.id)), *marks, *state, Text(printable(row.revision.message)))
        else:
            blank = [Text("")] * (len(places) + read)
            table.add_row(Text("…", "dim"), *blank, Text(", ".join(_counted(row)), "dim"))
    console.print(Padding(table, (0, 0, 0, 2)))
    if not view.verbose and len(rows) > ROWS_SHOWN + 2:
        console.print(Text(f"  {len(rows)} revisions; -v shows all", "dim"))
    console.print()


def _counted(rows: tuple[Row, ...]) -> Iterator[str]:
    states = Counter(row.state for row in rows)
    if states.keys() <= {None, ""}:
        yield f"{len(rows)} more"
    yield from (f"{states[state]} {state}" for state in ("pending", "current", "applied") if states[state])
    disputed = sum(row.is_disputed for row in rows)
    if disputed:
        yield f"{disputed} differ between places"


def _pending(console: Console, status: Status, view: View) -> None:
    if not status.pending:
        return
    number = len(status.pending)
    console.print(Text(f"pending with the {status.against.value}, in upgrade order:"))
    shown = status.pending if view.verbose else status.pending[:PENDING_SHOWN]
    for at, revision in enumerate(shown, 1):
        message = status.graph.by_id[revision].message
        line = Text(f"  {at:>{len(str(number))}}  {printable(revision)}  {printable(message)}", no_wrap=True)
        line.truncate(console.width, overflow="ellipsis")
        console.print(line)
    if len(shown) < number:
        console.print(Text(f"  … and {number - len(shown)} more (-v shows all)", "dim"))
    console.print()
