"""Reads the revision graph: of a configuration file, or of a service with what every place has of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migops.collect.database_query import Ask
    from migops.collect.drawing import Drawing
    from migops.commands.status import Status
    from migops.docker import Engine
    from migops.migrations.graph import Graph
    from migops.target import Target


@dataclass(frozen=True, slots=True)
class GraphResult:
    """The host's history, and for a service its status, by which each revision is marked."""

    drawing: Drawing
    status: Status | None = None

    @property
    def graph(self) -> Graph:
        """The history of all places that were read."""
        return self.status.graph if self.status else self.drawing.graph


def of_service(target: Target, engine: Callable[[], Engine] | None, ask: Ask) -> GraphResult:
    """The history of the service's migrations; a place that cannot be read is reported, and the others are drawn."""
    from migops import collect  # and below, with the status, all rules: a graph of a file alone needs none of them
    from migops.collect.drawing import of_environment
    from migops.commands import status
    from migops.core.model import Severity

    drawing = of_environment(collect.host(target))
    evidence = collect.check(target, engine, ask=ask)
    return GraphResult(drawing, status.make(target, evidence, (), Severity.ERROR, ()))
