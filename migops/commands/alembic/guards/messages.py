"""What guards tell the user: migrations in order with their messages, and why the database and a place do not fit."""

from __future__ import annotations

from collections.abc import Sequence

from migops import collect
from migops.collect.database_query import Ask
from migops.commands.alembic.guards.context import GuardContext, History, listed
from migops.commands.alembic.visible_migrations import Gap
from migops.core.errors import Aborted, MigopsError
from migops.core.model import Finding
from migops.core.terminal import shell_line
from migops.migrations.graph import Graph
from migops.rules import RULES, judge
from migops.runner.arguments import redacted

MOST = 20  # migrations that are shown; a database that is further behind is asked by `migops status`
_APART = ("MIG403", "MIG404", "MIG406")


def migrations(context: GuardContext, graph: Graph, ids: Sequence[str], note: str = "") -> None:
    """A line for each migration. ``note`` is what is said of one that has no downgrade."""
    for each in ids[:MOST]:
        revision = graph.by_id.get(each)
        text = f"  {each}  {revision.message if revision else ''}".rstrip()
        context.say(f"{text}  ({note})" if note and revision and not revision.has_downgrade else text)
    if len(ids) > MOST:
        context.say(f"  … and {len(ids) - MOST} more: {context.run.target.commands.say('status')}")


def not_compared(context: GuardContext) -> None:
    """Say that the host was not compared, where what Alembic will see shows only once it runs."""
    if context.where.held is not None:
        context.say("a mount lies over the migrations, and its content is visible only where Alembic runs: it was not "
                  "compared with the host")  # fmt: skip


def left_out(context: GuardContext, gap: Gap) -> None:
    """Say what the host has and this upgrade does not apply, and what to type to have it applied."""
    if gap.host_only and gap.fix[0] == "docker":
        again = shell_line((*context.before(), *redacted(context.run.arguments)))
        context.say(f"{gap.sentence()}: not applied; to apply it: {gap.command}, then {again}")
    elif gap:
        context.say(f"{gap.sentence()}{': not applied' if gap.host_only else ''}; {gap.command} shows why")


def stop_where_apart(context: GuardContext, history: History | None, rows: Sequence[str] | None) -> None:
    """Raise ``Aborted`` where the database stands at revisions that Alembic will not find where it runs.

    Which place has them, and what to do, is said by the rules that `migops status` goes by.
    """
    if history is None or not rows or not (lacking := [row for row in rows if row not in history.graph.by_id]):
        return
    findings = _findings(context)
    for finding in findings:
        context.say(f"{finding.rule} {finding.name}: {finding.message}")
        context.say(f"  why  {finding.cause}")
        for step in finding.remedy:
            context.say(f"  fix  {step.why}")
            if step.command:
                context.say(f"       {shell_line(step.command)}")
    direction = str(findings[0].facts.get("direction")) if findings else ""
    means = {
        "ahead": f"{history.place} is older than the database",
        "diverged": f"the database and {history.place} have diverged",
    }.get(direction, f"{history.place} does not know the database's revision")
    raise Aborted(
        f"{context.call.verb} was not run, and nothing was changed: {means}; it has no script for {listed(lacking)}, "
        "which the database is at",
        hint="the fix is above; a downgrade needs the image that has the script" if findings else
        context.run.target.commands.say("status"),
    )  # fmt: skip


def _findings(context: GuardContext) -> Sequence[Finding]:
    engine, target = context.run.engine, context.run.target
    try:
        evidence = collect.check(target, lambda: engine, ask=Ask(context.run.run_options.url))
    except MigopsError as error:
        context.say(f"what the other places have could not be read: {error}")
        return ()
    return judge([rule for rule in RULES if rule.id in _APART], evidence)[0]
