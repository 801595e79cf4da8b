"""The ways on from a deploy that has failed: commands that an operator can type, and what leads to what in words."""

from __future__ import annotations

from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.inputs import DeployInputs
from migops.commands.deploy.lead_back import target_back, why_not
from migops.commands.deploy.typed import typed
from migops.core.model import PlaceName
from migops.core.text import listed
from migops.sources.environment import Environment


def next_steps(deploy: Deploy) -> list[tuple[str, ...]]:
    """What an operator can type: look, deploy again, or go back by the backup; or by downgrading, where that works."""
    commands = deploy.inputs.target.commands
    before = deploy.record.before or ()
    ways = [commands.migops("status")]
    if deploy.record.has_moved:
        services = (each.name for each in deploy.inputs.services)
        ways.append(commands.migops("rebuild-and-migrate", *services, service=""))
        if not _without_a_way_down(deploy):
            to = target_back(deploy.inputs.history, deploy.record.after or (), before)
            ways.append(commands.alembic("downgrade", to or "base"))
    if deploy.record.backup is not None:
        ways.append(commands.migops("restore", str(deploy.record.backup)))
    return ways


def typed_again(deploy: Deploy) -> tuple[str, ...]:
    """This deploy's command, with its options that a second call needs as well."""
    return typed(deploy.inputs, deploy.options)


def next_steps_hint(deploy: Deploy) -> str:
    """The ways on in words, for a hint: those that ``next_steps`` has commands for, and why one of them is missing."""
    look, lacking = "check first; then", _without_a_way_down(deploy)
    backup = "with the backup (what was written since is set aside)" if deploy.record.backup else ""
    ways = [each for each in ("" if lacking else "with the downgrade", backup) if each]
    if ways:
        look = f"{look} either fix what failed and deploy again, or roll the database back: {', or '.join(ways)}"
    else:
        look = f"{look} fix what failed and deploy again"
    return f"{look}. A downgrade is not possible here: {lacking}" if lacking else look


def _without_a_way_down(deploy: Deploy) -> str:
    """Why ``migops alembic`` cannot take the database back; '' where it can, or where nothing is to be taken back.

    It runs what the name means once this run is walked back: that is the image that was there before.
    """
    graph, before = deploy.inputs.history, deploy.record.before or ()
    if not deploy.record.has_moved:
        return ""
    done = graph.ancestors(deploy.record.after or ())
    if not done.issuperset(before):
        return f"{listed(before)} is not below {listed(deploy.record.after or ()) or 'nothing'}"
    if why := why_not(graph, deploy.record.after or (), before):
        return why
    applied = done - graph.ancestors(before)
    if oneway := sorted(each for each in applied if not graph.by_id[each].has_downgrade):
        return f"{listed(oneway)} has no downgrade"
    if lacking := sorted((applied | set(deploy.record.after or ())) - known_before(deploy.inputs)):
        further = deploy.inputs.rollbacks.get(deploy.inputs.target.service)
        lacks = "is not known to have a" if further and further.leads_further else "has no"
        return f"the image that was there before {lacks} script for {listed(lacking)}"
    return ""


def known_before(inputs: DeployInputs) -> frozenset[str]:
    """The revisions that Alembic has scripts of in the old image, or in an old container that shows the host's."""
    for each in inputs.evidence.containers:
        if each.is_bound and not each.one_off and isinstance(each.found, Environment):
            return frozenset(each.found.graph.by_id)
    further, graph = inputs.rollbacks.get(inputs.target.service), inputs.evidence.graphs.get(PlaceName.IMAGE)
    return frozenset(graph.by_id) if graph and not (further and further.leads_further) else frozenset()
