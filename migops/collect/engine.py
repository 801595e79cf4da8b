"""Reads the places of the engine: the image, its containers, and the layers of differing scripts."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from migops.analysis.chain import Chain, compare
from migops.analysis.evidence import Sibling
from migops.collect.homes import homes, of_container, of_image, others
from migops.collect.state import Survey
from migops.core.errors import Unavailable
from migops.core.model import MigrationSet, NotAsked, PlaceName, Reading, Unknown
from migops.docker import Engine, ImageNotFound
from migops.dockerfile.trace import BuildView
from migops.images import Image, identity, open_image
from migops.sources.container import ContainerReader
from migops.sources.container_files import ImageFiles, links_of, reader_of
from migops.sources.container_model import representative, summary
from migops.sources.environment import Environment, read_environment
from migops.sources.home import Homes, OtherConfiguration, Reader

if TYPE_CHECKING:
    from migops.compose import Service
    from migops.images.image import Layer
    from migops.sources.code import Code

T = TypeVar("T")


def read_image(survey: Survey, engine: Callable[[], Engine], opened: ExitStack) -> Reader | None:
    """Read the image. If it cannot be read, the place is Unknown and the others are still checked."""
    try:
        image = opened.enter_context(open_image(survey.target.image, engine=engine))
        survey.image = identity(image)
        read = reader_of(image)
        survey.packages[image.id] = links_of(image)
        process = of_image(image.config, _service(survey))
        starts = homes(survey, process, read, survey.packages[image.id])
        survey.home = starts.first
        survey.image_config = image.config
        environment = read_environment(read, survey.home, survey.known)
        survey.configurations = others(survey, starts, read, image.ref)
        survey.take(PlaceName.IMAGE, environment)
        if isinstance(environment, Environment):
            survey.home = replace(survey.home, cwd=environment.cwd)
        own = posixpath.normpath(process.working_dir or "/")
        survey.starts_in = survey.home.cwd if survey.home.cwd != own else ""
    except ImageNotFound as error:
        build = survey.target.commands.build()
        hint = f"build it first: {shlex.join(build)} (nothing was pulled)" if build else error.hint
        survey.places[PlaceName.IMAGE] = Unknown(str(error), hint, build)
        return None
    except Unavailable as error:
        survey.places[PlaceName.IMAGE] = Unknown(str(error), error.hint)
        return None
    return read


def read_containers(survey: Survey, image: Reader | None, engine: Callable[[], Engine], opened: ExitStack) -> Reading:
    """Read the service's containers, which are the place, and those of the services that share its code."""
    target = survey.target
    if not target.deployed:
        return NotAsked("no compose service uses this image")
    if image is None or survey.image is None:
        return NotAsked("the image could not be read")
    held = survey.places[PlaceName.IMAGE]
    files = ImageFiles(engine(), opened, {survey.image.id: image}, survey.packages)
    reader = ContainerReader(files, target.project, _Start(survey, files), survey.known)
    folders = held.location if isinstance(held, MigrationSet) else ()
    try:
        containers = reader.read((target.service, *target.siblings), folders)
        survey.siblings = tuple(
            Sibling(name, _sibling_image(survey, files, name, ref), containers[name])
            for name, ref in target.siblings.items()
        )
    except Unavailable as error:
        return Unknown(str(error), error.hint)
    survey.containers = containers[target.service]
    survey.configurations += tuple(each for one in survey.containers for each in one.configurations)
    unread = summary(survey.containers)
    if unread is not None:
        return unread
    shown = representative(survey.containers, held if isinstance(held, MigrationSet) else None)
    survey.bound = shown.is_bound
    survey.take(PlaceName.CONTAINER, shown.found)
    return survey.places[PlaceName.CONTAINER]


@dataclass(frozen=True, slots=True)
class _Start:
    """The starting places of Alembic in existing containers."""

    survey: Survey
    files: ImageFiles

    def homes(self, inspected: Mapping[str, Any], read: Reader) -> Homes:
        return homes(self.survey, of_container(inspected), read, self.files.links(str(inspected["Image"])))

    def see(
        self, homes: Homes, read: Reader, name: str
    ) -> tuple[Environment | Unknown, tuple[OtherConfiguration, ...]]:
        return read_environment(read, homes.first, self.survey.known), others(self.survey, homes, read, name)


def _service(survey: Survey) -> Service | None:
    """The service of the image; None without a compose file."""
    target = survey.target
    return target.model.services.get(target.service) if target.model else None


def _sibling_image(survey: Survey, files: ImageFiles, name: str, ref: str) -> MigrationSet | None:
    """The migrations in the image of a service that shares the code; None if that image cannot be read."""
    try:
        image, read = files.named(ref)
        service = survey.target.model.services[name] if survey.target.model else None
        home = homes(survey, of_image(image.config, service), read, links_of(image)).first
        found = read_environment(read, home, survey.known)
    except Unavailable:
        return None
    return None if isinstance(found, Unknown) else found.migrations


def layers(survey: Survey, chain: Chain, engine: Callable[[], Engine]) -> dict[str, Layer | Unknown]:
    """The layer of each script in the image that differs from the host.

    It takes a pass over the image's layers, which a clean image is spared.
    """
    host, image = chain.held(PlaceName.HOST), chain.held(PlaceName.IMAGE)
    if host is None or image is None or survey.image is None:
        return {}
    link = compare(PlaceName.HOST, host, PlaceName.IMAGE, image)
    paths = {name: image.scripts[name].path for name in (*link.only_target, *link.changed)}
    if not paths:
        return {}
    base = survey.view.base.ref if isinstance(survey.view, BuildView) else ""
    from migops.images.layers import attribute

    origins = _again(survey, engine, lambda image: attribute(image, paths.values(), base=base))
    if isinstance(origins, Unknown):
        return dict.fromkeys(paths, origins)
    return {name: origins[path] for name, path in paths.items()}


def code(survey: Survey, engine: Callable[[], Engine]) -> Code | Unknown:
    """The comparison of all files of the build with the image."""
    view = survey.view
    if not isinstance(view, BuildView):
        return Unknown(view.reason)
    from migops.sources.code import compare_code

    return _again(survey, engine, lambda image: compare_code(view, image))


def _again(survey: Survey, engine: Callable[[], Engine], read: Callable[[Image], T]) -> T | Unknown:
    """Read more of the image that was read before; Unknown if its tag has moved since."""
    if survey.image is None:
        return Unknown("the image could not be read")
    try:
        with open_image(survey.target.image, engine=engine) as image:
            if image.id != survey.image.id:
                return Unknown(f"{survey.target.image} was replaced by another image during the check")
            return read(image)
    except Unavailable as error:
        return Unknown(str(error), error.hint)
