"""The target of a command: one service's image and the files on the host that it should contain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from migops.compose import Project
from migops.core.errors import MigopsError
from migops.core.printed import Commands
from migops.dockerfile.trace import Inline


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """A build of the image, as ``dockerfile.trace`` takes it."""

    context: Path | str
    """The folder, or the URL of a remote context."""
    dockerfile: Path | Inline | None = None
    """None: ``Dockerfile`` in the context."""
    target: str | None = None
    """The stage that is built; None: the last one."""
    args: Mapping[str, str] = field(default_factory=dict)
    contexts: Mapping[str, str] = field(default_factory=dict)
    """Additional contexts by their names."""


@dataclass(frozen=True, slots=True)
class Target:
    """One image, and the place on the host of the files that it should contain."""

    image: str
    """The image's reference."""
    root: Path
    """The folder of the host's files: the build context, or --host-dir."""
    config: Path
    """The host's ``alembic.ini`` or ``pyproject.toml``."""
    section: str = "alembic"
    """The section of the configuration."""
    absent: MigopsError | None = None
    """The error that the host has no configuration, if those of image and containers are read without it; ``config`` is
    then the path of a file that is not there."""
    sections: tuple[str, ...] = ()
    """All sections that are histories of their own, if none was named and ``[alembic]`` is not the only one."""
    project: str = ""
    service: str = ""
    build: BuildSpec | None = None
    working_dir: str = ""
    """The service's ``working_dir``; empty if the compose file does not set it."""
    folder: str = ""
    """The folder that Alembic is started in, relative to ``working_dir``; empty if it is the same."""
    image_config: str = ""
    """The configuration's path in the image, from ``x-migops``; empty if not set."""
    named: bool = False
    """True if an option or ``x-migops`` selects the configuration or its section."""
    many_heads: bool = False
    """True if several heads are intended (``x-migops: {heads: many}``)."""
    commands: Commands = field(default_factory=Commands)
    """Prints commands with the options of this run."""
    deployed: bool = False
    """True if the service's containers are created from this very image."""
    picked: bool = False
    """True if the user named no service, so that migops chose it."""
    siblings: Mapping[str, str] = field(default_factory=dict)
    """The images of the other services of the same image or build, by service."""
    model: Project | None = None
    """The compose project; None without a compose file."""
    notices: tuple[str, ...] = ()
    """What was chosen without being asked for, a sentence each: to be told to the user."""
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The service's ``x-migops``; empty without a compose file."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The command line's options that select the target; each is empty if it was not given."""

    service: str = ""
    image: str = ""
    context: str = ""
    dockerfile: str = ""
    stage: str = ""
    build_args: Mapping[str, str] = field(default_factory=dict)
    host_dir: str = ""
    config: str = ""
    section: str = ""
    needs_image: bool = True
    """False for commands that do without an image."""
    command: str = "check-image"
    """The command of migops that is running, repeated in hints."""
    database_url: str = field(default="", repr=False)

    @property
    def acts(self) -> bool:
        """True for a command that acts, or that runs something: it needs the project exactly as compose reads it."""
        return self.command in _ACTING


_ACTING = frozenset({"adopt", "alembic", "backup", "rebuild-and-migrate", "restore"})
