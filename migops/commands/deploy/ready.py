"""Refuses a deploy whose new containers could not start: in the preflight, and again just before the swap."""

from __future__ import annotations

from migops.commands.deploy import prerequisites, shell
from migops.commands.deploy.deploy import Deploy
from migops.commands.deploy.inputs import DeployInputs
from migops.core.errors import Aborted, Failed
from migops.docker import Engine

_HINT = "free the port, or create what is missing, or change the compose file; then run this again"


def refuse(inputs: DeployInputs, engine: Engine) -> None:
    """Raise ``Aborted`` while nothing has been changed."""
    if found := prerequisites.lacking(_wanted(inputs, engine)):
        raise Aborted(f"the new containers could not start: {'; '.join(found)}", hint=_HINT)


def again(deploy: Deploy) -> None:
    """Raise ``Failed`` while the old containers still run: something may have changed since the plan was made."""
    read = shell.quietly((*deploy.inputs.compose.words, "config", "--quiet"))
    if read.code:
        last = read.tail[-1] if read.tail else "it gave no reason"
        raise Failed(f"docker compose can no longer read the project ({last}); the old containers were not stopped")
    if found := prerequisites.lacking(_wanted(deploy.inputs, deploy.engine)):
        raise Failed(f"the new containers could not start, and the old ones were not stopped: {'; '.join(found)}")


def _wanted(inputs: DeployInputs, engine: Engine) -> prerequisites.Wanted:
    return prerequisites.Wanted(inputs.project, inputs.services, engine, inputs.scale)
