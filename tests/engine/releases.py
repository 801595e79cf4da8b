"""The engines that can be asked for, and which of Debian's packages make them."""

from __future__ import annotations

from dataclasses import dataclass

from tests.engine.errors import EngineUnavailable


@dataclass(frozen=True)
class Release:
    """An engine: Debian packages by suite, unpacked side by side; later suites never override earlier ones."""

    name: str
    packages: tuple[tuple[str, tuple[str, ...]], ...]
    features: tuple[str, ...] = ()
    """Daemon features that are switched on."""
    subnet: str = ""
    """The first two numbers of its private networks: two engines on one machine must not overlap."""


_CLIENT = ("docker-buildx", "docker-compose")
_SERVER = ("docker.io", "containerd", "tini")

DEFAULT = "26.1"
RELEASES = {
    # Debian 12 has no compose plugin and no buildx of its own, so they come from Debian 13
    "20.10": Release("20.10", (("bookworm", _SERVER), ("trixie", _CLIENT)), subnet="10.220"),
    "26.1": Release("26.1", (("trixie", (*_SERVER, "docker-cli", *_CLIENT)),), subnet="10.226"),
    "28": Release("28", (("sid", (*_SERVER, "docker-cli", *_CLIENT)),), ("containerd-snapshotter",), subnet="10.228"),
}


def release(name: str) -> Release:
    """The release called *name*, for example "26.1"."""
    if name not in RELEASES:
        raise EngineUnavailable(f"there is no engine {name!r} to start: choose one of {', '.join(RELEASES)}")
    return RELEASES[name]
