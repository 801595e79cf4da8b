"""Which rules have a fixer: one line a rule. A rule without a line is not edited; its finding prints the fix."""

from __future__ import annotations

from collections.abc import Mapping

from migops.commands.fix.compose_edits.readiness import of_project, over_tcp, wait_until_ready
from migops.commands.fix.model import Fixer

FIXERS: Mapping[str, Fixer] = {
    "MIG801": of_project(wait_until_ready),
    "MIG803": of_project(over_tcp),
}
