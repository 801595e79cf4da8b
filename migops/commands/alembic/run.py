"""``migops alembic`` from end to end: where it runs, what stands in its way, and past its guard."""

from __future__ import annotations

from pathlib import Path

from migops import collect
from migops.commands.alembic.call import AlembicCall, Result
from migops.commands.alembic.stale_notice import say_stale
from migops.compose.refusal import ask
from migops.runner import arguments as verbs
from migops.runner import command_lines
from migops.runner.execution_target import choose
from migops.runner.stale_containers import at_work, stale_containers


def run(alembic: AlembicCall) -> Result:
    """Run it, past its guard where it changes something. ``Unavailable`` where it could not be started."""
    program = command_lines.program(alembic.target)
    call = verbs.read(alembic.arguments, program.words)
    if call.is_guarded:
        ask(alembic.target.model, alembic.target.commands.options, Path.cwd())
    left = list(stale_containers(alembic.engine, alembic.target.project, alembic.target.service))
    for each in left:
        alembic.say(each.sentence)
    seen = collect.running(alembic.target, alembic.engine)
    alembic.program = command_lines.in_image(alembic.target, seen, alembic.arguments)
    where = choose(seen, program, alembic.engine)
    if call.is_guarded and call.verb in verbs.FILES:
        where = where.apart()
    alembic.say(where.sentence())
    busy = ""
    called = alembic.program.words[: len(program.words)]
    if where.container is not None and at_work(alembic.engine, where.container.id, called):
        busy = where.container.name
        alembic.say(
            f"{alembic.words()} is already running in {busy}, by another or a killed command: docker top {busy}"
        )
    if not call.is_guarded:
        say_stale(alembic.target, seen, where, call, alembic.engine, alembic.say)
        return alembic.attempt(where)
    from migops.commands.alembic import guards  # and the database's side: what only reads does not pay for it

    still = tuple(each.name for each in left if each.is_running)
    return guards.run(guards.GuardContext(alembic, call, seen, where, still, busy))
