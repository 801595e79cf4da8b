"""Image references: the source, its location, and the image in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from migops.core.errors import MigopsError
from migops.core.image_source import DAEMON, SCHEMES


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed image reference."""

    text: str  # as typed
    scheme: str
    location: str  # the name in the daemon, or the path of an archive or folder
    name: str = ""  # the image inside the archive or folder


def parse_reference(text: str) -> Reference:
    """Parse ``[SCHEME:]LOCATION[:NAME]``; without a scheme it is an image of the local Docker Engine.

    Raises ``MigopsError`` for an impossible reference: empty, like an option, with control characters, ``docker://``.
    """
    if not text or text.startswith("-"):
        raise MigopsError(
            f"{text!r} is not an image reference", hint="pass an image name; words that start with '-' are options"
        )
    if any(not char.isprintable() or char.isspace() for char in text if char != " "):
        raise MigopsError(f"the image reference {text!r} contains control characters")
    if text.startswith("docker://"):
        raise MigopsError(
            f"{text!r}: reading an image straight from a registry is not supported yet",
            hint="pull it first (docker pull IMAGE) and use its name, or save it and use docker-archive:FILE",
        )
    scheme, colon, rest = text.partition(":")
    if not colon or scheme not in SCHEMES:
        return _of_daemon(text, text)
    if not rest or rest.startswith("-"):
        raise MigopsError(f"{text!r} names no image after {scheme!r}", hint=f"write {scheme}:NAME")
    if scheme == DAEMON:
        return _of_daemon(text, rest)
    location, name = _split_location(rest)
    return Reference(text, scheme, location, name)


def _of_daemon(text: str, name: str) -> Reference:
    if not re.fullmatch(r"\w[\w.:@/+-]*", name, re.ASCII) or "//" in name or ".." in name.split("/"):
        raise MigopsError(
            f"{name!r} is not an image name", hint="use a name such as app, app:1.2, registry:5000/team/app"
        )
    return Reference(text, DAEMON, name)


def _split_location(rest: str) -> tuple[str, str]:
    """Split ``a.tar:app:1`` into ``a.tar`` and the image ``app:1``. An existing path with a colon is not split."""
    if Path(rest).exists():
        return rest, ""
    for at in (i for i, char in enumerate(rest) if char == ":" and i):
        if Path(rest[:at]).exists():
            return rest[:at], rest[at + 1 :]
    location, _, name = rest.partition(":")
    return location, name
