"""The guards of the verbs that change the database: upgrade, downgrade, stamp."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from migops.commands.alembic.call import Result
from migops.commands.alembic.guards import migrating
from migops.commands.alembic.guards.context import GuardContext, History, listed
from migops.commands.alembic.guards.locks import hold, read
from migops.commands.alembic.guards.locks import rows as rows_now
from migops.commands.alembic.guards.losses import ask_where_data_goes
from migops.commands.alembic.guards.messages import left_out, migrations, not_compared, stop_where_apart
from migops.commands.alembic.visible_migrations import Gap
from migops.core.errors import MigopsError
from migops.core.text import counted
from migops.migrations.graph import Graph
from migops.runner import preview
from migops.runner.expected_run import ExpectedRun
from migops.runner.migration_lock import MigrationLock


def upgrade(context: GuardContext) -> Result:
    """Show what is pending and run it. It asks only where data goes: going on is what the verb is for."""
    history = context.history()
    gap = _gap(context, history)
    with hold(context) as lock:
        rows = rows_now(lock)
        stop_where_apart(context, history, rows)
        previewed = _previewed(context, history, rows, preview.upgrade)
        _where_it_stands(context, lock, rows)
        if previewed and history:
            number = counted(len(previewed.steps), "migration")
            nothing = f"nothing that {history.place} has is pending" if gap and gap.host_only else "nothing is pending"
            context.say(f"{number} to run:" if previewed.steps else nothing)
            migrations(context, history.graph, previewed.steps)
        if gap:
            left_out(context, gap)
        if history:
            ask_where_data_goes(context, history, previewed.steps if previewed else None, rows)
        after, steps = (previewed.rows, previewed.steps) if previewed else (None, ())
        return migrating.run(context, lock, _expected(context, rows, after, steps, history))


def _gap(context: GuardContext, history: History | None) -> Gap | None:
    """What the host has otherwise; None where that is not known, which is said and stops no upgrade."""
    if history is None:
        not_compared(context)
        return None
    try:
        return context.gap(history)
    except MigopsError as error:
        context.say(f"the host's migrations could not be read, so it is not known whether the host has more: {error}")
        return None


def downgrade(context: GuardContext) -> Result:
    """Show what will be undone, ask, and run it."""
    history = context.history()
    with hold(context) as lock:
        rows = rows_now(lock)
        stop_where_apart(context, history, rows)
        previewed = _previewed(context, history, rows, preview.downgrade)
        _where_it_stands(context, lock, rows)
        if previewed is None or history is None:
            context.say(f"which migrations `downgrade {' '.join(context.call.words)}` undoes is not known beforehand")
        elif not previewed.steps:
            context.say("nothing will be undone")
        else:
            number = counted(len(previewed.steps), "migration")
            context.say(f"{number} to undo; what they added is dropped, with the data in it:")
            migrations(
                context, history.graph, previewed.steps, "has no downgrade: Alembic will fail, or change nothing"
            )
        if previewed is None or previewed.steps:
            context.confirm("Undo this?")
        after, steps = (previewed.rows, previewed.steps) if previewed else (None, ())
        return migrating.run(context, lock, _expected(context, rows, after, steps, history))


def stamp(context: GuardContext) -> Result:
    """Show the rows before and after, and what that means for the migrations; ask, and run it."""
    history = context.history()
    purge = "--purge" in context.call.options
    with hold(context) as lock:
        rows = rows_now(lock)
        if not purge:
            stop_where_apart(context, history, rows)
        after = None
        if history is not None and rows is not None:
            after = preview.stamp(history.graph, rows, context.call.words, purge=purge)
        _where_it_stands(context, lock, rows)
        if history is None or rows is None or after is None:
            context.say("what the version table contains afterwards is not known beforehand")
        else:
            _what_a_stamp_means(context, history, rows, after)
        if rows is None or after != rows:
            context.confirm("Write this?")
        return migrating.run(context, lock, _expected(context, rows, after, (), history))


def _previewed(
    context: GuardContext, history: History | None, rows: tuple[str, ...] | None,
    preview_of: Callable[[Graph, tuple[str, ...], str], preview.MigrationPreview | None],
) -> preview.MigrationPreview | None:  # fmt: skip
    """What the call will do; None where that cannot be told beforehand."""
    if history is None or rows is None or len(context.call.words) != 1:
        return None
    return preview_of(history.graph, rows, context.call.words[0])


def _expected(
    context: GuardContext, before: tuple[str, ...] | None, after: tuple[str, ...] | None, steps: tuple[str, ...],
    history: History | None,
) -> ExpectedRun:  # fmt: skip
    graph, held = (history.graph, history.held) if history else (None, None)
    return ExpectedRun(before, after, steps, graph, held, may_run_others=context.may_lead_elsewhere)


def _where_it_stands(context: GuardContext, lock: MigrationLock, rows: Sequence[str] | None) -> None:
    """Say where the database stands; tables without a revision are said too."""
    say = context.say
    if context.may_lead_elsewhere:
        say("env.py reads -x, which may point Alembic at another database or schema than the one reported here")
    if rows is None:
        say("the database's revision is not known")
    elif rows:
        say(f"the database is at {listed(rows)}")
    else:
        state = read(lock)
        if state is None or not state.tables:
            say("the database is empty: no recorded revision, and no tables")
            return
        adopt = context.run.target.commands.say("adopt")
        way = f": see `{adopt}`" if state.url.startswith("postgresql:") else ""
        say(f"the database has {counted(len(state.tables), 'table')} but no recorded revision: Alembic starts "
            f"with the first migration, and fails on a table that already exists{way}")  # fmt: skip


def _what_a_stamp_means(context: GuardContext, history: History, rows: Sequence[str], after: Sequence[str]) -> None:
    graph = history.graph
    if list(after) == list(rows):
        context.say("the version table stays as it is")
        return
    context.say(f"stamp writes only the version table: {listed(rows)} becomes {listed(after)}")
    order = [each.id for each in graph.revisions]
    skipped = graph.ancestors(after) - graph.ancestors(rows)
    again = graph.ancestors(rows) - graph.ancestors(after)
    if skipped:
        context.say(f"{counted(len(skipped), 'migration')} recorded as done, which will then never run here:")
        migrations(context, graph, [each for each in order if each in skipped])
    if again:
        context.say(f"{counted(len(again), 'migration')} no longer recorded, which the next upgrade runs (again):")
        migrations(context, graph, [each for each in order if each in again])
