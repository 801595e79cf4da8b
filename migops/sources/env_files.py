"""``.env`` files that a build would copy into the image, with their secrets."""

from __future__ import annotations

import posixpath
from collections.abc import Collection
from dataclasses import dataclass

from migops.core.model import Location
from migops.dockerfile.trace import BuildView
from migops.sources.code import is_env_file

_EXAMPLES = ("example", "sample", "template", "dist", "tpl")


@dataclass(frozen=True, slots=True)
class CopiedEnvFile:
    """An env file in the build context that would be copied into the image."""

    host: str  # its path on the host
    image: str  # its path in the image
    at: Location  # of the instruction
    instruction: str
    is_given: bool = False  # compose passes the file's values to the service anyway (``env_file``)


def copied_env_files(view: BuildView, given: Collection[str] = ()) -> tuple[CopiedEnvFile, ...]:
    """Every ``.env*`` file that a build would copy into the image. ``given`` are the paths of the service's env files.

    Example files are skipped: they contain no secrets.
    """
    copied = []
    for file in view.files_under("/"):
        if file.host_path is None or not is_env_file(file.image_path) or _is_example(file.image_path):
            continue
        sources = view.sources_of(file.image_path)
        if sources:
            last = sources[-1]
            host = str(file.host_path)
            copied.append(CopiedEnvFile(host, file.image_path, last.at, last.text.splitlines()[0], host in given))
    return tuple(copied)


def _is_example(path: str) -> bool:
    return not set(posixpath.basename(path).lower().split(".")).isdisjoint(_EXAMPLES)
