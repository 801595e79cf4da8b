"""Reads the chain for one target: host, context, image, and the facts around them. It changes nothing anywhere."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from migops.asking import Ask, alembic_words, question
from migops.chain import Chain, compare, walk
from migops.dockerfile.trace import BuildView, trace
from migops.engine import Engine, ImageNotFound
from migops.errors import MigopsError, NoVerdict
from migops.evidence import Evidence, Exclusion, Sibling
from migops.history.graph import Graph
from migops.history.problem import Problem
from migops.history.scripts import Known
from migops.images import Image, identity, open_image
from migops.model import Absent, ImageIdentity, Location, MigrationSet, NotAsked, PlaceName, Reading, Unknown
from migops.places import database, git
from migops.places.container import Container, ContainerReader, representative, summary
from migops.places.container_files import ImageFiles, reader_of
from migops.places.context import ContextReader
from migops.places.database import DatabaseState
from migops.places.environment import Environment, Home, Reader, read_environment
from migops.places.host import HostReader
from migops.target import BuildSpec, Target

if TYPE_CHECKING:
    from migops.images.layers import Layer
    from migops.places.code import Code

T = TypeVar("T")


@dataclass(slots=True)
class Survey:
    """One reading of the chain, place by place. ``known`` lets places share the work of parsing the same scripts."""

    target: Target
    view: BuildView | Unknown | NotAsked = field(init=False)
    places: dict[PlaceName, Reading] = field(default_factory=dict)
    graphs: dict[PlaceName, Graph] = field(default_factory=dict)
    problems: dict[PlaceName, tuple[Problem, ...]] = field(default_factory=dict)
    image: ImageIdentity | None = None
    known: Known = field(default_factory=dict)
    exclusions: tuple[Exclusion, ...] = ()
    not_copied: str = ""
    uncached: str = ""
    containers: tuple[Container, ...] = ()
    siblings: tuple[Sibling, ...] = ()
    bound: bool = False
    home: Home | None = None  # where Alembic starts in the image
    image_env: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.view = _view(self.target.build)

    def take(self, place: PlaceName, found: Environment | Unknown) -> None:
        """Note what reading a place gave."""
        if isinstance(found, Unknown):
            self.places[place] = found
            return
        self.places[place] = found.migrations
        self.graphs[place] = found.graph
        self.problems[place] = found.problems


def check(
    target: Target, engine: Callable[[], Engine] | None, *, all_files: bool = False, ask: Ask | None = None
) -> Evidence:
    """Read host, context and (where ``engine`` is not None) image and containers, and what git knows of the scripts.

    ``all_files``: compare all that the build brings with the image, not only the migrations. ``ask``: git's HEAD and
    the database too.
    """
    survey = Survey(target)
    if ask is not None:
        _git(survey)
    _, reader = _host(survey)
    _context(survey)
    if engine is None:
        survey.places[PlaceName.IMAGE] = NotAsked("--no-engine: only what a build would do was checked")
    else:
        engine = cache(engine)
        with ExitStack() as opened:  # an image stays open while containers made from it are read
            image = _image(survey, engine, opened)
            survey.places[PlaceName.CONTAINER] = _containers(survey, image, engine, opened)
    written = reader.written_meanwhile()
    if written:
        raise NoVerdict(
            "was written while migops read the folder, so no comparison would hold",
            at=Location(written),
            hint="run the check again when nothing writes there",
        )
    chain = walk(survey.places, bound=survey.bound)
    return Evidence(
        chain=chain,
        graphs=survey.graphs,
        commands=target.commands,
        image=survey.image,
        exclusions=survey.exclusions,
        not_copied=survey.not_copied,
        uncached=survey.uncached,
        base=survey.view.base.ref if isinstance(survey.view, BuildView) else "",
        layers=_layers(survey, chain, engine) if engine else {},
        code=_code(survey, engine) if all_files and engine else None,
        fates=_fates(survey, chain),
        many_heads_are_meant=target.many_heads,
        problems=survey.problems,
        containers=survey.containers,
        siblings=survey.siblings,
        for_siblings=target.picked,
        owner=_owner(chain.held(PlaceName.HOST)),
        database=_database(survey, chain, engine, ask) if ask else NotAsked(),
        alembic=alembic_words(target, survey.home),
    )


def running(target: Target, engine: Engine) -> Survey:
    """Only the image and the service's own containers: what a command that runs in one of them goes by."""
    survey = Survey(replace(target, siblings={}))
    with ExitStack() as opened:
        image = _image(survey, lambda: engine, opened)
        survey.places[PlaceName.CONTAINER] = _containers(survey, image, lambda: engine, opened)
    return survey


def host(target: Target) -> Environment:
    """Only the host: what Alembic would see there."""
    return _host(Survey(target))[0]


def _view(build: BuildSpec | None) -> BuildView | Unknown | NotAsked:
    if build is None:
        return NotAsked("nothing says how the image is built")
    return trace(
        build.dockerfile, build.context, target=build.target, args=build.args, contexts=dict(build.contexts)
    )


def _host(survey: Survey) -> tuple[Environment, HostReader]:
    target, view = survey.target, survey.view
    elsewhere = view.host_path_of if isinstance(view, BuildView) else lambda path: None
    reader = HostReader(target.root, elsewhere)
    found = read_environment(reader, host_home(survey), survey.known)
    if isinstance(found, Unknown):
        raise MigopsError(
            f"this configuration does not lead to migrations: {found.reason}", at=Location(str(target.config)),
            hint="mend script_location, or name the section that has it with --name",
        )  # fmt: skip
    survey.take(PlaceName.HOST, found)
    return found, reader


def _git(survey: Survey) -> None:
    """Read what git's HEAD has where the host has its migrations."""
    read = git.at_head(survey.target.root)
    if not callable(read):
        survey.places[PlaceName.GIT] = read
        return
    # The host's own copy stands in for a configuration that is not committed, so that it does not hide the scripts.
    home = replace(host_home(survey), text=survey.target.config.read_bytes())
    try:
        survey.take(PlaceName.GIT, read_environment(read, home, survey.known))
    except NoVerdict as error:
        survey.places[PlaceName.GIT] = Unknown(str(error), error.hint)


def host_home(survey: Survey) -> Home:
    """Where Alembic starts on the host."""
    return Home(str(host_cwd(survey)), str(survey.target.config), survey.target.section)


def host_cwd(survey: Survey) -> Path:
    """The host folder that is the container's working directory: relative paths of the configuration start there."""
    view = survey.view
    if isinstance(view, BuildView):
        working_dir = _working_dir(survey, view.workdir or "")
        folder = view.host_path_of(_start(survey, working_dir)) if working_dir else None
        if folder is not None and folder.is_dir():
            return folder
    return survey.target.config.parent


def _working_dir(survey: Survey, own: str) -> str:
    """The container's working directory, where the image's own is ``own``; compose may set another."""
    return posixpath.join(own, survey.target.working_dir) if survey.target.working_dir else own


def _start(survey: Survey, working_dir: str) -> str:
    """The folder that Alembic starts in, in a container with this working directory."""
    return posixpath.normpath(posixpath.join(working_dir, survey.target.folder))


def _image_home(survey: Survey, working_dir: str) -> Home:
    """Where Alembic starts in the image, by what the build does with the host's configuration file."""
    target, view = survey.target, survey.view
    start = _start(survey, working_dir)
    config = target.image_config
    if not config and isinstance(view, BuildView):
        landed = view.image_path_of(target.config)
        config = next((path for path in landed if posixpath.dirname(path) == start), *landed[:1] or ("",))
    if not config:
        cwd = host_cwd(survey)
        below = target.config.relative_to(cwd) if target.config.is_relative_to(cwd) else Path(target.config.name)
        config = posixpath.join(start, below.as_posix())
    return Home(start, config, target.section, target.config.read_bytes())


def _context(survey: Survey) -> None:
    view, build = survey.view, survey.target.build
    if not isinstance(view, BuildView) or build is None:
        survey.places[PlaceName.CONTEXT] = view if not isinstance(view, BuildView) else NotAsked()
        return
    working_dir = _working_dir(survey, view.workdir or "/")
    home = _image_home(survey, working_dir)
    reader = ContextReader(view, Path(build.context))
    found = read_environment(reader, home, survey.known)
    if isinstance(found, Unknown):
        survey.places[PlaceName.CONTEXT] = found
        return
    folders = found.paths.version_locations
    survey.uncached = reader.uncached(folders)
    blind = next((unknown for folder in folders if (unknown := view.unknown(folder))), None)
    if blind is not None:
        survey.places[PlaceName.CONTEXT] = blind
        return
    survey.exclusions = _exclusions(reader, found)
    if not found.migrations.scripts and not survey.exclusions:
        survey.not_copied = f"no COPY or ADD of the build brings anything to {', '.join(folders)}"
        if view.base.ref:
            # The base image may hold them. Only reading an image tells.
            reason = f"{survey.not_copied}, so only the base image {view.base.ref} could hold migrations there"
            survey.places[PlaceName.CONTEXT] = Unknown(reason)
            return
    survey.take(PlaceName.CONTEXT, found)


def _exclusions(reader: ContextReader, found: Environment) -> tuple[Exclusion, ...]:
    script_location = found.paths.script_location
    lines: dict[str, list[str]] = {}
    exclusions = []
    for file in reader.excluded(found.paths.version_locations):
        if not file.image_path.endswith(".py"):
            continue
        at = file.ignored_by
        if at.file not in lines:
            lines[at.file] = Path(at.file).read_text(encoding="utf-8-sig", errors="replace").splitlines()
        pattern = lines[at.file][at.line - 1].strip() if 0 < at.line <= len(lines[at.file]) else ""
        exclusions.append(Exclusion(posixpath.relpath(file.image_path, script_location), at, pattern))
    return tuple(exclusions)


def _image(survey: Survey, engine: Callable[[], Engine], opened: ExitStack) -> Reader | None:
    """Read the image; one that cannot be read is an Unknown place, and the others are still judged."""
    try:
        image = opened.enter_context(open_image(survey.target.image, engine=engine))
        survey.image = identity(image)
        read = reader_of(image)
        survey.home = _image_home(survey, _working_dir(survey, image.config.working_dir or "/"))
        survey.image_env = image.config.env
        survey.take(PlaceName.IMAGE, read_environment(read, survey.home, survey.known))
    except ImageNotFound as error:
        build = survey.target.commands.build()
        hint = f"nothing was pulled; build it first: {shlex.join(build)}" if build else error.hint
        survey.places[PlaceName.IMAGE] = Unknown(str(error), hint)
        return None
    except NoVerdict as error:
        survey.places[PlaceName.IMAGE] = Unknown(str(error), error.hint)
        return None
    return read


def _containers(survey: Survey, image: Reader | None, engine: Callable[[], Engine], opened: ExitStack) -> Reading:
    """Read the containers of the service, which are the place, and those of the services that share its code."""
    target = survey.target
    if not target.deployed:
        return NotAsked("no service of a compose project is made from this image")
    if image is None or survey.image is None:
        return NotAsked("the image could not be read")
    held = survey.places[PlaceName.IMAGE]
    files = ImageFiles(engine(), opened, {survey.image.id: image})
    reader = ContainerReader(files, target.project, lambda cwd: _image_home(survey, cwd), survey.known)
    folders = held.location if isinstance(held, MigrationSet) else ()
    try:
        found = reader.read((target.service, *target.siblings), folders)
        survey.siblings = tuple(
            Sibling(name, _sibling_image(survey, files, ref), found[name]) for name, ref in target.siblings.items()
        )
    except NoVerdict as error:
        return Unknown(str(error), error.hint)
    survey.containers = found[target.service]
    unread = summary(survey.containers)
    if unread is not None:
        return unread
    shown = representative(survey.containers, held if isinstance(held, MigrationSet) else None)
    survey.bound = shown.is_bound
    survey.take(PlaceName.CONTAINER, shown.found)
    return survey.places[PlaceName.CONTAINER]


def _sibling_image(survey: Survey, files: ImageFiles, ref: str) -> MigrationSet | None:
    """What the image of a service that shares the code holds; None where it has none yet."""
    try:
        image, read = files.named(ref)
        found = read_environment(read, _image_home(survey, image.config.working_dir), survey.known)
    except NoVerdict:
        return None
    return None if isinstance(found, Unknown) else found.migrations


def _layers(survey: Survey, chain: Chain, engine: Callable[[], Engine]) -> dict[str, Layer | Unknown]:
    """The layer of each script of the image that is not as on the host. It costs a pass over the image's layers, so a
    clean image is not asked."""
    host, image = chain.held(PlaceName.HOST), chain.held(PlaceName.IMAGE)
    if host is None or image is None or survey.image is None:
        return {}
    link = compare(PlaceName.HOST, host, PlaceName.IMAGE, image)
    paths = {name: image.scripts[name].path for name in (*link.only_target, *link.changed)}
    if not paths:
        return {}
    base = survey.view.base.ref if isinstance(survey.view, BuildView) else ""
    from migops.images.layers import attribute

    found = _again(survey, engine, lambda image: attribute(image, paths.values(), base=base))
    if isinstance(found, Unknown):
        return dict.fromkeys(paths, found)
    return {name: found[path] for name, path in paths.items()}


def _code(survey: Survey, engine: Callable[[], Engine]) -> Code | Unknown:
    view = survey.view
    if not isinstance(view, BuildView):
        return Unknown(view.reason)
    from migops.places.code import compare_code

    return _again(survey, engine, lambda image: compare_code(view, image))


def _again(survey: Survey, engine: Callable[[], Engine], read: Callable[[Image], T]) -> T | Unknown:
    """Read more of the very image that was read before; its tag may have moved since."""
    if survey.image is None:
        return Unknown("the image could not be read")
    try:
        with open_image(survey.target.image, engine=engine) as image:
            if image.id != survey.image.id:
                return Unknown(f"{survey.target.image} became another image meanwhile")
            return read(image)
    except NoVerdict as error:
        return Unknown(str(error), error.hint)


def _database(
    survey: Survey, chain: Chain, engine: Callable[[], Engine] | None, ask: Ask
) -> DatabaseState | Absent | Unknown:
    held = chain.held(PlaceName.IMAGE) or chain.held(PlaceName.HOST)
    asked = question(survey.target, held, host_home(survey), survey.home, engine, survey.image_env, ask)
    return database.ask(asked, ask.wait)


def _fates(survey: Survey, chain: Chain) -> dict[str, git.Fate]:
    """What git knows of each script that the image or a container has and the host lacks."""
    host, image = chain.held(PlaceName.HOST), chain.held(PlaceName.IMAGE)
    if host is None:
        return {}
    holding = [image, *(container.migrations for container in survey.containers)]
    names = {name for held in holding if held is not None for name in held.scripts} - host.scripts.keys()
    paths = {name: _host_path(host, name) for name in sorted(names)}
    found = git.fates(list(paths.values()))
    return {name: found[path] for name, path in paths.items()}


def _host_path(host: MigrationSet, name: str) -> Path:
    """Where on the host a script of that name would lie."""
    return Path(posixpath.normpath(posixpath.join(host.script_location, name)))


def _owner(host: MigrationSet | None) -> tuple[int, int] | None:
    """The user and group that the host's versions folder belongs to."""
    folder = Path(host.location[0]) if host else None
    if folder is None or not folder.is_dir():
        return None
    info = folder.stat()
    return info.st_uid, info.st_gid
