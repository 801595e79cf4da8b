"""``migops doctor --fix`` and ``--undo``: options → one run → its answer; the questions are asked here."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from functools import cache
from typing import TYPE_CHECKING, Any

import click

from migops.cli.options import compose_options_of
from migops.cli.questions import say
from migops.core.errors import Aborted, MigopsError

if TYPE_CHECKING:
    from migops.commands.fix.result import Preview
    from migops.target import Target


def run(service: str | None, given: dict[str, Any]) -> int:
    """Fix what the rules find, after a yes. MigopsError as ``commands.fix.run`` does."""
    from migops import rules
    from migops.cli.output import show
    from migops.cli.resolving import check_together, resolve, silenced
    from migops.cli.status import check_drift, wanted_of
    from migops.collect.database_query import Ask
    from migops.commands.diagnosis import Access
    from migops.commands.fix.run import Dialogue, Inputs
    from migops.commands.fix.run import run as fix
    from migops.core.model import Severity
    from migops.docker import connect

    check_together(given)
    if given["image"] or given["drift"]:
        raise MigopsError("--fix edits the files on this host, so --image and --drift cannot be combined with it")
    named = tuple(sorted({rule.id for word in given["fix_rules"] for rule in rules.chosen((word,), ())}))
    rules.chosen(given["select"], given["ignore"])  # report a misspelt one before anything is read
    wanted = wanted_of(service or "", given, "doctor")
    resolved = [resolve(wanted, given)]
    ignored = (entry.rule for entry in silenced(given, resolved[0]))
    chosen = rules.chosen(given["select"], (*given["ignore"], *ignored))
    if left_out := sorted({*named} - {rule.id for rule in chosen}):
        raise MigopsError(f"{', '.join(left_out)}: --select, --ignore, the settings or x-migops leave this out")
    check_drift(given)
    if resolved[0].sections:
        raise MigopsError(
            f"the configuration has several histories: {', '.join(resolved[0].sections)}",
            hint=f"--name {resolved[0].sections[0]} --fix",
        )

    def target() -> Target:
        return resolved.pop() if resolved else resolve(wanted, given, again=True)

    with ExitStack() as stack:
        engine = None if given["no_engine"] else cache(lambda: stack.enter_context(connect(given["timeout"])))
        access = Access(engine, Ask(given["database_url"], given["timeout"], given["wait"]))
        inputs = Inputs(target, access, chosen, Severity(given["fail_on"]), named)
        result = fix(inputs, Dialogue(say, lambda plan: _show(plan, given), lambda text: confirm(text, given)))
    show("doctor --fix", result, given)
    return int(result.exit_code)


def undo(service: str | None, given: dict[str, Any]) -> int:
    """Put back the files of an earlier run, after a yes. That needs no engine, and no Alembic that can be read."""
    from migops.cli.output import show
    from migops.cli.resolving import project_of, reached, resolve
    from migops.cli.status import wanted_of
    from migops.commands.fix import earlier
    from migops.commands.fix.result import UndoResult
    from migops.state import state_folder

    if given["fix"]:
        raise MigopsError("--fix and --undo cannot be combined", hint="omit one of the two")
    wanted = wanted_of(service or "", given, "doctor")
    project = resolve(wanted, given).root.name if given["context"] else project_of(wanted, compose_options_of(given))
    with ExitStack() as stack:
        engine = None if given["no_engine"] else reached(stack, given["timeout"])
        if engine is None or isinstance(engine, MigopsError):
            where = state_folder.path_without_engine(project)
        else:
            where = state_folder.path(engine, project)
    put = earlier.todo(where, given["undo"])  # their paths: a project of the same name may be in another folder
    names = ", ".join(str(each.path) for each in put)
    if not confirm(f"Put back {names or 'the files'} of run {given['undo']}?", given):
        raise Aborted("nothing was changed")
    files = earlier.undo(where, given["undo"])
    show("doctor --undo", UndoResult(given["undo"], tuple(each.path for each in files)), given)
    return 0


def _show(plan: Preview, given: dict[str, Any]) -> None:
    """Show the plan: on standard output, unless that is for the one document of the end."""
    from migops.cli.output import preview, put
    from migops.output import is_document

    shown = preview("doctor --fix plan", plan, given)
    if given["output"] or is_document(given["format_"]):
        click.echo(shown, err=True, nl=False)
    elif not (given["quiet"] and given["yes"]):
        put(shown)


def confirm(question: str, given: dict[str, Any]) -> bool:
    """Ask. Raises ``Aborted`` where there is no terminal to ask on."""
    if given["yes"]:
        return True
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stderr is not None and sys.stderr.isatty()):
        raise Aborted("not a terminal, so I cannot ask; nothing was changed", hint=_with_yes())
    return click.confirm(question, err=True)


def _with_yes() -> str:
    from migops.core.printed import again

    return again("--yes", command="doctor")
