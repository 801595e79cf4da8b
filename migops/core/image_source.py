"""Where an image can be read from: the schemes of ``[SCHEME:]LOCATION[:NAME]``."""

from __future__ import annotations

DAEMON = "docker-daemon"
"""The Docker Engine, meant also without a scheme."""
FILES = ("docker-archive", "oci", "oci-archive")
"""Archives and folders of this host: no engine is asked. ``images.open_image`` has a reader for each."""
SCHEMES = (DAEMON, *FILES)


def is_of_files(ref: str) -> bool:
    """True if the reference names an image in an archive or a folder of this host."""
    scheme, colon, _ = ref.partition(":")
    return bool(colon) and scheme in FILES


def engine_name(ref: str) -> str:
    """The reference without the scheme of the Docker Engine's own images."""
    return ref.removeprefix(f"{DAEMON}:")
