"""The engines that can be asked for, and which of Debian's packages make them."""

from __future__ import annotations

from dataclasses import dataclass

from tests.engine.errors import EngineUnavailable


@dataclass(frozen=True)
class Release:
    """An engine: the Debian packages, by suite, that are unpacked into one folder."""

    name: str
    packages: tuple[tuple[str, tuple[str, ...]], ...]
    features: tuple[str, ...] = ()
    """Daemon features that are switched on."""
    subnet: str = ""
    """The first two numbers of its private networks: two engines on one machine must not overlap."""


_CLIENT = ("docker-buildx", "docker-compose")
_SERVER = ("docker.io", "containerd")

DEFAULT = "26.1"
RELEASES = {
    # Debian 12 has no compose plugin and no buildx of its own, so they come from Debian 13
    "20.10": Release("20.10", (("bookworm", (*_SERVER, "tini")), ("trixie", _CLIENT)), subnet="10.220"),
    "26.1": Release("26.1", (("trixie", (*_SERVER, "tini", "docker-cli", *_CLIENT)),), subnet="10.226"),
    "28": Release(
        "28",
        # unstable's tini is linked to a C library that images do not have
        (("sid", (*_SERVER, "docker-cli", *_CLIENT)), ("trixie", ("tini",))),
        features=("containerd-snapshotter",),
        subnet="10.228",
    ),
}


def release(name: str) -> Release:
    """The release called *name*, for example "26.1"."""
    if name not in RELEASES:
        raise EngineUnavailable(f"there is no engine {name!r} to start: choose one of {', '.join(RELEASES)}")
    return RELEASES[name]
