"""The services as they run before a deploy: what they were created from, and what of it no way back can restore."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from migops.commands.deploy import bound_files, essence
from migops.commands.deploy.bound_files import BoundFile
from migops.commands.deploy.commands import Words
from migops.commands.deploy.definition import Old, inexpressible
from migops.commands.deploy.definition_mounts import injected
from migops.commands.deploy.prerequisites import is_this_host
from migops.commands.deploy.services import DeployedService
from migops.compose import Project
from migops.core.process import run
from migops.core.text import listed
from migops.docker import Engine, ImageNotFound, compose_labels
from migops.docker.containers import inspect, name_of


@dataclass(frozen=True, slots=True)
class Previous:
    """The services that a way back brings back: those that run, and do not end by themselves.

    ``services`` holds their containers as inspected. ``differing`` are those whose containers were not created from
    the compose file as it is now. ``files`` are the host's files that they have mounted, ``folders`` the folders;
    ``is_here`` tells whether these could be looked at, because the engine runs on this machine.
    """

    services: Mapping[str, Old] = field(default_factory=dict, repr=False)
    differing: tuple[str, ...] = ()
    files: tuple[BoundFile, ...] = ()
    folders: tuple[str, ...] = ()
    is_here: bool = True

    def replicas(self) -> dict[str, int]:
        """How many containers each of the services had."""
        return {name: len(old.containers) for name, old in self.services.items()}

    def unrestorable(self) -> list[str]:
        """What the way back would not bring back, a sentence each; known before anything is done."""
        sentences = [str(each) for each in self.files if each.changed]
        for name in self.services if self.differing else ():
            old = self.services[name]
            sentences += [f"{name} has {each}, which a compose file cannot express" for each in inexpressible(old)]
            sentences += [f"{each.target} in {name} is not text" for each in old.injected if each.text is None]
            if any(essence.differences(old.model, each) for each in old.containers[1:]):
                sentences.append(f"the containers of {name} differ among themselves")
        return sentences

    def notes(self) -> Iterator[str]:
        """What to know before saying yes."""
        if self.differing:
            yield (
                f"the containers of {listed(self.differing)} were created from another definition than the compose "
                "file has now (or by another version of compose): a rollback uses the old definition. It is kept in a "
                "private file in the state folder, as it holds the old environment, until the rollback image changes"
            )
        for each in self.unrestorable():
            yield f"a rollback cannot restore this: {each}"
        if self.services and not self.is_here:
            yield "whether mounted files have changed is not checked: the engine is not known to run on this machine"
        elif self.folders:
            yield (
                f"a rollback leaves mounted folders as they are ({', '.join(self.folders)}): what is in them is not "
                "compared, only files that are mounted one by one"
            )


def read(
    engine: Engine, project: Project, compose: Words, program: Words, deployed: Sequence[DeployedService]
) -> Previous:
    """Look at the services' containers. ``compose`` is the CLI as the user calls it, ``program`` its bare words."""
    lasting = [each for each in deployed if each.runs and not each.one_shot]
    services = {each.name: old for each in lasting if (old := _old(engine, project, each))}
    if not services:
        return Previous()
    differing = _differing(services, project, compose, program)
    if differing:  # else no definition is written
        services = {name: _with_injected(engine, project, old) for name, old in services.items()}
    is_here = is_this_host(engine)
    looked = [bound_files.of(each) for old in services.values() for each in old.containers] if is_here else []
    return Previous(
        services, differing,
        tuple(file for files, _ in looked for file in files),
        tuple(dict.fromkeys(folder for _, folders in looked for folder in folders)), is_here,
    )  # fmt: skip


def _old(engine: Engine, project: Project, member: DeployedService) -> Old | None:
    """The service as it runs; None where its containers have gone meanwhile."""
    ids = [each.id for each in member.runs]
    containers = tuple(found for each in ids if (found := inspect(engine, each)))
    if not containers:
        return None
    # A reference with a digest means one image for ever: the old one can only be named by its ID.
    image_id, name = str(containers[0]["Image"]), str(containers[0]["Config"].get("Image") or "")
    image = image_id if "@" in member.image_ref else member.image_ref
    if name != image and _id_of(engine, name) == image_id:  # a name that this deploy does not move: shop:1, say
        image = name
    return Old(member.name, image, containers, _image_config(engine, image_id))


def _id_of(engine: Engine, name: str) -> str:
    """The image that a name means; '' where it means none."""
    try:
        return str(engine.image(name)["Id"]) if name else ""
    except ImageNotFound:
        return ""


def _image_config(engine: Engine, image: str) -> Mapping[str, Any]:
    try:
        return engine.image(image).get("Config") or {}
    except ImageNotFound:
        return {}


def _with_injected(engine: Engine, project: Project, old: Old) -> Old:
    """The service with the files that compose has copied into its containers."""
    declared = [
        str(each.get("target") or f"/{each['source']}") for kind in ("secrets", "configs")
        for each in project.services[old.service].raw.get(kind) or ()
    ]  # fmt: skip
    return replace(old, injected=injected(engine, old.model, declared))


def _differing(services: Mapping[str, Old], project: Project, compose: Words, program: Words) -> tuple[str, ...]:
    """The services whose containers are not what compose would create now, by compose's own hash of a definition."""
    labels = {
        name: {compose_labels.read(each, compose_labels.CONFIG_HASH) for each in old.containers}
        for name, old in services.items()
    }  # fmt: skip
    open_names = tuple(services)
    for hashes in _hashes(open_names, project, compose, program):
        open_names = tuple(name for name in open_names if labels[name] != {hashes.get(name)})
        if not open_names:
            break
    return open_names


def _hashes(names: Sequence[str], project: Project, compose: Words, program: Words) -> Iterator[dict[str, str]]:
    """Compose's hashes of the services' definitions, for each way in which `up` may have come to one.

    `up` takes the hash of what the files resolve to (with an env_file, `config --hash` alone gives another one), and
    `up --no-deps` takes it without the dependencies on services that were not named.
    """
    resolved = run([*compose, "config", "--format", "json"], check=False).stdout
    words = (*program, "-p", project.name, "--project-directory", project.directory, "-f", "-")
    for document in dict.fromkeys((resolved, _without(resolved, names), _without(resolved, ()))):
        yield _parsed(run([*words, "config", "--hash", ",".join(names)], check=False, stdin=document).stdout)


def _without(resolved: bytes, kept: Sequence[str]) -> bytes:
    """The resolved project without dependencies but those on the ``kept`` services."""
    try:
        document = json.loads(resolved)
    except ValueError:
        return resolved  # compose has refused it; then nothing is known to be the same
    for service in document.get("services", {}).values():
        needs = service.pop("depends_on", None) or {}
        if found := {name: each for name, each in needs.items() if name in kept}:
            service["depends_on"] = found
    return json.dumps(document).encode()


def _parsed(output: bytes) -> dict[str, str]:
    """``name hash`` lines."""
    pairs = (line.split() for line in output.decode(errors="replace").splitlines())
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}


def compare(previous: Previous, engine: Engine, project: str) -> list[str]:
    """What the containers that run now differ in from those that ran before, a sentence each."""
    differences = []
    for name, old in previous.services.items():
        by_number = {_number(each): each for each in old.containers}
        labels = compose_labels.filters(project, name, one_offs=False)
        for one in engine.containers(labels):
            new = inspect(engine, str(one["Id"]))
            if new and (names := essence.differences(by_number.get(_number(new), old.model), new)):
                differences.append(f"{name_of(new)} differs from before in {', '.join(names)}")
    return differences


def is_untouched(previous: Previous, engine: Engine, project: str) -> bool:
    """Whether the very containers of before still run, not restarted, and no new one of their services is there."""
    for name, old in previous.services.items():
        labels = compose_labels.filters(project, name, one_offs=False)
        now = [inspect(engine, str(each["Id"])) for each in engine.containers(labels)]
        running = {_life(each) for each in now if each and each["State"].get("Running")}
        if running != {_life(each) for each in old.containers} or any(_is_new(each, old) for each in now):
            return False
    return bool(previous.services)


def _is_new(inspected: Mapping[str, Any] | None, old: Old) -> bool:
    """A container that was created, and not (yet) started, is what an `up` that failed leaves behind."""
    if inspected is None or inspected["Id"] in {each["Id"] for each in old.containers}:
        return False
    return bool(inspected["State"].get("Status") == "created")


def _life(inspected: Mapping[str, Any]) -> tuple[str, str]:
    return str(inspected["Id"]), str(inspected["State"].get("StartedAt"))


def _number(inspected: Mapping[str, Any]) -> str:
    return compose_labels.read(inspected, compose_labels.NUMBER)
