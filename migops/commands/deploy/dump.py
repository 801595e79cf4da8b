"""The steps that look after the data before anything irreversible: a verified dump, and a rehearsal on a copy of it."""

from __future__ import annotations

from typing import Any

from migops.commands import backup
from migops.commands.deploy.deploy import Deploy
from migops.core.errors import Aborted, MigopsError


def take(deploy: Deploy) -> dict[str, Any]:
    """Dump the database and verify the dump; old ones are removed by count and age, never the newest verified one."""
    if not deploy.record.pending:
        return {"skipped": "nothing is pending, so the database does not change"}
    if deploy.record.before == () and deploy.record.is_empty:
        return {"skipped": "the database is empty"}
    return take_now(deploy)


def take_now(deploy: Deploy) -> dict[str, Any]:
    """The same, whatever is pending."""
    try:
        source = backup.find(deploy.inputs.question, deploy.engine)
        said = deploy.options
        policy = backup.Policy(said.room, said.keep, said.keep_days, said.timeout)
        planned = backup.plan(deploy.engine, source, deploy.folder, policy)
        dump = backup.take(deploy.engine, planned)
    except Aborted:
        raise
    except MigopsError as error:
        raise Aborted(f"no backup was taken: {error}", hint=error.hint) from None
    deploy.record.backup = dump.path
    pruned = backup.prune(planned)
    if pruned.unknown:
        deploy.say.line(
            f"no backup is removed: this server cannot be distinguished from another one ({pruned.unknown})"
        )
    size = dump.manifest.size if dump.manifest else 0
    deploy.say.line(f"{dump.path} ({size:,} bytes)")
    removed = [str(each.path) for each in pruned.removed]
    return {"path": str(dump.path), "size": size, "removed": removed, "not_counted": pruned.spared}
