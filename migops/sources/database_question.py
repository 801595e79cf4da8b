"""Which database is asked, and how: all that decides it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from migops.core.model import Unknown
from migops.docker import Engine
from migops.migrations.config import ConfigFile
from migops.migrations.version_table import VersionTable, version_table
from migops.sources.database_url import Variables

if TYPE_CHECKING:
    from migops.compose import Project, Service


@dataclass(frozen=True, slots=True)
class Question:
    """All that decides which database is asked, and how.

    ``url`` is --database-url. ``project`` and ``service`` are None without a compose file. ``configs`` are Alembic's
    configurations by the place that they were read in, the one that counts most first; ``env_py`` is the text of
    Alembic's env.py and ``env_path`` its path; ``image_env`` is what the image's ENV sets. ``working_dir`` is the
    container's, ``home`` the host's folder that Alembic starts in. ``compose`` is the user's compose command,
    ``engine`` None where it may not be asked, ``timeout`` in seconds.
    """

    url: str = field(default="", repr=False)
    project: Project | None = None
    service: Service | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    configs: Mapping[str, ConfigFile] = field(default_factory=dict)
    env_py: str = ""
    env_path: str = "env.py"
    image_env: Mapping[str, str] = field(default_factory=dict, repr=False)
    working_dir: str = ""
    home: Path = field(default_factory=Path.cwd)
    compose: tuple[str, ...] = ("docker", "compose")
    engine: Callable[[], Engine] | None = None
    timeout: float = 20.0

    @property
    def is_led_elsewhere(self) -> bool:
        """Whether the user has given a URL for migops alone: past a pooler, say, which refuses ``options``."""
        return bool(self.url or self.settings.get("database-url"))

    def variable(self, name: str) -> str:
        """What a variable is in the service's containers, by the compose file over the image's ENV; '' if it is not."""
        if self.project is None or self.service is None:
            return ""
        return Variables(self.project, self.service, self.image_env).values().get(name, "")


def table_of(asked: Question) -> VersionTable | Unknown:
    """The table that the service's Alembic notes its revisions in."""
    return version_table(
        asked.env_py, asked.env_path,
        name=asked.settings.get("version-table", ""), schema=asked.settings.get("version-table-schema", ""),
    )  # fmt: skip
