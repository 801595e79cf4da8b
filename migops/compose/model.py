"""What the rest of migops sees of a compose project. Frozen values; each says where it was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from migops.core.errors import MigopsError
from migops.core.location import Location

if TYPE_CHECKING:
    from migops.compose.tree import Map


@dataclass(frozen=True, slots=True)
class ComposeOptions:
    """The options that ``docker compose`` has before its command. Empty means: found or decided as compose does."""

    files: tuple[str, ...] = ()
    project_name: str = ""
    env_files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    project_directory: str = ""


@dataclass(frozen=True, slots=True)
class Build:
    """How a service's image is built. ``context`` is an absolute path, or the URL of a remote context.

    ``dockerfile`` is as compose gives it to the builder: relative to the context, or absolute. A value of ``args`` is
    None where the variable of that name was not set.
    """

    context: str
    dockerfile: str
    location: Location
    dockerfile_inline: str = ""
    target: str = ""
    args: Mapping[str, str | None] = field(default_factory=dict)
    additional_contexts: Mapping[str, str] = field(default_factory=dict)
    platforms: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    no_cache: bool = False
    pull: bool = False

    @property
    def is_remote(self) -> bool:
        """Whether the context is a URL or a git reference rather than a folder."""
        return not self.context.startswith("/")


@dataclass(frozen=True, slots=True)
class Mount:
    """An entry of a service's ``volumes``.

    ``type`` is ``bind``, ``volume``, ``tmpfs``, ``image``, ``npipe`` or ``cluster``. ``source`` is an absolute path for
    a bind mount, the key in the top-level ``volumes`` for a volume (empty: anonymous); ``volume_name`` is that volume's
    real name in the engine. ``target`` is the path in the container.
    """

    type: str
    source: str
    target: str
    location: Location
    read_only: bool = False
    volume_name: str = ""
    subpath: str = ""
    nocopy: bool = False

    @property
    def is_anonymous(self) -> bool:
        return self.type == "volume" and not self.source


@dataclass(frozen=True, slots=True)
class FileMount:
    """An entry of a service's ``configs`` or ``secrets``; an empty ``target`` means the engine's default."""

    source: str
    target: str
    location: Location


@dataclass(frozen=True, slots=True)
class Dependency:
    """One ``depends_on`` entry.

    ``condition`` is ``service_started``, ``service_healthy`` or ``service_completed_successfully``.
    """

    service: str
    condition: str
    required: bool
    restart: bool
    location: Location


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """A service's ``healthcheck``; ``test`` starts with ``CMD``, ``CMD-SHELL`` or ``NONE`` where it is not empty."""

    test: tuple[str, ...]
    disabled: bool
    location: Location


@dataclass(frozen=True, slots=True)
class Volume:
    """A top-level volume: its key in the file, and its real name in the engine."""

    key: str
    name: str
    external: bool
    driver: str
    location: Location
    driver_opts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Network:
    """A top-level network: its key in the file, and its real name in the engine."""

    key: str
    name: str
    external: bool
    internal: bool
    location: Location


@dataclass(frozen=True, slots=True)
class Service:
    """A service, with everything resolved that compose resolves.

    ``image`` is what the file says, or None; ``image_ref`` is that or, for a built image without a name, compose's own
    ``<project>-<service>``. ``command`` and ``entrypoint`` are None where the image's own counts. A value of
    ``environment`` is None where the variable is to be taken from an environment that does not have it.
    ``replicas`` is ``scale`` or ``deploy.replicas``. ``extensions`` are the service's ``x-*`` keys. ``raw`` is the
    service as ``docker compose config --format json`` prints it.
    """

    name: str
    location: Location
    image: str | None
    image_ref: str
    build: Build | None
    command: tuple[str, ...] | None
    entrypoint: tuple[str, ...] | None
    working_dir: str
    user: str
    container_name: str
    platform: str
    pull_policy: str
    restart: str
    replicas: int
    environment: Mapping[str, str | None]
    labels: Mapping[str, str]
    volumes: tuple[Mount, ...]
    tmpfs: tuple[str, ...]
    configs: tuple[FileMount, ...]
    secrets: tuple[FileMount, ...]
    depends_on: Mapping[str, Dependency]
    healthcheck: Healthcheck | None
    profiles: tuple[str, ...]
    ports: tuple[Mapping[str, Any], ...]
    networks: tuple[str, ...]
    extensions: Mapping[str, Any]
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Project:
    """A compose project as compose itself would run it.

    ``services`` are the active ones; ``inactive`` those whose profiles are not enabled. ``directory`` is the absolute
    project directory, ``files`` the absolute compose files in order. ``environment`` is what variables were taken from.
    ``volumes``, ``networks`` and ``models`` are all that the files declare (and the default network), by key.
    ``resolved`` is the document that ``docker compose config --format json`` prints, ``tree`` the merged one with the
    mark of every value, for ``explain``. ``warnings`` are compose's own, in order.
    ``env_files`` are the files (``.env``) that variables come from, in order: the last one that sets a variable counts.
    """

    name: str
    directory: str
    files: tuple[str, ...]
    profiles: tuple[str, ...]
    services: Mapping[str, Service]
    inactive: Mapping[str, Service]
    volumes: Mapping[str, Volume]
    networks: Mapping[str, Network]
    models: Mapping[str, Any]
    extensions: Mapping[str, Any]
    environment: Mapping[str, str] = field(repr=False)
    resolved: Mapping[str, Any] = field(repr=False)
    tree: Map = field(repr=False)
    warnings: tuple[str, ...] = ()
    interpolated: bool = True
    env_files: tuple[str, ...] = ()

    def service(self, name: str) -> Service:
        """The active service of that name; a ``MigopsError`` says whether it is unknown or only not enabled."""
        if name in self.services:
            return self.services[name]
        if name in self.inactive:
            found = self.inactive[name]
            said = f"service {name!r} is in profile {', '.join(found.profiles)}, which is not enabled"
            raise MigopsError(said, at=found.location, hint=f"enable it with --profile {found.profiles[0]}")
        at = Location(self.files[0]) if self.files else None
        known = ", ".join(sorted(self.services)) or "none"
        raise MigopsError(f"no such service: {name}", at=at, hint=f"the services are: {known}")
