"""The rehearsal: upgrade, downgrade and upgrade again, with the built image, on a throwaway copy of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from migops import sandbox
from migops.commands.deploy.copy import Copy
from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.lead_back import target_back, why_not
from migops.core.errors import Aborted, MigopsError
from migops.core.text import counted, listed
from migops.database.postgres.catalogue import traces
from migops.database.postgres.direct import direct

if TYPE_CHECKING:
    from migops.sandbox import Server

SHOWN = 8  # things that did not come back, and tables whose rows changed, that are told one by one
_PATIENCE = 3600.0  # seconds for a statement of ours on the copy: counting the rows of a large table takes a while


def rehearse(deploy: Deploy) -> dict[str, Any]:
    """Restore the fresh backup into a throwaway server, and do there what is to be done: up, down, and up again.

    ``Aborted`` where it fails there. The live database cannot be reached from it: the network holds nothing else.
    """
    if not deploy.record.pending or deploy.database.reached is None:
        return {"skipped": "nothing is pending"}
    inputs, reached = deploy.inputs, deploy.database.reached
    try:
        live = sandbox.live_of(deploy.engine, inputs.project, reached.named)
        app = sandbox.app_of(
            inputs.project, inputs.service, deploy.record.built[inputs.target.service], live,
            working_dir=deploy.starts_in, code=inputs.image_folders, keeps_entrypoint=inputs.keeps_entrypoint,
        )  # fmt: skip
        app = replace(app, mounts=tuple(each for each in app.mounts if each.get("Type") != "volume"))
        with sandbox.server(deploy.engine, live, app, on_disk=True) as server:
            server.fresh_database()
            if not deploy.record.is_empty:
                _restore(deploy, server)
            with direct(server.url, timeout=_PATIENCE, name="migops rehearsal") as connection:
                return _play(Copy(deploy, server, connection))
    except Aborted:
        raise
    except MigopsError as error:
        raise Aborted(f"the rehearsal could not be run: {error}", hint=error.hint) from None


def _restore(deploy: Deploy, server: Server) -> None:
    from migops.commands import backup

    if deploy.record.backup is None:
        raise Aborted("a rehearsal needs the backup of this run", hint="remove --no-backup")
    url = server.url.url
    backup.restore_into(
        deploy.engine, server.name, url.username or "", url.database or "", deploy.record.backup,
        password=str(url.password or ""), port=server.live.url.port,
    )  # fmt: skip


def _play(held: Copy) -> dict[str, Any]:
    """Up, down, up; what was seen is told line by line, and noted in the journal."""
    deploy, url = held.deploy, held.server.url
    target = "heads" if deploy.inputs.target.many_heads else "head"
    before = deploy.record.before or ()
    held.watch()
    tables = held.tables()
    counts, catalogue = held.counts(tables), traces(url, _PATIENCE)
    up = held.alembic("upgrade", target)
    if held.rows() != deploy.inputs.heads:
        raise Aborted(f"the rehearsal's upgrade ended at {listed(held.rows()) or 'nothing'}, not at the head")
    noted = held.noted(tables)
    for each in noted:
        locks = ", ".join(f"{mode} on {name}" for name, mode in each.locks.items()) or "no table locks"
        deploy.say.line(f"upgrade   {each.revision}  {each.seconds:.2f} s, {locks}")
    migrated = held.counts(tables)
    _tell_rows(deploy, "after the upgrade", counts, migrated)
    inputs: dict[str, Any] = {
        "upgrade_seconds": round(up, 3),
        "revisions": [
            {"id": each.revision, "seconds": round(each.seconds, 3), "locks": dict(each.locks)} for each in noted
        ],
        "rows": {"before": counts, "after": migrated},
    }
    oneway = [each for each in deploy.record.pending or () if not deploy.inputs.history.by_id[each].has_downgrade]
    history = deploy.inputs.history
    to = target_back(history, deploy.inputs.heads, before)
    if oneway or to is None:
        why = f"{listed(oneway)} without a downgrade" if oneway else why_not(history, deploy.inputs.heads, before)
        deploy.say.line(f"downgrade skipped: {why}")
        return {**inputs, "downgrade": "left out", "without_downgrade": oneway}
    down = held.alembic("downgrade", to)
    back, lost = held.counts(tables), sorted(catalogue ^ traces(url, _PATIENCE))
    deploy.say.line(f"downgrade to {listed(before) or 'base'} in {down:.2f} s")
    _tell_rows(deploy, "after the downgrade", counts, back)
    for line in lost[:SHOWN]:
        deploy.say.line(f"not restored by the downgrade: {line}")
    again = held.alembic("upgrade", target)
    deploy.say.line(f"upgrade again in {again:.2f} s")
    return {**inputs, "downgrade_seconds": round(down, 3), "not_come_back": lost, "rows_after_downgrade": back,
            "second_upgrade_seconds": round(again, 3)}  # fmt: skip


def _tell_rows(deploy: Deploy, when: str, before: Mapping[str, int], after: Mapping[str, int]) -> None:
    changed = [name for name in before if before[name] != after.get(name)]
    for name in changed[:SHOWN]:
        now = counted(after[name], "row", grouped=True) if name in after else "gone"
        deploy.say.line(f"{name}: {counted(before[name], 'row', grouped=True)} before, {now} {when}")
    if not changed:
        total = counted(sum(after.values()), "row", grouped=True)
        deploy.say.line(f"{total} in {counted(len(after), 'table', grouped=True)}, before and {when}")
