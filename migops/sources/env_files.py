"""The ``.env`` files that a build would copy into the image, with the secrets in them."""

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
    """An env file in the build context: its path on the host and in the image, and the instruction that copies it.

    ``is_given``: compose gives the service the file's values anyway (``env_file``).
    """

    host: str
    image: str
    at: Location
    instruction: str
    is_given: bool = False


def copied_env_files(view: BuildView, given: Collection[str] = ()) -> tuple[CopiedEnvFile, ...]:
    """Every ``.env*`` file that a build would put into the image; ``given`` are the paths of the service's env files.

    Examples of such files hold no secrets.
    """
    found = []
    for file in view.files_under("/"):
        if file.host_path is None or not is_env_file(file.image_path) or _is_example(file.image_path):
            continue
        sources = view.sources_of(file.image_path)
        if sources:
            last = sources[-1]
            host = str(file.host_path)
            found.append(CopiedEnvFile(host, file.image_path, last.at, last.text.splitlines()[0], host in given))
    return tuple(found)


def _is_example(path: str) -> bool:
    return not set(posixpath.basename(path).lower().split(".")).isdisjoint(_EXAMPLES)
