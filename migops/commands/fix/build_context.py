"""The build whose context a finding is about: its folder, its ignore file, and what is in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from migops.analysis.evidence import Evidence
from migops.commands.fix import writing
from migops.core.errors import MigopsError
from migops.dockerfile.ignore import read_ignore


@dataclass(frozen=True, slots=True)
class BuildContext:
    """The context's folder, and the ignore file that the builder reads for it (``before`` is None: there is none)."""

    folder: Path
    ignore: Path
    before: bytes | None

    def relative(self, path: Path) -> str:
        """The path relative to the context, '' if it is not in there."""
        real, folder = (Path(os.path.realpath(each)) for each in (path.parent, self.folder))
        below = real / path.name
        return below.relative_to(folder).as_posix() if below.is_relative_to(folder) else ""


def build_context(evidence: Evidence) -> BuildContext | str:
    """The context of the service's build on this host, or the reason why it is not known."""
    project = evidence.setup.project if evidence.setup else None
    if project is None:
        return "without a compose project it is not known which ignore file the build reads"
    name = evidence.commands.built_by.get(evidence.commands.service, evidence.commands.service)
    service = project.services.get(name)
    build = service.build if service else None
    if build is None or build.is_remote:
        return "the image is not built from a folder on this host"
    folder = Path(build.context)
    dockerfile = None if build.dockerfile_inline else folder / (build.dockerfile or "Dockerfile")
    try:
        used = read_ignore(folder, dockerfile).file
    except MigopsError as error:
        return str(error)
    ignore = Path(used) if used else folder / ".dockerignore"
    return BuildContext(folder, ignore, writing.read(ignore))
