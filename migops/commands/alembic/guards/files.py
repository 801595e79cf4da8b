"""The guards of the verbs that write a script: revision (Flask-Migrate's migrate) and merge."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import replace

from migops import collect
from migops.collect.drawing import of_environment
from migops.commands.alembic.call import Result
from migops.commands.alembic.guards import autogenerate, written
from migops.commands.alembic.guards.context import GuardContext, History, listed
from migops.commands.alembic.guards.locks import question
from migops.commands.alembic.guards.messages import migrations, not_compared, stop_where_apart
from migops.commands.alembic.guards.next_step import after_files
from migops.commands.alembic.visible_migrations import Gap
from migops.core.errors import Aborted
from migops.core.terminal import shell_line
from migops.core.text import counted, plural
from migops.migrations.env_script import line_of_none
from migops.sources import database
from migops.sources.database_state import DatabaseState


def revision(context: GuardContext) -> Result:
    """Say first what Alembic would only say afterwards, or not at all. With --yes it goes on all the same.

    A new file is written in a one-off container, which is removed: no twin of it stays in one that runs.
    """
    history = context.history()
    if history is None:
        not_compared(context)
    for obstacle in _obstacles(context, history) if history else _unreadable(context):
        if not context.run.run_options.yes:
            raise obstacle
        context.say(f"{obstacle} (--yes: Alembic decides)")
    before = collect.host(context.run.target).migrations
    result = context.run.attempt(context.where)
    if result.code == 0:
        after = collect.host(context.run.target).migrations
        written.say(context, before, after)
        after_files(context, before, after)
    return result


def _unreadable(context: GuardContext) -> Iterator[Aborted]:
    """Where the image's own migrations cannot be read, nobody finds the new file in the container."""
    if context.where.held is None:
        yield Aborted(
            "the migrations that the image's configuration points to cannot be read, so a new file could not be "
            "copied to the host; nothing was written",
            hint=f"{shell_line(context.run.target.commands.migops('check-image'))} says why",
        )


def _obstacles(context: GuardContext, history: History) -> Iterator[Aborted]:
    call, graph = context.call, history.graph
    gap = context.gap(history)
    named = any(option in call.options for option in ("--head", "--splice"))
    if len(graph.heads) > 1 and not named:
        yield Aborted(
            f"{history.place} has {len(graph.heads)} heads, {listed(graph.heads)}, so it is not clear which one the "
            "new revision follows; nothing was written",
            hint=_stale(gap) or f"merge them first: {_typed(context, 'merge')}; or name one: --head REVISION",
        )
    if call.autogenerates:
        yield from _models(context, history, gap)
    elif gap.of_history:
        yield _behind(gap, "a new revision there would follow a different one than on the host")
    elif gap:
        context.say(f"{gap.sentence()}: {gap.command}")


def _models(context: GuardContext, history: History, gap: Gap) -> Iterator[Aborted]:
    """What stands in the way of comparing the models with the database."""
    graph = history.graph
    if line := line_of_none(_env_py(history)):
        yield Aborted(
            f"env.py leaves target_metadata at None in line {line}, so there are no models to compare the database "
            "with; nothing was written",
            hint="in env.py: from yourapp.models import Base; target_metadata = Base.metadata",
        )
    state = _database(context)
    if state is not None:
        stop_where_apart(context, history, state.rows)
    if gap:
        yield _behind(gap, "what is generated there would not be what the host's migrations and models need")
    if state is not None and (pending := graph.pending(state.rows)):
        context.say(
            f"the database is at {listed(state.rows)}, and {counted(len(pending), 'migration')} "
            f"{plural(len(pending), 'is', 'are')} pending:"
        )
        migrations(context, graph, pending)
        yield Aborted(
            f"the database is behind {history.place} by {len(pending)}, and the pending changes would be generated "
            "again; nothing was written",
            hint=f"{_typed(context, 'upgrade', 'head')}; then run this again",
        )
    yield from autogenerate.obstacles(context, history, state)


def _behind(gap: Gap, why: str) -> Aborted:
    return Aborted(f"{gap.sentence()}: {why}; nothing was written", hint=_stale(gap))


def merge(context: GuardContext) -> Result:
    """Find the heads where none is named, write the revision that joins them, and show the graph with it."""
    history = context.history()
    if history is None:
        not_compared(context)
    elif (gap := context.gap(history)).of_history:
        behind = _behind(gap, "a merge there would not join the host's heads")
        if not (context.call.words and context.run.run_options.yes):
            raise behind
        context.say(f"{behind} (--yes: Alembic decides)")
    if not context.call.words and history is not None:
        heads = history.graph.heads
        if len(heads) < 2:
            raise Aborted(f"{history.place} has one head, {listed(heads)}: there is nothing to merge")
        if context.run.target.many_heads:
            raise Aborted(
                f"x-migops allows several heads here ({listed(heads)}); nothing was written",
                hint=f"name the ones to merge: {_typed(context, 'merge', *heads)}",
            )
        context.say(f"merges {listed(heads)} of {history.place}:")
        migrations(context, history.graph, heads)
        context.run.arguments = (*context.run.arguments, *heads)
    before = collect.host(context.run.target).migrations
    result = context.run.attempt(context.where)
    if result.code == 0:
        host = collect.host(context.run.target)
        after_files(context, before, host.migrations)
        return replace(result, drawing=of_environment(host))
    return result


def _stale(gap: Gap) -> str:
    """What to type where the host has other migrations; '' where it has not."""
    return f"{gap.command}; then run this again" if gap else ""


def _database(context: GuardContext) -> DatabaseState | None:
    """What the database says, where it can be asked at once."""
    found = database.ask(question(context))
    if not isinstance(found, DatabaseState) and context.run.run_options.verbose:
        context.say(f"whether the database is behind is not known: {found.reason}")
    return found if isinstance(found, DatabaseState) else None


def _env_py(history: History) -> str:
    files = history.held.environment.values()
    text = next((file.content for file in files if posixpath.basename(file.path) == "env.py"), b"")
    return text.decode("utf-8", "replace")


def _typed(context: GuardContext, *words: str) -> str:
    """A call of migops alembic as the user would type it."""
    return shell_line((*context.before(), *words))
