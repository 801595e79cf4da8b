"""The commands that findings print, built from how the user addressed the service."""

from __future__ import annotations

from migops.evidence import Evidence
from migops.model import Remedy


def rebuild(evidence: Evidence, why: str) -> tuple[Remedy, ...]:
    """The smallest build that brings the host's files into the image.

    A plain build is enough where a COPY brings the scripts: its cache key is the files themselves. Where another
    instruction does (git clone, a URL, a package), only a build without the cache runs it again.
    """
    flags = ("--no-cache",) if evidence.uncached else ()
    command = evidence.commands.build(*flags)
    if command:
        return (Remedy(f"{why} ({evidence.uncached}: the cache would keep it)" if flags else why, command),)
    return (Remedy(f"nothing here says how {evidence.commands.image} is built: build it where it is made. {why}"),)
