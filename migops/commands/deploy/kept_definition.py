"""The old definition on disk: a compose file for the way back. It holds secrets, so it is kept like a backup."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migops.commands.deploy import definition, images
from migops.commands.deploy.commands import ROLLBACK, Compose, Words
from migops.commands.deploy.inputs import DeployInputs
from migops.core.errors import Aborted
from migops.core.model import Location
from migops.docker import Engine, ImageNotFound
from migops.state import state_folder

if TYPE_CHECKING:
    from migops.commands.deploy.deploy import Deploy

FOLDER = "definitions"
_SUFFIX = ".compose.json"


def prepare_rollback(deploy: Deploy) -> dict[str, Any]:
    """Keep the images that run now, and the definition that their containers were created from."""
    found = images.tag_rollback_image(deploy)
    deploy.record.definition = keep(deploy)
    return {**found, "definition": str(deploy.record.definition or "")}


def keep(deploy: Deploy) -> Path | None:
    """Write the old definition where the compose file does not have it any more, and remove those that are superseded.

    Raises ``Aborted`` where it cannot be written: without it there is no way back.
    """
    folder = deploy.folder / FOLDER
    kept = _matching(deploy, folder)
    if kept is None and deploy.inputs.previous.differing:
        path = folder / f"{deploy.log.run:06}{_SUFFIX}"
        try:
            state_folder.make_private_folder(folder)
            state_folder.write_private(path, definition.text(_document(deploy)))
        except OSError as error:
            raise Aborted(f"the old definition cannot be kept: {error.strerror}", at=Location(str(path))) from None
        kept = path
    for each in superseded(deploy.engine, folder, deploy.record.old.values()):
        if each != kept:
            each.unlink(missing_ok=True)
    return kept


def is_older(deploy: Deploy) -> bool:
    """Whether the definition was kept by an earlier run: then it is not what ran when this one began."""
    return deploy.record.definition is not None and deploy.record.definition.name != f"{deploy.log.run:06}{_SUFFIX}"


def compose(inputs: DeployInputs, path: Path) -> Compose:
    """The compose CLI for the old definition."""
    project = inputs.project
    where = ("-p", project.name, "--project-directory", project.directory)
    return Compose((*inputs.program, *where, "-f", str(path)))


def typed(words: Words) -> Words:
    """The command as a user types it: the file has only some of the project's services, and compose would advise to
    remove all others as orphans."""
    return ("env", "COMPOSE_IGNORE_ORPHANS=true", *words)


def _document(deploy: Deploy) -> dict[str, Any]:
    previous, old = deploy.inputs.previous, deploy.record.old
    services = [replace(each, image=old.get(name, each.image)) if each.image.startswith("sha256:") else each
                for name, each in previous.services.items()]  # fmt: skip
    files = {each.source: each.digest for each in previous.files}
    kept = {name: image for name, image in old.items() if name in previous.services}
    return definition.document(deploy.inputs.project.name, services, {"images": kept, "files": files})


def _matching(deploy: Deploy, folder: Path) -> Path | None:
    """The definition that an earlier run has kept of the very images that are the way back, where these are not what
    runs now: then what runs now tells nothing of them."""
    services = deploy.inputs.previous.services
    older = {
        name: image for name, image in deploy.record.old.items()
        if name in services and image not in {str(each["Image"]) for each in services[name].containers}
    }  # fmt: skip
    if not older:
        return None
    wanted = {name: deploy.record.old.get(name) for name in services}
    return next((path for path, named in _all(folder) if named == wanted), None)


def superseded(engine: Engine, folder: Path, now: Collection[str]) -> Iterator[Path]:
    """Definitions of images that are no longer kept for a rollback, or that are the way back ``now``, by another
    definition."""
    for path, named in _all(folder):
        images = {*named.values()}
        if images & {*now} or not any(_is_kept(engine, each) for each in images):
            yield path


def _all(folder: Path) -> list[tuple[Path, Mapping[str, str]]]:
    """The definitions, the newest first, with the images that they belong to."""
    definitions = []
    for path in sorted(folder.glob(f"*{_SUFFIX}"), reverse=True):
        try:
            named = json.loads(path.read_text()).get("x-migops", {}).get("images") or {}
        except (OSError, ValueError):  # not ours, or damaged: nobody can go back by it
            named = {}
        definitions.append((path, named))
    return definitions


def _is_kept(engine: Engine, image: str) -> bool:
    """Whether the image has a rollback tag."""
    try:
        tags = engine.image(image).get("RepoTags") or ()
    except ImageNotFound:
        return False
    return any(str(each).rpartition(":")[2].startswith(ROLLBACK) for each in tags)
