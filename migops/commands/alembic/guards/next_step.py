"""What to type after a call of Alembic that has changed something: the last lines that it prints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from migops.commands.alembic.guards.context import GuardContext, listed
from migops.commands.alembic.guards.locks import question
from migops.commands.alembic.visible_migrations import some
from migops.core.model import MigrationSet, Unknown
from migops.core.terminal import shell_line
from migops.core.text import plural
from migops.runner.expected_run import ExpectedRun
from migops.sources.database import find_url
from migops.sources.git_commit import commit_of_new


def after_rows(context: GuardContext, expected: ExpectedRun, rows: Sequence[str] | None) -> None:
    """After an upgrade, a downgrade or a stamp: what is pending now, and what follows from it."""
    commands, graph = context.run.target.commands, expected.graph
    known = graph is not None and rows is not None and all(row in graph.by_id for row in rows)
    pending = graph.pending(rows) if graph is not None and rows is not None and known else ()
    if not pending:
        _say(context, commands.migops("doctor"))
        return
    context.say(f"pending now: {some(pending)}")
    if context.call.verb == "downgrade":
        context.say(
            "the application's code is as before, and may still expect what was undone. To stay here, take the "
            f"{plural(len(pending), 'revision')} and that code out of the checkout, and deploy: "
            f"{shell_line(commands.migops('rebuild-and-migrate'))}"
        )
    elif context.call.verb == "stamp" and _is_postgresql(context):  # with a backup, and the containers replaced
        _say(context, commands.migops("rebuild-and-migrate"))
        return
    _say(context, commands.alembic("upgrade", "heads" if context.run.target.many_heads else "head"))


def after_files(context: GuardContext, before: MigrationSet, after: MigrationSet) -> None:
    """After a revision or a merge: read it, commit it, and get it into the database."""
    paths = [Path(after.scripts[name].path) for name in sorted(after.scripts.keys() - before.scripts.keys())]
    if not paths:
        return
    commands, names = context.run.target.commands, [_shown(path) for path in paths]
    message = after_message(after, paths) or f"Add {listed([path.name for path in paths])}"
    if commit := commit_of_new(paths, message, Path.cwd()):
        context.say(f"read it; then commit it: {' && '.join(map(shell_line, commit))}")
    else:
        context.say(f"read it before it is applied: {listed(names)}")
    if _is_bound(context):
        _say(context, commands.alembic("upgrade", "heads" if context.run.target.many_heads else "head"))
    elif _is_postgresql(context):
        _say(context, commands.migops("rebuild-and-migrate"))
    else:
        _say(context, commands.build() or commands.migops("doctor"))


def after_message(after: MigrationSet, paths: Sequence[Path]) -> str:
    """The message of the first new revision; '' if it has none."""
    return next((each.message for each in after.revisions if Path(each.path) == paths[0]), "")


def _shown(path: Path) -> str:
    """The path as it is typed in this folder."""
    here = Path.cwd()
    return str(path.relative_to(here)) if here in path.parents else str(path)


def _is_bound(context: GuardContext) -> bool:
    """Whether Alembic sees the host's own folder, so that no build is needed."""
    history = context.history()
    return history is not None and not history.is_image


def _is_postgresql(context: GuardContext) -> bool:
    """Whether a deploy can back the database up."""
    url = find_url(question(context))
    return url is not None and not isinstance(url, Unknown) and url.text.startswith("postgres")


def _say(context: GuardContext, command: Sequence[str]) -> None:
    context.say(f"next   {shell_line(command)}")
