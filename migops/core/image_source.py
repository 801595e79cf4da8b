"""Where an image can be read from: the schemes of ``[SCHEME:]LOCATION[:NAME]``."""

from __future__ import annotations

DAEMON = "docker-daemon"
"""The Docker Engine, meant also without a scheme."""
FILES = ("docker-archive", "oci", "oci-archive")
"""Archives and folders of this host: no engine is asked. ``images.open_image`` has a reader for each."""
SCHEMES = (DAEMON, *FILES)
HUB = "docker.io"
"""The registry that a name without one is of."""


def is_of_files(ref: str) -> bool:
    """True if the reference names an image in an archive or a folder of this host."""
    scheme, colon, _ = ref.partition(":")
    return bool(colon) and scheme in FILES


def engine_name(ref: str) -> str:
    """The reference without the scheme of the Docker Engine's own images."""
    return ref.removeprefix(f"{DAEMON}:")


def completed(ref: str) -> str:
    """A reference as the engine completes it: with registry, ``library/`` and ``:latest`` where they are left out.

    A reference with a digest keeps it, and one that names files of this host stays as it is.
    """
    if is_of_files(ref):
        return ref
    name = engine_name(ref)
    first, slash, rest = name.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        first, rest = HUB, name
    if first in (HUB, f"index.{HUB}"):
        first, rest = HUB, rest if "/" in rest else f"library/{rest}"
    has_tag = "@" in rest or ":" in rest.rsplit("/", 1)[-1]
    return f"{first}/{rest}" if has_tag else f"{first}/{rest}:latest"
