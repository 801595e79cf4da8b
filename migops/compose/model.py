"""A compose project as frozen values, each with its location in the files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from migops.compose.unknown import UnknownKey
from migops.compose.unread import ALL_READ, Unread
from migops.core.errors import MigopsError
from migops.core.location import Location
from migops.core.text import with_hint

if TYPE_CHECKING:
    from migops.compose.tree import Map


@dataclass(frozen=True, slots=True)
class ComposeOptions:
    """The options of ``docker compose`` before its command. An empty one is determined as compose does."""

    files: tuple[str, ...] = ()
    project_name: str = ""
    env_files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    project_directory: str = ""


@dataclass(frozen=True, slots=True)
class Build:
    """The build of a service's image."""

    context: str  # an absolute path, or the URL of a remote context
    dockerfile: str  # as compose passes it to the builder: relative to the context, or absolute
    location: Location
    dockerfile_inline: str = ""
    target: str = ""
    args: Mapping[str, str | None] = field(default_factory=dict)  # None: the variable of that name is not set
    additional_contexts: Mapping[str, str] = field(default_factory=dict)
    platforms: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    no_cache: bool = False
    no_cache_filter: tuple[str, ...] = ()  # stages that are built without the cache
    pull: bool = False

    @property
    def is_remote(self) -> bool:
        """True if the context is a URL or a git reference rather than a folder."""
        return not self.context.startswith("/")


@dataclass(frozen=True, slots=True)
class Mount:
    """An entry of a service's ``volumes``."""

    type: str  # ``bind``, ``volume``, ``tmpfs``, ``image``, ``npipe`` or ``cluster``
    source: str  # bind: an absolute path; volume: its key in the top-level ``volumes``, '' for an anonymous one
    target: str  # the path in the container
    location: Location
    read_only: bool = False
    volume_name: str = ""  # the volume's real name in the engine
    subpath: str = ""
    nocopy: bool = False

    @property
    def is_anonymous(self) -> bool:
        """True for a volume without a key."""
        return self.type == "volume" and not self.source


@dataclass(frozen=True, slots=True)
class FileMount:
    """An entry of a service's ``configs`` or ``secrets``."""

    source: str
    target: str  # '': the engine's default
    location: Location


@dataclass(frozen=True, slots=True)
class Dependency:
    """One ``depends_on`` entry."""

    service: str
    condition: str  # ``service_started``, ``service_healthy`` or ``service_completed_successfully``
    required: bool
    restart: bool
    location: Location


@dataclass(frozen=True, slots=True)
class Healthcheck:
    """A service's ``healthcheck``."""

    test: tuple[str, ...]  # starts with ``CMD``, ``CMD-SHELL`` or ``NONE``, unless empty
    disabled: bool
    location: Location


@dataclass(frozen=True, slots=True)
class Hook:
    """A container of a service's ``pre_start``: it runs to its end, successfully, before the service starts."""

    image: str  # the service's own unless set
    location: Location
    command: tuple[str, ...] | None = None  # None: not set for the hook
    entrypoint: tuple[str, ...] | None = None  # None: not set for the hook
    environment: Mapping[str, str | None] = field(default_factory=dict)  # the hook's variables over the service's
    working_dir: str = ""  # the service's unless set
    user: str = ""  # the service's unless set
    per_replica: bool = False  # False: once for all containers of the service
    unread: Unread = ALL_READ  # what its env files leave unknown


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
    """A service, resolved as compose resolves it."""

    name: str
    location: Location
    image: str | None  # as in the file
    image_ref: str  # ``image``, or compose's ``<project>-<service>`` for a built image without a name
    build: Build | None
    command: tuple[str, ...] | None  # None: the image's own
    entrypoint: tuple[str, ...] | None  # None: the image's own
    working_dir: str
    user: str
    container_name: str
    platform: str
    pull_policy: str
    restart: str
    replicas: int  # ``scale`` or ``deploy.replicas``
    environment: Mapping[str, str | None]  # None: to be taken from the process's environment, which does not set it
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
    extensions: Mapping[str, Any]  # the service's ``x-*`` keys
    raw: Mapping[str, Any] = field(repr=False)  # as ``docker compose config --format json`` prints the service
    pre_start: tuple[Hook, ...] = ()  # in the order in which they run (compose 5.3 and newer)
    unread: Unread = ALL_READ  # what its env files leave unknown: see ``Unread.might_set``


@dataclass(frozen=True, slots=True)
class Project:
    """A compose project as compose itself would run it. Resources are keyed as in the files."""

    name: str
    directory: str  # the absolute project directory
    files: tuple[str, ...]  # absolute paths of the compose files, in order
    profiles: tuple[str, ...]
    services: Mapping[str, Service]  # the active ones
    inactive: Mapping[str, Service]  # those whose profiles are not enabled
    volumes: Mapping[str, Volume]
    networks: Mapping[str, Network]  # with the default network
    models: Mapping[str, Any]
    extensions: Mapping[str, Any]
    environment: Mapping[str, str] = field(repr=False)  # the source of the variables in the files
    resolved: Mapping[str, Any] = field(repr=False)  # the document that ``docker compose config --format json`` prints
    tree: Map = field(repr=False)  # the merged document with the mark of every value, for ``explain``
    warnings: tuple[str, ...] = ()  # compose's own, in order
    notices: tuple[str, ...] = ()  # warnings of what compose refuses and migops reads nevertheless
    unknown_keys: tuple[UnknownKey, ...] = ()  # for which compose may refuse the files
    interpolated: bool = True
    env_files: tuple[str, ...] = ()  # the files (``.env``) of variables; the last one that sets a variable counts

    def service(self, name: str) -> Service:
        """The active service of that name. Raises ``MigopsError`` if it is unknown or not enabled."""
        if name in self.services:
            return self.services[name]
        if name in self.inactive:
            inactive = self.inactive[name]
            message = f"service {name!r} is in profile {', '.join(inactive.profiles)}, which is not enabled"
            raise MigopsError(message, at=inactive.location, hint=f"enable it with --profile {inactive.profiles[0]}")
        at = Location(self.files[0]) if self.files else None
        known = ", ".join(sorted(self.services)) or "none"
        raise MigopsError(
            f"no such service: {name}", at=at, hint=with_hint(name, self.services, f"the services are: {known}")
        )
