"""The plan of a restore in words: its steps, and how the backup relates to the database that it replaces."""

from __future__ import annotations

from migops.commands.backup.identity import Relation
from migops.commands.backup.restore_plan import Restore

_ORIGINS = {
    Relation.SAME: "the backup is of this database",
    Relation.RECREATED: "the backup is from before this server was recreated",
    Relation.UNPROVED: "migops cannot tell whether the backup is of this server",
    Relation.FOREIGN: "the backup is of another database",
    Relation.UNIDENTIFIED: "the backup does not record its server",
}


def origin(plan: Restore) -> str:
    """The relation of the backup's database to the current one, for a sentence."""
    compared = plan.origin
    words = _ORIGINS[compared.relation]
    if compared.relation is Relation.UNIDENTIFIED or not compared.why:
        known = plan.manifest
        return f"{words} (it was taken by migops {known.migops})" if known and compared.why else words
    return f"{words} ({'; '.join(compared.why)})"


def reasons(plan: Restore) -> dict[str, str]:
    """The reason why each service stops, by service."""
    return {container.service: container.why for container in plan.stopping}


def steps(plan: Restore) -> list[str]:
    """The steps in order."""
    services = ", ".join(plan.services)
    names = ", ".join(container.name for container in plan.stopping)
    lines = [f"create the database {plan.new}, restore the backup into it, check its tables and revision"]
    if services:
        lines.append(f"stop {services} ({names})")
    if plan.properties is None:
        lines.append(f"rename {plan.new} to {plan.database}")
    else:
        others = f", including {', '.join(plan.external_sessions)}" if plan.external_sessions else ""
        lines += [
            f"end all sessions in {plan.database}{others}",
            f"in one transaction: rename {plan.database} to {plan.old} (kept), and {plan.new} to "
            f"{plan.database}, with the same owner, privileges and settings as now",
        ]
    return [*lines, f"start {services} again"] if services else lines
