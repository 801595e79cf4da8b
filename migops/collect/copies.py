"""The lines of a Dockerfile that would bring what its build leaves out, as far as its text settles where they go."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from migops.analysis.evidence import Copies
from migops.collect.state import Survey
from migops.core.model import MigrationSet, PlaceName
from migops.dockerfile.trace import BuildView, Inline
from migops.sources.environment import Environment
from migops.sources.home import Home

_FROM = re.compile(r"^\s*FROM\s", re.IGNORECASE)
_COPIES = re.compile(r"^\s*(?:COPY|ADD)\s", re.IGNORECASE)
_GOES_ON = re.compile(r"\\\s*$")


def copies(survey: Survey, view: BuildView, home: Home, environment: Environment) -> Copies | None:
    """The missing lines, by the file's own name; None if nothing is missing. ``environment`` is the build context's."""
    host, build = survey.places.get(PlaceName.HOST), survey.target.build
    if not isinstance(host, MigrationSet) or build is None or isinstance(build.dockerfile, Inline):
        return None
    root, location = Path(build.context), environment.paths.script_location
    has_scripts = any(view.files_under(each) for each in environment.paths.version_locations)
    folder = "" if has_scripts else _line(view, root, Path(host.script_location), location)
    lines: dict[str, str] = {}
    for name, file in host.environment.items():
        base = posixpath.basename(name)
        is_config = Path(file.path) == survey.target.config
        place = home.config if is_config else posixpath.join(location, base)
        if line := (folder if folder and not is_config else _line(view, root, Path(file.path), place)):
            lines[base] = line
    if not folder and not lines:
        return None
    dockerfile = Path(build.dockerfile or root / "Dockerfile")
    if not dockerfile.is_file():
        return None
    return Copies(f"{dockerfile}{_place(dockerfile, view, build.target)}", folder, lines)


def _line(view: BuildView, root: Path, ours: Path, place: str) -> str:
    """The COPY of a file or folder; '' if the build brings it, or if it cannot be written so."""
    if view.files_under(place) or view.excluded_under(place) or not ours.is_relative_to(root):
        return ""
    source = ours.relative_to(root).as_posix()
    return "" if re.search(r"\s", source + place) else f"COPY {source} {place}"


def _place(dockerfile: Path, view: BuildView, target: str | None) -> str:
    """``, after line N``: below the last COPY of the last stage; '' if another stage is built."""
    lines = dockerfile.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    start = max((number for number, line in enumerate(lines, 1) if _FROM.match(line)), default=0)
    last = max((number for number, line in enumerate(lines, 1) if number > start and _COPIES.match(line)), default=0)
    if not last or target or "<<" in lines[last - 1]:
        return ""
    while last < len(lines) and _GOES_ON.search(lines[last - 1]):
        last += 1
    return f", after line {last}"
