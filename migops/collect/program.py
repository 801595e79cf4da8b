"""The program by which Alembic is called in the service's image."""

from __future__ import annotations

from pathlib import Path

from migops.collect.homes import of_image
from migops.collect.state import Survey
from migops.compose import Service
from migops.core.errors import MigopsError
from migops.sources.home import Reader
from migops.sources.mounts import at_or_below
from migops.sources.program_file import find_program, starts
from migops.target.alembic_program import program


def read_program(survey: Survey, read: Reader) -> None:
    """Look for the program in the image, and for the folder that it is started in."""
    target, config = survey.target, survey.image_config
    if config is None:
        return
    service = target.model.services.get(target.service) if target.model else None
    process = of_image(config, service)
    try:
        called = program(target)
    except MigopsError:
        return  # a setting that is no command: reported where it is used
    if called.keeps_entrypoint:
        return  # the entrypoint may set the PATH
    survey.program = find_program(starts(called.words), process, read, lambda path: _is_hidden(service, path))


def _is_hidden(service: Service | None, path: str) -> bool:
    """True if a mount of the service lies over the path and does not show this file.

    A new volume is filled from the image, and a bind mount shows the host's folder.
    """
    over = [each for each in service.volumes if at_or_below(path, each.target)] if service else []
    mount = max(over, key=lambda each: len(each.target), default=None)
    if mount is None or mount.type == "volume":
        return False
    return not Path(str(mount.source or "") + path[len(mount.target.rstrip("/")) :]).exists()
