"""Reads the chain of one target: host, context, image, containers and database. Nothing is changed."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from migops.analysis.chain import ORDER, Chain, walk
from migops.analysis.evidence import Evidence
from migops.collect.state import Survey, host_cwd, host_home
from migops.collect.static import leave_out_host, read_context, read_git, read_host, read_past, read_worktrees
from migops.core import progress
from migops.core.errors import MigopsError, Unavailable
from migops.core.image_source import is_of_files
from migops.core.model import Absent, Location, MigrationSet, NotAsked, PlaceName, Unknown
from migops.dockerfile.trace import BuildView
from migops.sources.environment import Environment
from migops.sources.home import Reader
from migops.sources.host import HostReader
from migops.target import Target

if TYPE_CHECKING:  # only commands that query the database or the engine import their modules
    from migops.collect.database_query import Ask
    from migops.docker import Engine
    from migops.images.image import Layer
    from migops.sources.code import Code
    from migops.sources.database_question import Question
    from migops.sources.database_state import DatabaseState
    from migops.sources.git_status import GitRecord

__all__ = ["Survey", "check", "host", "host_cwd", "running"]


@progress.step("read the migrations")
def check(
    target: Target, engine: Callable[[], Engine] | None, *, all_files: bool = False, ask: Ask | None = None,
    lint: bool = False, live: bool = False,
) -> Evidence:  # fmt: skip
    """Read host, context, git's records of the scripts and, if ``engine`` is not None, image and containers.

    ``all_files``: compare all files of the build with the image, not only the migrations. ``ask``: read git's HEAD and
    the database as well. ``lint``: read the services' startup commands and the application's code as well. ``live``:
    for a diagnosis, read which containers do not stay up and which tables the scripts fail on. Raises MigopsError if
    the host's migrations cannot be found, ``Unavailable`` if they change during the reading.
    """
    survey = Survey(target)
    reader = _read_host_side(survey, git=ask is not None)
    if engine is None:
        survey.places[PlaceName.IMAGE] = NotAsked("--no-engine: only the build was checked")
    else:
        engine = cache(engine)
        _read_engine_side(survey, engine, lint=lint, live=live)
    if lint and engine is None:
        _read_application(survey, None)
    written = reader.written_meanwhile()
    if written:
        raise Unavailable(
            "the file was written while migops read the folder, so a comparison would be unreliable",
            at=Location(written),
            hint="run the check again when nothing writes to the folder",
        )
    places = {place: survey.places[place] for place in ORDER if place in survey.places}
    chain = walk(places, bound=survey.bound)
    question = _question(survey, chain, engine, ask) if ask else None
    evidence = Evidence(
        chain=chain,
        graphs=survey.graphs,
        commands=target.commands,
        image=survey.image,
        exclusions=survey.exclusions,
        not_copied=survey.not_copied,
        copies=survey.copies,
        uncached=survey.uncached,
        base=survey.view.base.ref if isinstance(survey.view, BuildView) else "",
        layers=_layers(survey, chain, engine) if engine else {},
        code=_code(survey, engine) if all_files and engine else None,
        git_records=_git_records(survey, chain),
        many_heads_are_meant=target.many_heads,
        problems=survey.problems,
        containers=survey.containers,
        siblings=survey.siblings,
        for_siblings=target.picked,
        owner=_owner(chain.held(PlaceName.HOST)),
        question=question,
        database=_database(question, ask) if question and ask else NotAsked(),
        alembic=_alembic(survey) if ask or lint else ("alembic",),
        program=survey.program,
        starts_in=survey.starts_in,
        worktrees=read_worktrees(chain) if ask else (),
        startups=survey.startups,
        build_changes=survey.build_changes,
        command_at=survey.command_at,
        creations=survey.creations,
        setup=survey.setup,
        configurations=survey.configurations,
        hidden=survey.hidden,
        stopped=survey.stopped,
    )
    if ask and live:
        from migops.collect.schema import check_schema  # only a diagnosis asks

        evidence = replace(evidence, schema=check_schema(evidence, created_too=lint))
    return replace(evidence, past=read_past(evidence)) if ask else evidence


def _read_host_side(survey: Survey, *, git: bool) -> HostReader:
    """Read the places that need no engine: git's HEAD if ``git``, the host and the build context."""
    if survey.target.absent:
        return leave_out_host(survey, survey.target.absent)
    if git:
        read_git(survey)
    _, reader = read_host(survey)
    read_context(survey, reader)
    return reader


def _read_engine_side(survey: Survey, engine: Callable[[], Engine], *, lint: bool, live: bool) -> None:
    """Read the image and its containers, and what the image has of the application's code if ``lint``."""
    from migops.collect.engine import read_containers, read_image  # imported only if there is an engine to read
    from migops.collect.overlay import coming

    with ExitStack() as opened:  # keep the image open while its containers are read
        image = read_image(survey, engine, opened)
        survey.places[PlaceName.CONTAINER] = read_containers(survey, image, engine, opened)
        if image is not None:
            if lint:
                _read_program(survey, image)
            is_local = cache(lambda: is_of_files(survey.target.image) or engine().is_local)
            survey.hidden = coming(survey, image, is_local)
        _require_migrations(survey)
        if lint:
            _read_application(survey, image)
        if lint and live:
            _read_stopped(survey, engine)


def _layers(survey: Survey, chain: Chain, engine: Callable[[], Engine]) -> dict[str, Layer | Unknown]:
    from migops.collect.engine import layers

    return layers(survey, chain, engine)


def _code(survey: Survey, engine: Callable[[], Engine]) -> Code | Unknown:
    from migops.collect.engine import code

    return code(survey, engine)


def _require_migrations(survey: Survey) -> None:
    """Raise the error of the host without a configuration if image and containers have none either."""
    absent = survey.target.absent
    read = [survey.places[place] for place in (PlaceName.IMAGE, PlaceName.CONTAINER)]
    if absent is None or any(isinstance(place, MigrationSet) for place in read):
        return
    unknown = [place for place in read if isinstance(place, Unknown)]
    why = "".join(f"; {place.reason}" for place in unknown)
    hints = (absent.hint, *(place.hint for place in unknown))
    raise MigopsError(f"{absent.message}{why}", at=absent.at, hint="; or ".join(filter(None, hints))) from None


def running(target: Target, engine: Engine) -> Survey:
    """Read only the image, its program and the service's own containers, for a command that runs in one of them."""
    from migops.collect.engine import read_containers, read_image

    survey = Survey(replace(target, siblings={}))
    with ExitStack() as opened:
        image = read_image(survey, lambda: engine, opened)
        survey.places[PlaceName.CONTAINER] = read_containers(survey, image, lambda: engine, opened)
        if image is not None:
            _read_program(survey, image)
    return survey


def host(target: Target) -> Environment:
    """Read only the host: the environment that Alembic would see there. MigopsError if it has no migrations."""
    return read_host(Survey(target))[0]


def context(target: Target) -> Survey:
    """Read only the host and what a build would copy. MigopsError if the host has no migrations."""
    survey = Survey(target)
    read_context(survey, read_host(survey)[1])
    return survey


def _read_program(survey: Survey, image: Reader) -> None:
    from migops.collect.program import read_program  # imported only if Alembic may be run

    read_program(survey, image)


def _read_application(survey: Survey, image: Reader | None) -> None:
    from migops.collect.lint import read_application  # imported only if needed

    read_application(survey, image)


def _read_stopped(survey: Survey, engine: Callable[[], Engine]) -> None:
    """Read which containers do not stay up. Without a compose project, no container is known to be the service's."""
    target = survey.target
    if not target.deployed or target.model is None:
        return
    from migops.sources.stopped import stopped  # only doctor asks

    try:
        survey.stopped = stopped(engine(), target.project, (target.service, *target.siblings))
    except Unavailable as error:
        survey.stopped = Unknown(str(error), error.hint)


def _question(survey: Survey, chain: Chain, engine: Callable[[], Engine] | None, ask: Ask) -> Question:
    from migops.collect.database_query import question

    held = chain.held(PlaceName.IMAGE) or chain.held(PlaceName.HOST)
    image_env = survey.image_config.env if survey.image_config else {}
    return question(survey.target, held, host_home(survey), survey.home, engine, image_env, ask)


def _database(question: Question, ask: Ask) -> DatabaseState | Absent | Unknown:
    from migops.sources import database

    return database.ask(question, ask.wait)


def _alembic(survey: Survey) -> tuple[str, ...]:
    from migops.target.alembic_program import aimed

    return aimed(survey.target, survey.home, file=survey.program)


def _git_records(survey: Survey, chain: Chain) -> dict[str, GitRecord]:
    """Git's record of each script that the image or a container has and the host lacks."""
    host, image = chain.held(PlaceName.HOST), chain.held(PlaceName.IMAGE)
    if host is None:
        return {}
    others = [image, *(container.migrations for container in survey.containers)]
    names = {name for held in others if held is not None for name in held.scripts} - host.scripts.keys()
    paths = {name: _host_path(host, name) for name in sorted(names)}
    if not paths:
        return {}
    from migops.sources.git import git_records

    records = git_records(list(paths.values()))
    return {name: records[path] for name, path in paths.items()}


def _host_path(host: MigrationSet, name: str) -> Path:
    """The path that a script of that name would have on the host."""
    return Path(posixpath.normpath(posixpath.join(host.script_location, name)))


def _owner(host: MigrationSet | None) -> tuple[int, int] | None:
    """User and group of the host's versions folder; None if there is no such folder."""
    folder = Path(host.location[0]) if host else None
    if folder is None or not folder.is_dir():
        return None
    info = folder.stat()
    return info.st_uid, info.st_gid
