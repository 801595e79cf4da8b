"""The revision graph as a mermaid flowchart, marked by the status where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migops.output import status_mermaid
from migops.output.flowchart import flowchart

if TYPE_CHECKING:
    from migops.commands.graph import GraphResult
    from migops.output import View


def render(result: GraphResult, view: View) -> str:
    """The flowchart, oldest revision at the bottom."""
    return status_mermaid.render(result.status, view) if result.status else flowchart(result.drawing.graph)
