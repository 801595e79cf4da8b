"""Finds Alembic's configuration on the host: the given file, the one in the service's command, or the only one."""

from __future__ import annotations

import os
import posixpath
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from migops.compose import Service
from migops.core.errors import MigopsError
from migops.core.model import Location, Unknown
from migops.core.options import ALEMBIC, with_value
from migops.core.text import first_few, with_hint
from migops.dockerfile.trace import BuildView
from migops.entrypoint.alembic_call import Process, typed
from migops.migrations.config import parse_config
from migops.sources.alembic_start import started
from migops.sources.home import home_of

NOT_SEARCHED = frozenset({"node_modules", "venv", "env", "site-packages", "__pycache__", "dist", "build"})
SEARCH_DEPTH = 5  # folders below the root in which they, and an alembic.ini, are looked for
CONFIGS_NAMED = 5  # in the message that several match


class NotFound(MigopsError):
    """The folder or the configuration that a service is built from is not on the host.

    ``is_file``: the folder is there, and has no configuration.
    """

    is_file = False


def find(root: Path, given: str, base: Path, service: Service | None = None) -> Path:
    """Alembic's configuration on the host: ``given``, relative to ``base``, else the only one below ``root``.

    MigopsError if it is missing, or if there are several.
    """
    if given:
        path = Path(os.path.normpath(base / given))
        if not path.is_file():
            beside = sorted(each.name for each in path.parent.glob("*") if each.suffix in (".ini", ".toml", ".cfg"))
            hint = with_hint(path.name, beside, "check --config")
            raise MigopsError("no such configuration file", at=Location(str(path)), hint=hint)
        return path
    candidates = search(root)
    if len(candidates) == 1:
        return candidates[0]
    at = service.location if service else Location(str(root))
    if not candidates:
        error = NotFound(
            f"found neither an alembic.ini nor a pyproject.toml with [tool.alembic] in {root} or below", at=at,
            hint=(f"{two_lines(root)}; or " if two_lines(root) else "")
            + "name the file: --config FILE, or x-migops: {config: FILE} under the service",
        )  # fmt: skip
        error.is_file = True
        raise error
    names = first_few([str(path.relative_to(root)) for path in candidates], CONFIGS_NAMED)
    raise MigopsError(
        f"found several configurations: {names}", at=at,
        hint="choose one: --config FILE, or x-migops: {config: FILE} under the service",
    )  # fmt: skip


def search(root: Path) -> Sequence[Path]:
    """Configurations of Alembic below ``root``; one at the top takes precedence over deeper ones."""
    if (root / "alembic.ini").is_file():
        return [root / "alembic.ini"]
    if _is_for_alembic(root / "pyproject.toml"):
        return [root / "pyproject.toml"]
    configs: list[Path] = []
    for here, _, files in folders_below(root):
        if "alembic.ini" in files:
            configs.append(here / "alembic.ini")
        elif "pyproject.toml" in files and _is_for_alembic(here / "pyproject.toml"):
            configs.append(here / "pyproject.toml")
    return configs


def folders_below(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """``os.walk`` of a project: without hidden folders and installed packages, ``SEARCH_DEPTH`` folders deep."""
    for folder, names, files in os.walk(root):
        here = Path(folder)
        if len(here.relative_to(root).parts) >= SEARCH_DEPTH:
            names.clear()
        names[:] = sorted(name for name in names if name not in NOT_SEARCHED and not name.startswith("."))
        yield here, names, files


def script_folders(root: Path) -> tuple[Path, ...]:
    """The folders at or below ``root`` with an env.py and a ``versions`` folder, by path."""
    return tuple(here for here, names, files in folders_below(root) if "env.py" in files and "versions" in names)


def two_lines(root: Path) -> str:
    """How to write the configuration that is missing, if there is one folder of migrations at or below ``root``;
    else ''."""
    folders = script_folders(root)
    if len(folders) != 1:
        return ""
    from migops.core.terminal import shell_line  # only for what cannot go on

    folder = os.path.relpath(folders[0], root)
    text = f"[alembic]\\nscript_location = {folder}\\n"
    command = f"printf {shlex.quote(text)} > {shell_line([str(root / 'alembic.ini')])}"
    return f"two lines make one for the migrations in {folder}: {command}"


def has_migrations(service: Service) -> bool:
    """Whether the service is built from a folder of this host with a configuration of Alembic at or below it."""
    return bool(service.build and not service.build.is_remote and search(Path(service.build.context)))


_LOCATION = re.compile(rb"^(?:script_location|version_locations)\s*[=:]", re.MULTILINE)


def histories(config: Path) -> tuple[str, ...]:
    """See ``sections.histories``; empty for a file that has one at most, as almost all do."""
    text = config.read_bytes()
    is_flask = (config.parent / "env.py").is_file()  # [alembic] then has its scripts from code
    if is_flask or config.suffix == ".toml" or (b"[alembic]" in text and len(_LOCATION.findall(text)) < 2):
        return ()
    from migops.migrations import sections

    return sections.histories(text.decode("utf-8", "replace"))


def _is_for_alembic(path: Path) -> bool:
    try:
        text = path.read_bytes() if path.is_file() else b""
    except OSError as error:
        raise MigopsError(f"cannot read the file: {error.strerror}", at=Location(str(path))) from None
    return b"[tool.alembic" in text and parse_config(text, str(path)).has_section


@dataclass(frozen=True, slots=True)
class AlembicOptions:
    """Options of Alembic in a service's own command; each is empty if the command does not set it."""

    config: str = ""
    """``-c``, or ``ALEMBIC_CONFIG``: a path in the container."""
    section: str = ""
    """``-n``."""
    folder: str = ""
    """The folder of a ``cd`` before Alembic."""


def alembic_options(service: Service) -> AlembicOptions:
    """Read ``alembic -c FILE -n SECTION`` out of the service's entrypoint and command, and ``ALEMBIC_CONFIG``."""
    words: list[str] = []
    for word in (*(service.entrypoint or ()), *(service.command or ())):
        try:
            words += shlex.split(word) if " " in word else [word]  # a shell script is a single word
        except ValueError:
            words.append(word)
    config, section, folder = service.environment.get("ALEMBIC_CONFIG") or "", "", ""
    at = next((index for index, word in enumerate(words) if posixpath.basename(word) == "alembic"), None)
    if at is None:
        return AlembicOptions(config)
    before = words[:at]
    if "cd" in before[:-1]:
        folder = before[before.index("cd") + 1].rstrip(";")
    options = {option.name: option.value for option in with_value(words[at + 1 :], ALEMBIC)}
    return AlembicOptions(options.get("--config", config), options.get("--name", section), folder)


def host_path(root: Path, options: AlembicOptions, service: Service) -> Path:
    """The host's file of the configuration that the service's command names by its path in the container.

    MigopsError if the host has no such file.
    """
    name = PurePosixPath(options.config)
    if name.is_absolute():
        parts = [PurePosixPath(*name.parts[index:]) for index in range(1, len(name.parts))]
    else:
        parts = [PurePosixPath(options.folder) / name, name] if not options.folder.startswith("/") else [name]
    for part in parts:
        if (root / part).is_file():
            return root / part
    raise MigopsError(
        f"service {service.name!r} runs Alembic with {options.config}, but {root} has no such file",
        at=service.location,
        hint="name that file on the host: x-migops: {config: FILE} under the service",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Built:
    """The host's file of the configuration that Alembic reads in a built image, and its section."""

    config: Path
    section: str


_LEADS = re.compile(rb"ALEMBIC_CONFIG|\balembic[\"',\s]+-|\.sh\b|entrypoint|\bdb\b")


def of_build(dockerfile: bytes, view: Callable[[], BuildView | Unknown], service: Service | None) -> Built | None:
    """Alembic's configuration by the Dockerfile's ENV, ENTRYPOINT and CMD, as overridden by the service.

    None if they name none, or a file that the build does not copy from the host. ``view`` is called only if the
    Dockerfile's text might name one.
    """
    words = " ".join((*(service.entrypoint or ()), *(service.command or ()))) if service else ""
    if not (_LEADS.search(dockerfile) or _LEADS.search(words.encode())):
        return None
    built = view()
    if not isinstance(built, BuildView):
        return None
    process = process_of(built, service)

    def text(path: str) -> bytes | None:
        there = built.host_path_of(path)
        return there.read_bytes() if there is not None and there.is_file() else None

    for call in (*started(process, text), typed(process)):
        if call.is_plain or call.undecided:
            continue
        home = home_of(call)
        there = built.host_path_of(home.config)
        if there is not None and there.is_file() and _has_section(there, home.section):
            return Built(there, home.section)
    return None


def _has_section(config: Path, section: str) -> bool:
    try:
        return section == "alembic" or parse_config(config.read_bytes(), str(config), section).has_section
    except MigopsError:
        return False


def process_of(view: BuildView, service: Service | None) -> Process:
    """The first process of a container of a built image, as far as the Dockerfile shows."""
    own = (*(view.entrypoint or ()), *(view.cmd or ()))
    return started_as(view.workdir or "/", view.env, view.entrypoint or (), own, service)


def started_as(
    working_dir: str, env: Mapping[str, str], entrypoint: Sequence[str], own: Sequence[str], service: Service | None
) -> Process:
    """The first process of a container that compose creates for the service (None: of the image alone).

    ``own``: the image's ENTRYPOINT and CMD together.
    """
    given = {name: value for name, value in (service.environment if service else {}).items() if value is not None}
    words = tuple(own)
    if service is not None and service.entrypoint is not None:  # the image's CMD is then ignored
        words = (*service.entrypoint, *(service.command or ()))
    elif service is not None and service.command is not None:
        words = (*entrypoint, *service.command)
    cwd = posixpath.join(working_dir or "/", service.working_dir if service else "")
    return Process(cwd, {**env, **given}, words)
