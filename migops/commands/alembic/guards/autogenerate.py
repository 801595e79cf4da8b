"""What `revision --autogenerate` must not be run on: models that it does not see, and a schema that is not migrated."""

from __future__ import annotations

from collections.abc import Iterator

from migops.collect.env_code import ModelsOnHost, changed_code, models_on_host
from migops.commands.alembic.guards.context import GuardContext, History
from migops.commands.alembic.guards.locks import question
from migops.commands.alembic.visible_migrations import some
from migops.core.errors import Aborted, MigopsError
from migops.core.model import Unknown
from migops.core.terminal import shell_line
from migops.core.text import listed
from migops.migrations.creations import applied_creations, table_of
from migops.sources.columns import columns
from migops.sources.database_state import DatabaseState


def obstacles(context: GuardContext, history: History, state: DatabaseState | None) -> Iterator[Aborted]:
    """Each reason why the new revision would not be what is meant, with what to do."""
    target = context.run.target
    models = models_on_host(target)
    if models is not None:
        yield from _old_models(context, models)
        yield from _unreached(context, models, state)
    if state is not None:
        yield from _never_run(context, history, state)


def _old_models(context: GuardContext, models: ModelsOnHost) -> Iterator[Aborted]:
    target = context.run.target
    changed = changed_code(target, models.code, context.run.engine)
    if isinstance(changed, Unknown):
        context.say(f"whether the image has the host's models is not known: {changed.reason}")
    elif changed:
        build = shell_line(target.commands.build())
        yield Aborted(
            "Alembic would compare the database with models other than the host's: the image lacks the host's version "
            f"of {some(changed)}, which env.py imports; nothing was written",
            hint=f"{build}; then run this again"
            if build
            else f"{shell_line(target.commands.migops('check-image'))} shows more",
        )


def _unreached(context: GuardContext, models: ModelsOnHost, state: DatabaseState | None) -> Iterator[Aborted]:
    """Alembic takes the tables of models that env.py does not import for dropped ones.

    Nothing is said where env.py does not name the metadata: then the models may come from anywhere (Flask's app, say).
    """
    if isinstance(models.unimported, Unknown):
        return
    lost = models.tables.lacks(state.tables) if state else ()
    drops = f"it would write drop_table for {listed(lost)}" if lost else "their tables are left out, or dropped"
    if models.unimported:
        names = some(tuple(f"{each.name} ({each.at})" for each in models.unimported))
        yield Aborted(
            f"env.py does not import the models {names}, so Alembic does not know their tables: {drops}; "
            "nothing was written",
            hint="import these modules in env.py, build the image, then run this again",
        )
    elif lost:
        yield Aborted(
            f"no model that env.py imports maps {listed(lost)}, as far as the project's files show: {drops}; nothing "
            "was written",
            hint="import their models in env.py, or leave other programs' tables out (include_name in "
            f"context.configure); if they are meant to be dropped: {context.typed('--yes')}",
        )


def _never_run(context: GuardContext, history: History, state: DatabaseState) -> Iterator[Aborted]:
    """An applied revision creates what the database lacks: it was stamped, and would be generated once more."""
    created = applied_creations(history.graph, history.held, state.rows)
    there = _there(context, state, created)
    lacking = {each: lost for each, names in created.items() if (lost := tuple(n for n in names if n not in there))}
    if lacking:
        look = shell_line(context.run.target.commands.migops("status", "--drift"))
        missing = [one for names in lacking.values() for one in names]
        yield Aborted(
            f"the database counts {listed(list(lacking))} as applied and lacks what it creates ({listed(missing)}): it "
            "was stamped and its upgrade never ran, and Alembic would generate it again; nothing was written",
            hint=f"{look} says what to do",
        )


def _there(context: GuardContext, state: DatabaseState, created: dict[str, tuple[str, ...]]) -> set[str]:
    """Of what was created, all that is there, or of which it cannot be told."""
    names = {name for each in created.values() for name in each}
    present = {f"table {table}" for table in state.tables}
    present |= {name for name in names if table_of(name).count(".")}  # in a schema of its own
    wanted = {table_of(name) for name in names if name.startswith("column ")} & set(state.tables)
    try:
        has = columns(question(context), sorted(wanted)) if wanted else {}
    except MigopsError as error:
        context.say(f"which columns the database has is not known: {error}")
        has = {}
    for name in names - present:
        if name.startswith("column ") and table_of(name) in state.tables:
            table, column = table_of(name), name.rpartition(".")[2]
            if table not in has or column in has[table]:
                present.add(name)
    return present
