"""The inputs that determine which database is asked, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from migops.docker import Engine
from migops.migrations.config import ConfigFile
from migops.sources.database_url import Variables

if TYPE_CHECKING:
    from migops.compose import Project, Service
    from migops.sources.project_code import EnvironmentCode


@dataclass(frozen=True, slots=True)
class Question:
    """The inputs that determine which database is asked, and how."""

    url: str = field(default="", repr=False)  # --database-url
    project: Project | None = None  # None: no compose file
    service: Service | None = None  # None: no compose file
    settings: Mapping[str, str] = field(default_factory=dict)
    configs: Mapping[str, ConfigFile] = field(default_factory=dict)  # Alembic's, by source, the preferred one first
    env_py: str = ""  # the text of Alembic's env.py
    env_path: str = "env.py"
    image_env: Mapping[str, str] = field(default_factory=dict, repr=False)  # the image's ENV
    working_dir: str = ""  # the container's
    home: Path = field(default_factory=Path.cwd)  # the host's folder that Alembic starts in
    compose: tuple[str, ...] = ("docker", "compose")  # the user's compose command
    code: Callable[[], EnvironmentCode | None] | None = None  # the code that env.py imports
    engine: Callable[[], Engine] | None = None  # None: must not be asked
    timeout: float = 20.0  # seconds

    @property
    def is_led_elsewhere(self) -> bool:
        """True if the user has set a URL for migops alone, for example to bypass a pooler that refuses ``options``."""
        return bool(self.url or self.settings.get("database-url"))

    def variable(self, name: str) -> str:
        """A variable's value in the service's containers: from the compose file, else the image's ENV; '' if unset."""
        if self.project is None or self.service is None:
            return ""
        return Variables(self.project, self.service, self.image_env).values().get(name, "")
