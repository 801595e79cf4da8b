"""The plan of a restore in words: its steps, and how the backup relates to the database that it replaces."""

from __future__ import annotations

from migops.commands.backup.identity import Relation
from migops.commands.backup.restore_plan import Restore

_ORIGINS = {
    Relation.SAME: "the backup is of this very database",
    Relation.RECREATED: "the backup is of another server at this place, which was made again since",
    Relation.UNPROVED: "whether the backup is of this server is not known",
    Relation.FOREIGN: "the backup is of another database",
    Relation.UNIDENTIFIED: "the backup does not say which server it was taken from",
}


def origin(plan: Restore) -> str:
    """How the database that the backup was taken from relates to the one here."""
    compared = plan.origin
    words = _ORIGINS[compared.relation]
    if compared.relation is Relation.UNIDENTIFIED or not compared.why:
        known = plan.manifest
        return f"{words} (it was made by migops {known.migops})" if known and compared.why else words
    return f"{words} ({'; '.join(compared.why)})"


def reasons(plan: Restore) -> dict[str, str]:
    """Why each service stops."""
    return {container.service: container.why for container in plan.stopping}


def steps(plan: Restore) -> list[str]:
    """The steps, in order."""
    services = ", ".join(plan.services)
    names = ", ".join(container.name for container in plan.stopping)
    lines = [f"make the database {plan.new}, restore the backup into it, check its tables and revision"]
    if services:
        lines.append(f"stop {services} ({names})")
    if plan.properties is None:
        lines.append(f"{plan.new} becomes {plan.database}")
    else:
        others = f", among them {', '.join(plan.external_sessions)}" if plan.external_sessions else ""
        lines += [
            f"end all sessions of {plan.database}{others}",
            f"at once: {plan.database} becomes {plan.old}, which is kept, and {plan.new} becomes "
            f"{plan.database}, with the owner, the rights and the settings that it has now",
        ]
    return [*lines, f"start {services} again"] if services else lines
