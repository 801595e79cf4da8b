"""What the pending revisions take away, for the plan."""

from __future__ import annotations

from collections.abc import Sequence

from migops.commands.deploy.inputs import DeployInputs
from migops.migrations.losses import losses, sentence


def of(inputs: DeployInputs, pending: Sequence[str] | None) -> tuple[str, ...]:
    """A sentence for each revision that destroys something; where it is not known what is pending, all may be."""
    may_run = inputs.history.pending(()) if pending is None else pending
    lead = "if it is pending: " if pending is None else ""
    return tuple(f"{lead}{sentence(each, lost)}" for each, lost in losses(inputs.host, inputs.history, may_run).items())
