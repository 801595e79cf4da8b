"""The outcome of ``migops adopt`` for a terminal: result, evidence, differences and next command."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from migops.commands.adopt.match import Candidate, Match, Verdict
from migops.commands.adopt.outcome import Outcome
from migops.core.printed import may_be_next
from migops.core.terminal import printable, shell_line
from migops.core.text import counted, plural
from migops.database.postgres.schema import Difference, Item
from migops.output.console import console_for, hang, short, trimmed

if TYPE_CHECKING:
    from migops.output import View

AROUND = 3  # candidates that are shown before and after the one that counts
MOST = 25  # differences that are shown without -v
_PLURALS = {"primary key": "primary keys", "foreign key": "foreign keys", "index": "indexes", "policy": "policies"}
_PLURALS |= {"unique": "unique constraints", "check": "check constraints", "exclusion": "exclusion constraints"}
_PLURALS |= {
    "storage": "storage parameters",
    "column storage": "columns' storage",
    "contents": "empty materialized views",
}
_PLURALS |= {"replica identity": "replica identities", "statistics": "extended statistics"}
_PLURALS |= {"default privileges": "default privileges"}
_ONE = {"unique": "unique constraint", "check": "check constraint", "exclusion": "exclusion constraint"}
_ONE |= {"contents": "empty materialized view"}


def render(outcome: Outcome, view: View) -> str:
    """The outcome in ``view.width`` columns. Commands are never wrapped, so that they can be copied."""
    out = StringIO()
    console = console_for(view, out)
    console.print(_headline(outcome), soft_wrap=view.quiet)
    if view.quiet:
        return trimmed(out)
    if outcome.stamped:  # the proof was shown before the question
        _next(console, outcome)
        return trimmed(out)
    console.print()
    for key, words in _facts(outcome):
        hang(console, Text(f"  {key:<9}  ", "bold"), Text(printable(words)), 13)
    console.print()
    if outcome.match is not None:
        _candidates(console, outcome, outcome.match)
        _differences(console, outcome, outcome.match, view)
        notes = (*outcome.notes, *outcome.match.chosen.comparison.notes, *_ignored(outcome.match))
        for note in notes:
            hang(console, Text("  note  ", "dim"), Text(printable(note)), 8)
        if notes:
            console.print()
    _next(console, outcome)
    return trimmed(out)


def _headline(outcome: Outcome) -> Text:
    name, match = (printable(outcome.inputs.target.service), "bold"), outcome.match
    if match is None:
        rows = printable(", ".join(outcome.inputs.state.rows))
        return Text.assemble(("VERSIONED", "bold green"), "  ", name, f": nothing to adopt, the database is at {rows}")
    chosen = printable(outcome.named(match.chosen.heads))
    if outcome.stamped:
        return Text.assemble(("ADOPTED", "bold green"), "  ", name, f": the database is now stamped {chosen}")
    if match.verdict is Verdict.EQUAL and not match.chosen.heads:
        return Text.assemble(
            ("MATCH", "bold green"), "  ", name, ": the database is in the state before the first migration"
        )
    if match.verdict is Verdict.EQUAL:
        color = "yellow" if outcome.stale else "green"
        return Text.assemble(("MATCH", f"bold {color}"), "  ", name, f": the schema matches {chosen}")
    if match.verdict is Verdict.SEVERAL:
        number = len(match.equal)
        return Text.assemble(("SEVERAL", "bold yellow"), "  ", name, f": the schema matches {number} revisions")
    distance = match.chosen.comparison.distance
    differences = counted(distance, "difference")
    heads = printable(", ".join(match.chosen.heads)) or chosen
    closest = f"the schema matches no revision exactly; closest: {heads} ({differences})"
    reason = f"the schema does not match {chosen} ({differences})" if match.asked else closest
    return Text.assemble(("NO MATCH", "bold red"), "  ", name, f": {reason}")


def _facts(outcome: Outcome) -> Iterator[tuple[str, str]]:
    inputs, match = outcome.inputs, outcome.match
    state = inputs.state
    stamp = f"at {', '.join(state.rows)}" if state.rows else "no recorded revision"
    yield "database", f"{state.url}, {state.server}, {stamp} (URL: {short(state.origin)}; reached at {state.address})"
    number = len(inputs.migrations.revisions)
    digest = inputs.image.id.removeprefix("sha256:")[:12]
    yield "image", f"{inputs.image.ref} ({digest}), {counted(number, 'revision')}"
    if outcome.stale is not None:
        yield "host", f"is not what the image has: {outcome.stale.sentence}"
    if outcome.baseline is not None:
        yield "baseline", f"{outcome.baseline.path}, written from the models against an empty database"
    if match is not None:
        yield "tried on", f"a disposable server from the image of {inputs.live.container}, removed afterwards"
        kinds = ", ".join(objects(kind, number) for kind, number in match.kinds.items()) or "nothing"
        yield "compared", f"{kinds}; not compared: {left_out(match)}"


def left_out(match: Match) -> str:
    """The kinds that were not compared, for a sentence; the JSON document lists all of them."""
    if match.strict:
        return "data, text search, subscriptions, roles (owners and grants are compared by role name)"
    return (
        "data, comments, owners, grants, storage, statistics, replica identity, collations, publications, event "
        "triggers, … (--strict compares all of these except data)"
    )


def objects(kind: str, number: int) -> str:
    """A number of items of a kind: ``2 indexes``."""
    return counted(number, _ONE.get(kind, kind), _PLURALS.get(kind, f"{kind}s"))


def _candidates(console: Console, outcome: Outcome, match: Match) -> None:
    at = match.candidates.index(match.chosen)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("revision", no_wrap=True, overflow="ellipsis", min_width=8, max_width=32)
    table.add_column("differences", no_wrap=True, min_width=11)
    table.add_column("message", no_wrap=True, overflow="ellipsis")
    shown = [
        each for index, each in enumerate(match.candidates) if abs(index - at) <= AROUND or each.comparison.is_equal
    ]
    for each in reversed(shown):
        table.add_row(printable(", ".join(each.heads) or "(none)"), _distance(each), _messages(outcome, each))
    console.print(Padding(table, (0, 0, 0, 2)))
    if left := len(match.candidates) - len(shown):
        console.print(Text(f"  and {left} more, further away in the history", "dim"))
    console.print()


def _distance(each: Candidate) -> Text:
    distance = each.comparison.distance
    if not distance:
        return Text("none", "bold green")
    return Text(f"{distance}")


def _messages(outcome: Outcome, each: Candidate) -> str:
    return printable("; ".join(text for head in each.heads if (text := outcome.message(head))))


def _differences(console: Console, outcome: Outcome, match: Match, view: View) -> None:
    differences = match.chosen.comparison.differences
    if not differences:
        return
    number = match.chosen.comparison.distance
    what = f"{counted(number, 'difference')} from {outcome.named(match.chosen.heads)}"
    console.print(Text(f"  {printable(what)}", "bold"))
    for each in differences if view.verbose else differences[:MOST]:
        _difference(console, each, view)
    if len(differences) > MOST and not view.verbose:
        console.print(Text(f"    and {len(differences) - MOST} more: -v shows all", "dim"))
    console.print()


def _difference(console: Console, difference: Difference, view: View) -> None:
    console.print(Text(f"    {printable(f'{difference.item.kind} {difference.item.name}')}"), soft_wrap=True)
    within: dict[str, int] = {}
    for part in difference.within:
        within[part.kind] = within.get(part.kind, 0) + 1
    more = f" ({', '.join(objects(kind, number) for kind, number in within.items())})" if within else ""
    for side, item in (("migrations", difference.expected), ("database", difference.found)):
        words = Text(printable(_words(item, difference, view)) + (more if item else ""), "" if item else "dim")
        hang(console, Text(f"      {side:<10}  ", "dim"), words, 18)


def _words(item: Item | None, difference: Difference, view: View) -> str:
    if item is None:
        return "nothing"
    if difference.is_renamed:
        return item.name
    lines = item.text.strip().splitlines()
    if view.verbose or len(lines) < 2:
        return " ".join(line.strip() for line in lines) or "present"
    other = difference.found if item is difference.expected else difference.expected
    others = other.text.strip().splitlines() if other else []
    at = next((n for n, pair in enumerate(zip(lines, others, strict=False)) if pair[0] != pair[1]), 0)
    where = f"line {at + 1} of {len(lines)}: " if at else ""
    return f"{where}{lines[at].strip()} … (-v shows all)"


def _ignored(match: Match) -> Iterator[str]:
    if match.ignored:
        yield (
            f"not compared: {plural(len(match.ignored), 'schema')} {', '.join(match.ignored)}; no migration "
            "creates anything there, and the search path does not include it"
        )


def _next(console: Console, outcome: Outcome) -> None:
    """The plan, or the next command."""
    match = outcome.match
    if match is None:
        _command(console, "", outcome.after())
        return
    target, chosen = outcome.inputs.target, match.chosen
    lines: list[tuple[str, tuple[str, ...]]] = []
    if outcome.stamped:
        lines.append((_why_next(outcome), outcome.after()))
    elif outcome.stale is not None and match.verdict is not Verdict.EQUAL:
        why = f"the image is not what the host has ({outcome.stale.sentence}): build first, then adopt again"
        lines += [(why if not number else "", each) for number, each in enumerate(outcome.stale.commands)]
    elif match.verdict is Verdict.EQUAL and not chosen.heads:
        reason = "no migration has run on this database, so there is nothing to stamp: upgrade it"
        lines.append((reason, target.commands.alembic("upgrade", "head")))
    elif match.verdict is Verdict.EQUAL:
        heads = " ".join(chosen.heads)
        first = "write the baseline to the host; " if outcome.baseline else ""
        hang(console, Text("plan  ", "bold"), Text(printable(
            f"{first}stamp {heads} in {outcome.inputs.reached.table} of the database, and change nothing else there: "
            f"`{' '.join(outcome.inputs.alembic)} stamp {heads}` in a one-off container of the image"
        )), 6)  # fmt: skip
        if outcome.dry_run:
            lines.append(("", outcome.command()))
    elif match.verdict is Verdict.SEVERAL:
        hang(console, Text("  "), Text(
            "The migrations between them change nothing that was compared; they may change data. A migration that is "
            "stamped never runs here. Read them, and choose the last one that ran:"
        ), 2)  # fmt: skip
        lines += [("", outcome.command("--revision", each.heads[-1])) for each in match.equal if each.heads]
    else:
        hang(console, Text("  "), Text(printable(_advice(outcome))), 2)
        if chosen.heads and not outcome.baseline and not match.equal:
            stamp = target.commands.alembic("stamp", *chosen.heads)
            lines.append(("Only if you accept these differences, stamp it by hand:", stamp))
    for why, command in lines:
        _command(console, why, command)


def _command(console: Console, why: str, command: tuple[str, ...]) -> None:
    if why:
        hang(console, Text("  "), Text(printable(why)), 2)
    console.print(Text.assemble(_lead(command), (shell_line(command), "bold")), soft_wrap=True)


def _why_next(outcome: Outcome) -> str:
    if outcome.baseline is not None:
        return "the image does not have the new migration yet"
    if outcome.stale is not None:
        return f"the image is not what the host has: {outcome.stale.sentence}"
    number = len(outcome.pending)
    return f"not applied yet: {counted(number, 'revision')} of the image" if number else ""


def _advice(outcome: Outcome) -> str:
    if outcome.baseline is not None:
        return (
            "The models do not match the database. Fix the models, rebuild the image, and run this again; no file was "
            "written."
        )
    match = outcome.match
    if match is not None and match.equal:
        return f"It matches {outcome.named(match.equal[-1].heads)}: omit --revision."
    return (
        "Nothing was stamped. Change the database (or write the missing migration) until one revision matches, and run "
        "adopt again: later migrations depend on exactly these names and types."
    )


def _lead(command: tuple[str, ...]) -> tuple[str, str]:
    """``next`` for a command that is safe to run; ``or`` for a choice."""
    return ("next  ", "bold green") if may_be_next(command) else ("or    ", "dim")
