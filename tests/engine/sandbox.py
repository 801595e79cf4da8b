"""A corner of the shared engine for one test, which is empty again afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.engine import inventory
from tests.engine.engine import Engine
from tests.engine.inventory import Inventory

_EACH_SECOND = "      interval: 1s\n      timeout: 3s\n"
"""In every example whose server has a health check."""
_SELDOM = "      interval: 10s\n      start_period: 60s\n      start_interval: 1s\n      timeout: 3s\n"


@dataclass(frozen=True)
class Sandbox:
    """A name that is nobody else's, and a folder of that name.

    Whatever carries the name goes away after the test: a compose project (its name by default, as the folder has
    it), an image's tag, a label, a network, a volume.
    """

    engine: Engine
    name: str
    """Letters and digits: fit for a project, an image's repository, a container and a host name."""
    path: Path
    """An empty folder for the compose project."""

    @property
    def env(self) -> dict[str, str]:
        """The environment for processes of the test."""
        state = str(self.path.parent / "state")
        return {**self.engine.env, "COMPOSE_PROJECT_NAME": self.name, "XDG_STATE_HOME": state}

    def tag(self, name: str, version: str = "test") -> str:
        """An image reference for *name* that belongs to this sandbox."""
        return f"{self.name}-{name}:{version}"

    def docker(self, *arguments: str, **options: Any) -> str:
        """`docker` in this sandbox: see `Engine.docker`."""
        return self.engine.docker(*arguments, **{"env": self.env, "cwd": self.path, **options})

    def compose(self, *arguments: str, cwd: Path | None = None, **options: Any) -> str:
        """`docker compose` in the sandbox's folder, or in *cwd*: see `Engine.compose`."""
        return self.engine.compose(*arguments, cwd=cwd or self.path, **{"env": self.env, **options})

    def build(self, context: Path, tag: str, *arguments: str) -> str:
        """Build an image with BuildKit and return its ID. Labelled, so that it is found even when it loses its tag."""
        label = f"migops.test.sandbox={self.name}"
        words = ("build", "--quiet", "--label", label, "--tag", tag, *arguments, str(context))
        return self.engine.docker(*words, env=self.env).strip()

    def seldom(self, compose: Path) -> None:
        """Ask for the health of an example's server every second until it is well, and after that every ten.

        A probe takes a tenth of a second of CPU. Only engines since 25 know the difference.
        """
        if int(self.engine.version.partition(".")[0]) >= 25:
            compose.write_text(compose.read_text().replace(_EACH_SECOND, _SELDOM))

    def clean(self) -> None:
        """Remove all that mentions this sandbox."""
        inventory.remove(self.engine, Inventory.of(self.engine).belonging_to(self.name), self.name)
