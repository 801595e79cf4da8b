"""Reads the places that need no engine: git, the host, the build context."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from migops.analysis.chain import Chain
from migops.analysis.evidence import Copies, Evidence, Exclusion
from migops.collect.homes import homes
from migops.collect.state import Survey, host_home
from migops.core.errors import MigopsError, Unavailable
from migops.core.model import Absent, Location, MigrationSet, NotAsked, PlaceName, Unknown
from migops.dockerfile.trace import BuildView
from migops.sources.context import ContextReader
from migops.sources.environment import Environment, read_environment
from migops.sources.host import HostReader
from migops.target.configuration import process_of

if TYPE_CHECKING:
    from migops.sources.git_history import GitHistory
    from migops.sources.home import Home
    from migops.sources.worktree import Worktree
    from migops.target import Target


def read_host(survey: Survey) -> tuple[Environment, HostReader]:
    """Read the host. MigopsError if its configuration has no migrations."""
    target, view = survey.target, survey.view
    elsewhere = view.host_path_of if isinstance(view, BuildView) else lambda path: None
    reader = HostReader(target.root, elsewhere)
    environment = read_environment(reader, host_home(survey), survey.known)
    if isinstance(environment, Unknown):
        raise MigopsError(
            f"no migrations found through this configuration: {environment.reason}", at=Location(str(target.config)),
            hint=_sections_hint(target) or "fix script_location, or use --name for the section that sets it",
        )  # fmt: skip
    survey.take(PlaceName.HOST, environment)
    return environment, reader


def _sections_hint(target: Target) -> str:
    """How to name one of several histories in the configuration; '' if there are none."""
    names = [f"--name {section} (or x-migops: {{name: {section}}} under the service)" for section in target.sections]
    return f"name one of its histories: {', '.join(names)}" if names else ""


def leave_out_host(survey: Survey, absent: MigopsError) -> HostReader:
    """Git, host and build context of a target without a configuration on the host: there are none to read."""
    survey.places[PlaceName.HOST] = Absent(absent.message)
    survey.places[PlaceName.CONTEXT] = Absent(absent.message) if survey.target.build else NotAsked()
    survey.places[PlaceName.GIT] = NotAsked("the host has no configuration of Alembic")
    return HostReader(survey.target.root)


def read_git(survey: Survey) -> None:
    """Read the host's migrations as of git's HEAD."""
    view = survey.view
    from migops.sources.git import at_head

    read = at_head(survey.target.root, view.host_path_of if isinstance(view, BuildView) else lambda path: None)
    if not callable(read):
        survey.places[PlaceName.GIT] = read
        return
    # For an uncommitted configuration the host's copy is used, so that the scripts are found.
    home = replace(host_home(survey), text=survey.target.config.read_bytes())
    try:
        survey.take(PlaceName.GIT, read_environment(read, home, survey.known))
    except Unavailable as error:
        survey.places[PlaceName.GIT] = Unknown(str(error), error.hint)


def read_worktrees(chain: Chain) -> tuple[Worktree, ...] | Unknown:
    """Git's status of the host's scripts; queried only for those that differ from HEAD."""
    git, host, link = chain.held(PlaceName.GIT), chain.held(PlaceName.HOST), chain.link(PlaceName.GIT, PlaceName.HOST)
    if git is None or host is None or link is None:
        return ()
    from migops.sources.worktree import worktrees

    paths = {name: git.scripts[name].path for name in link.only_source}
    paths |= {name: host.scripts[name].path for name in (*link.only_target, *link.changed)}
    return worktrees({name: Path(path) for name, path in paths.items()}, [Path(folder) for folder in host.location])


def read_past(evidence: Evidence) -> GitHistory | Unknown | None:
    """Git's history of applied scripts that are missing or changed on the host; None if there are none."""
    git, host = evidence.graphs.get(PlaceName.GIT), evidence.chain.held(PlaceName.HOST)
    if git is None or host is None:
        return None
    from migops.rules.git_database import applied_without_script, disputed

    missing = applied_without_script(evidence) - git.by_id.keys()
    edited = {each.name: Path(each.host.path) for each in disputed(evidence) if PlaceName.GIT not in each.others}
    if not missing and not edited:
        return None
    from migops.sources.git_history import GitHistory, deleted, edits

    gone = deleted([Path(folder) for folder in host.location], missing) if missing else {}
    if isinstance(gone, Unknown):
        return gone
    wrote = edits(edited) if edited else {}
    return wrote if isinstance(wrote, Unknown) else GitHistory(gone, wrote)


def read_context(survey: Survey, host: HostReader) -> None:
    """Read the build context. ``host``: the reader of the host, whose entries are reused."""
    view, build = survey.view, survey.target.build
    if not isinstance(view, BuildView) or build is None:
        survey.places[PlaceName.CONTEXT] = view if not isinstance(view, BuildView) else NotAsked()
        return
    root = Path(build.context)
    reader = ContextReader(view, root, host.entries if host.root == root else {})
    environment: Environment | Unknown
    try:
        service = survey.target.model.services.get(survey.target.service) if survey.target.model else None
        home = replace(homes(survey, process_of(view, service), reader).first, environment=None)
        environment = read_environment(reader, home, survey.known)
    except Unavailable as error:
        environment = Unknown(str(error), error.hint)
    if isinstance(environment, Unknown):
        survey.places[PlaceName.CONTEXT] = environment
        return
    folders = environment.paths.version_locations
    survey.uncached = reader.uncached(folders)
    undetermined = next((unknown for folder in folders if (unknown := view.unknown(folder))), None)
    if undetermined is not None:
        survey.places[PlaceName.CONTEXT] = undetermined
        return
    survey.exclusions = _exclusions(reader, environment)
    survey.copies = _copies(survey, view, home, environment)
    if not environment.migrations.scripts and not survey.exclusions:
        survey.not_copied = f"no COPY or ADD of the build writes to {', '.join(folders)}"
        if view.base.ref:
            # The base image may contain them, which only reading the image shows.
            reason = f"{survey.not_copied}, so only the base image {view.base.ref} could have migrations there"
            survey.places[PlaceName.CONTEXT] = Unknown(reason)
            return
    survey.take(PlaceName.CONTEXT, environment)


def _copies(survey: Survey, view: BuildView, home: Home, environment: Environment) -> Copies | None:
    host = survey.places.get(PlaceName.HOST)
    names = {posixpath.basename(name) for name in host.environment} if isinstance(host, MigrationSet) else set()
    brought = {posixpath.basename(name) for name in environment.migrations.environment}
    if environment.migrations.scripts and names <= brought and view.files_under(home.config):
        return None
    from migops.collect.copies import copies  # a build that brings everything does not pay for it

    return copies(survey, view, home, environment)


def _exclusions(reader: ContextReader, environment: Environment) -> tuple[Exclusion, ...]:
    script_location = environment.paths.script_location
    lines: dict[str, list[str]] = {}
    exclusions = []
    for file in reader.excluded(environment.paths.version_locations):
        if not file.image_path.endswith(".py"):
            continue
        at = file.ignored_by
        if at.file not in lines:
            lines[at.file] = Path(at.file).read_text(encoding="utf-8-sig", errors="replace").splitlines()
        pattern = lines[at.file][at.line - 1].strip() if 0 < at.line <= len(lines[at.file]) else ""
        exclusions.append(Exclusion(posixpath.relpath(file.image_path, script_location), at, pattern))
    return tuple(exclusions)
