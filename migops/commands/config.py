"""Reads the compose model: the origin of its values, and the differences to docker compose's own reading."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migops.compose import ComposeOptions, Project
    from migops.compose.explain import Origin
    from migops.compose.verify import Difference


@dataclass(frozen=True, slots=True)
class Explanation:
    """The values at and below a path of the project, each with its origin."""

    project: Project
    origins: tuple[Origin, ...]


@dataclass(frozen=True, slots=True)
class Verification:
    """The values that docker compose reads differently."""

    differences: tuple[Difference, ...]

    @property
    def matters(self) -> bool:
        """True if migops uses one of them."""
        return any(difference.matters for difference in self.differences)


def explain(project: Project, path: str) -> Explanation:
    """The origins of the values at and below ``path``. Raises MigopsError if there is nothing at it."""
    from migops.compose.explain import explain as origins_of

    return Explanation(project, tuple(origins_of(project.tree, path)))


def verify(project: Project, options: ComposeOptions) -> Verification:
    """Run ``docker compose config`` on the same files and compare. Raises MigopsError if it refuses them."""
    from migops.compose.refusal import find_compose
    from migops.compose.verify import verify as differences_of

    return Verification(tuple(differences_of(project, options, Path.cwd(), find_compose())))
