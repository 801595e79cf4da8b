"""The step that makes a new, empty database and swaps its name with the current one's, and its undo."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from migops.commands.backup.restore_plan import label
from migops.commands.backup.swap import Swap, end_sessions
from migops.commands.deploy.commands import migrating
from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.step_name import StepName
from migops.core.errors import Aborted, Failed
from migops.database.postgres import swap_statements
from migops.database.postgres.maintenance import Maintenance, maintenance
from migops.database.postgres.session import open_session
from migops.database.postgres.usage import carried, prepare
from migops.docker import execs
from migops.state.signals import unhurried

if TYPE_CHECKING:
    from migops.commands.reset.inputs import ResetInputs

LOCK_WAIT = 3.0  # seconds


def swap(inputs: ResetInputs, deploy: Deploy) -> dict[str, Any]:
    """Make the new database with all that the current one has beside its contents, and swap the names.

    Raises ``Locked`` if another run works on the database, ``Aborted`` or ``Failed`` if nothing was changed in the end.
    """
    reached, properties = inputs.source.reached, inputs.properties
    with ExitStack() as held:
        release = held.enter_context(ExitStack())
        session = release.enter_context(
            open_session(reached.url, table=reached.table.name, schema=reached.table.schema,
                         timeout=deploy.options.timeout, label="migops reset")
        )  # fmt: skip
        session.lock(LOCK_WAIT)
        with maintenance(reached.url, label("reset")) as server:
            now = server.properties(inputs.database)
            if now is None or now.oid != properties.oid:
                raise Aborted(f"{inputs.database} was replaced by someone else meanwhile")
            oid = _make(inputs, server, deploy.options.timeout)
        swapped = Swap(deploy.engine, inputs, deploy.log, oid, release.close).run()
    if swapped.signals and not deploy.stop.came:
        deploy.stop.came = swapped.signals[0]
    return {"kept": inputs.old, "oid": oid}


def _make(inputs: ResetInputs, server: Maintenance, timeout: float) -> int:
    """Create it with owner, encoding, locale, schemas, extensions, privileges and settings; its OID."""
    made = False
    try:
        with unhurried():
            server.run(swap_statements.create(inputs.new, inputs.properties))
            made = True
        there = inputs.source.reached.url.of(inputs.new)
        prepare(there, timeout, carried(inputs.usage, inputs.source.reached.table.schema))
        server.run(*swap_statements.carry_over(inputs.new, inputs.properties))
        return _oid(inputs.new, server)
    except BaseException:
        if made:  # ours, empty, and used by nobody
            with unhurried():
                server.run(swap_statements.drop(inputs.new))
        raise


def _oid(name: str, server: Maintenance) -> int:
    found = server.properties(name)
    if found is None:
        raise Aborted(f"the database {name} was dropped by someone else")
    return found.oid


def swap_back(inputs: ResetInputs, deploy: Deploy) -> dict[str, Any]:
    """Undo: the old database gets its name back. The new one is dropped, unless the application was started on it.

    Raises ``Failed`` where the database of that name is not the one of before then, ``Unavailable`` where the server
    does not answer.
    """
    execs.remove(deploy.engine, migrating(deploy.inputs.project.name))
    deploy.database.lost()  # its session is in the new database
    # Empty of anybody's data only if no one but the migration can have written to it.
    was_used = StepName.SWAP in deploy.record.begun or bool(inputs.clients.unsure)
    facts: dict[str, Any] = {"skipped": f"{inputs.database} was not replaced"}
    with maintenance(inputs.source.reached.url, label("reset")) as server, unhurried():
        now = server.properties(inputs.database)
        if now is None or now.oid != inputs.properties.oid:
            _give_back(inputs, server, is_there=now is not None)
            facts = {"database": inputs.old, "aside": inputs.undone}
            if not was_used and now is not None:
                server.run(swap_statements.drop(inputs.undone))
                facts = {"database": inputs.old}
        elif not now.open and inputs.properties.open:
            server.run(swap_statements.reopen(inputs.database))
    state = deploy.inputs.state
    deploy.record.before = deploy.record.after = state.rows if state else None
    if "aside" in facts:
        deploy.say.line(f"the new database is kept as {inputs.undone}, since {_who(inputs, deploy)}")
    return facts


def _who(inputs: ResetInputs, deploy: Deploy) -> str:
    if StepName.SWAP in deploy.record.begun:
        return "the application was started on it"
    return f"{inputs.clients.unsure[0].service} kept running and may have used it"


def _give_back(inputs: ResetInputs, server: Maintenance, *, is_there: bool) -> None:
    kept = server.properties(inputs.old)
    if kept is None or kept.oid != inputs.properties.oid:
        raise Failed(f"neither {inputs.database} nor {inputs.old} is the database of before")
    aside = [swap_statements.rename(inputs.database, inputs.undone)] if is_there else []
    if is_there:
        server.run(swap_statements.close(inputs.database))
    server.run(swap_statements.close(inputs.old))
    end_sessions(server, *([inputs.database] if is_there else []), inputs.old)
    server.together(*aside, swap_statements.rename(inputs.old, inputs.database))
    if inputs.properties.open:
        server.run(swap_statements.reopen(inputs.database))
    now = server.properties(inputs.database)
    if now is None or now.oid != inputs.properties.oid:
        raise Failed(f"{inputs.database} is not the database of before")
