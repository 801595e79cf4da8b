"""The outcome for a terminal: the match, the evidence for it, the differences, and the command to type."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from migops.commands.adopt.match import Candidate, Match, Verdict
from migops.commands.adopt.outcome import Outcome
from migops.core.printed import may_be_next
from migops.core.terminal import printable
from migops.database.postgres.schema import Difference, Item
from migops.output.text import console_for, hang, shell, short, trimmed
from migops.output.view import View

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
    """The outcome in ``view.width`` columns. Commands are never broken by us, so that they can be copied."""
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
    name, found = (printable(outcome.inputs.target.service), "bold"), outcome.match
    if found is None:
        rows = printable(", ".join(outcome.inputs.state.rows))
        return Text.assemble(("VERSIONED", "bold green"), "  ", name, f": nothing to adopt, the database is at {rows}")
    chosen = printable(outcome.named(found.chosen.heads))
    if outcome.stamped:
        return Text.assemble(("ADOPTED", "bold green"), "  ", name, f": the database is now stamped {chosen}")
    if found.verdict is Verdict.EQUAL and not found.chosen.heads:
        return Text.assemble(
            ("MATCH", "bold green"), "  ", name, ": the database is in the state before the first migration"
        )
    if found.verdict is Verdict.EQUAL:
        return Text.assemble(("MATCH", "bold green"), "  ", name, f": the schema matches {chosen}")
    if found.verdict is Verdict.SEVERAL:
        number = len(found.equal)
        return Text.assemble(("SEVERAL", "bold yellow"), "  ", name, f": the schema matches {number} revisions")
    number = found.chosen.comparison.distance
    differences = f"{number} difference{'' if number == 1 else 's'}"
    closest = f"; closest: {', '.join(found.chosen.heads)} ({differences})" if found.chosen.heads else ""
    reason = (
        f"the schema does not match {chosen} ({differences})"
        if found.asked
        else f"the schema matches no revision exactly{closest}"
    )
    return Text.assemble(("NO MATCH", "bold red"), "  ", name, f": {reason}")


def _facts(outcome: Outcome) -> Iterator[tuple[str, str]]:
    inputs, found = outcome.inputs, outcome.match
    state = inputs.state
    recorded = f"at {', '.join(state.rows)}" if state.rows else "no recorded revision"
    yield (
        "database",
        f"{state.url}, {state.server}, {recorded} (URL: {short(state.origin)}; reached at {state.address})",
    )
    number = len(inputs.held.revisions)
    digest = inputs.image.id.removeprefix("sha256:")[:12]
    yield "image", f"{inputs.image.ref} ({digest}), {number} revision{'' if number == 1 else 's'}"
    if outcome.baseline is not None:
        yield "baseline", f"{outcome.baseline.path}, written from the models against an empty database"
    if found is not None:
        yield "tried on", f"a disposable server from the image of {inputs.live.container}, removed afterwards"
        kinds = ", ".join(counted(kind, number) for kind, number in found.kinds.items()) or "nothing"
        yield "compared", f"{kinds}; not compared: {left_out(found)}"


def left_out(found: Match) -> str:
    """The things that were not compared, in words; the JSON document lists every kind."""
    if found.strict:
        return "data, text search, subscriptions, roles (owners and grants are compared by role name)"
    return (
        "data, comments, owners, grants, storage, statistics, replica identity, collations, publications, event "
        "triggers, … (--strict compares all of these except data)"
    )


def counted(kind: str, number: int) -> str:
    """How many of a kind, in words."""
    return f"{number} {_ONE.get(kind, kind) if number == 1 else _PLURALS.get(kind, kind + 's')}"


def _candidates(console: Console, outcome: Outcome, found: Match) -> None:
    at = found.candidates.index(found.chosen)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("revision", no_wrap=True, overflow="ellipsis", min_width=8, max_width=32)
    table.add_column("differences", no_wrap=True, min_width=11)
    table.add_column("message", no_wrap=True, overflow="ellipsis")
    shown = [
        each for index, each in enumerate(found.candidates) if abs(index - at) <= AROUND or each.comparison.is_equal
    ]
    for each in reversed(shown):
        table.add_row(printable(", ".join(each.heads) or "(none)"), _distance(each), _messages(outcome, each))
    console.print(Padding(table, (0, 0, 0, 2)))
    if left := len(found.candidates) - len(shown):
        console.print(Text(f"  and {left} more, with more differences", "dim"))
    console.print()


def _distance(each: Candidate) -> Text:
    distance = each.comparison.distance
    if not distance:
        return Text("none", "bold green")
    return Text(str(distance))


def _messages(outcome: Outcome, each: Candidate) -> str:
    return printable("; ".join(text for head in each.heads if (text := outcome.message(head))))


def _differences(console: Console, outcome: Outcome, found: Match, view: View) -> None:
    differences = found.chosen.comparison.differences
    if not differences:
        return
    number = found.chosen.comparison.distance
    title = f"{number} difference{'' if number == 1 else 's'} from {outcome.named(found.chosen.heads)}"
    console.print(Text(f"  {printable(title)}", "bold"))
    for each in differences if view.verbose else differences[:MOST]:
        _difference(console, each, view)
    if len(differences) > MOST and not view.verbose:
        console.print(Text(f"    and {len(differences) - MOST} more: -v shows all", "dim"))
    console.print()


def _difference(console: Console, each: Difference, view: View) -> None:
    console.print(Text(f"    {printable(f'{each.item.kind} {each.item.name}')}"), soft_wrap=True)
    within: dict[str, int] = {}
    for part in each.within:
        within[part.kind] = within.get(part.kind, 0) + 1
    more = f" ({', '.join(counted(kind, number) for kind, number in within.items())})" if within else ""
    for side, item in (("migrations", each.expected), ("database", each.found)):
        words = Text(printable(_words(item, each, view)) + (more if item else ""), "" if item else "dim")
        hang(console, Text(f"      {side:<10}  ", "dim"), words, 18)


def _words(item: Item | None, each: Difference, view: View) -> str:
    if item is None:
        return "nothing"
    if each.is_renamed:
        return item.name
    lines = item.text.strip().splitlines()
    if view.verbose or len(lines) < 2:
        return " ".join(line.strip() for line in lines) or "there"
    other = each.found if item is each.expected else each.expected
    others = other.text.strip().splitlines() if other else []
    at = next((n for n, pair in enumerate(zip(lines, others, strict=False)) if pair[0] != pair[1]), 0)
    where = f"line {at + 1} of {len(lines)}: " if at else ""
    return f"{where}{lines[at].strip()} … (-v shows all)"


def _ignored(found: Match) -> Iterator[str]:
    if found.ignored:
        yield (
            f"not compared: {', '.join(found.ignored)}; no migration creates anything there, and it is not on "
            "the search path"
        )


def _next(console: Console, outcome: Outcome) -> None:
    """The next step, or the command to type."""
    found = outcome.match
    if found is None:
        return
    target, chosen = outcome.inputs.target, found.chosen
    lines: list[tuple[str, tuple[str, ...]]] = []
    if outcome.stamped:
        if outcome.baseline is not None:
            lines.append(("the image does not have the new migration yet", target.commands.build()))
    elif found.verdict is Verdict.EQUAL and not chosen.heads:
        advice = "no migration has run on this database, so there is nothing to stamp: upgrade it"
        lines.append((advice, target.commands.alembic("upgrade", "head")))
    elif found.verdict is Verdict.EQUAL:
        heads = " ".join(chosen.heads)
        first = "write the baseline to the host; " if outcome.baseline else ""
        hang(console, Text("plan  ", "bold"), Text(printable(
            f"{first}stamp {heads} in {outcome.inputs.reached.table} of the database, and change nothing else there: "
            f"`{' '.join(outcome.inputs.alembic)} stamp {heads}` in a one-off container of the image"
        )), 6)  # fmt: skip
        if outcome.dry_run:
            lines.append(("", outcome.command()))
    elif found.verdict is Verdict.SEVERAL:
        hang(console, Text("  "), Text(
            "The migrations between them change nothing that was compared; they may change data. A migration that is "
            "stamped never runs here. Read them, and choose the last one that ran:"
        ), 2)  # fmt: skip
        lines += [("", outcome.command("--revision", each.heads[-1])) for each in found.equal if each.heads]
    else:
        hang(console, Text("  "), Text(printable(_advice(outcome))), 2)
        if chosen.heads and not outcome.baseline and not found.equal:
            stamp = target.commands.alembic("stamp", *chosen.heads)
            lines.append(("Only if you accept these differences, stamp it by hand:", stamp))
    for why, command in lines:
        if why:
            console.print(Text(f"  {why}"))
        console.print(Text.assemble(_lead(command), (shell(command), "bold")), soft_wrap=True)


def _advice(outcome: Outcome) -> str:
    if outcome.baseline is not None:
        return (
            "The models do not match the database. Fix the models, rebuild the image, and run this again; no file was "
            "written."
        )
    found = outcome.match
    if found is not None and found.equal:
        return f"It matches {outcome.named(found.equal[-1].heads)}: omit --revision."
    return (
        "Change the database (or write the missing migration) until one revision matches, and run this again: "
        "later migrations depend on exactly these names and types."
    )


def _lead(command: tuple[str, ...]) -> tuple[str, str]:
    """``next`` for a command that is safe to type, ``or`` for a choice."""
    return ("next  ", "bold green") if may_be_next(command) else ("or    ", "dim")
