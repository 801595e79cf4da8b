"""The Python code on the host that env.py imports, from which autogenerate gets the models, and the image's copy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from migops.analysis.script_diff import content_difference
from migops.collect.imports import roots_of
from migops.collect.state import Survey, host_cwd, host_home
from migops.collect.static import read_host
from migops.core.errors import Unavailable
from migops.core.model import MigrationSet, PlaceName, Unknown
from migops.docker import Engine
from migops.dockerfile.trace import BuildView
from migops.images import open_image
from migops.migrations.config import ConfigFile, parse_config
from migops.sources.application import modules
from migops.sources.container_files import reader_of
from migops.sources.models import MAPPING, Model, followed, unimported
from migops.sources.mounts import at_or_below
from migops.sources.tables import Mapped, mapped
from migops.target import Target


@dataclass(frozen=True, slots=True)
class EnvCode:
    """The host's env.py and the application's code."""

    env: Path
    roots: tuple[Path, ...]
    """The folders of imports."""
    files: tuple[Path, ...]
    """The application's own modules."""


@dataclass(frozen=True, slots=True)
class ModelsOnHost:
    """The models on the host."""

    code: frozenset[Path]
    """The files that define the models: those that env.py imports; after a computed import, all that map a table."""
    computed: str
    """The place of a computed import; empty if there is none."""
    unimported: tuple[Model, ...] | Unknown
    """Models that env.py does not import."""
    tables: Mapped
    """The tables of the models."""


def code_of_env(survey: Survey, config: ConfigFile) -> EnvCode | None:
    """The paths of env.py and of the application's modules on the host; None if there is no env.py."""
    host, target = survey.places.get(PlaceName.HOST), survey.target
    env = host.environment.get("env.py") if isinstance(host, MigrationSet) else None
    if env is None or not isinstance(host, MigrationSet):
        return None
    cwd = host_cwd(survey)
    view = survey.view if isinstance(survey.view, BuildView) else None
    files = modules(target.root, view, [host.script_location])
    return EnvCode(Path(env.path), roots_of(target, cwd, config), tuple(files))


def models_on_host(target: Target) -> ModelsOnHost | None:
    """The host's models; None if there is no env.py. MigopsError if a file cannot be read."""
    survey = Survey(target)
    read_host(survey)
    home = host_home(survey)
    env_code = code_of_env(survey, parse_config(target.config.read_bytes(), home.config, home.section))
    if env_code is None:
        return None
    code, computed = followed(env_code.env, env_code.roots)
    if computed:
        code = code | {file for file in env_code.files if any(word in file.read_bytes() for word in MAPPING)}
    return ModelsOnHost(code, computed, unimported(env_code.env, env_code.roots, env_code.files), mapped(code))


def changed_code(target: Target, files: frozenset[Path], engine: Engine) -> tuple[str, ...] | Unknown:
    """The host's files that differ or are missing in a one-off container of the image.

    A file under a bind mount is compared with the mounted one. A file that no COPY copies (an installed package) is
    not compared; Unknown if none can be.
    """
    survey = Survey(target)
    view = survey.view
    if not isinstance(view, BuildView):
        return Unknown(view.reason)
    exported = {path: file for file in files for path in view.image_path_of(file)}
    if not exported:
        return Unknown("no COPY of the Dockerfile includes the files that env.py imports")
    mounted = _mounted(target, exported)
    asked = sorted(exported.keys() - mounted.keys())
    texts: dict[str, bytes | None] = {path: _text(file) for path, file in mounted.items()}
    try:
        with open_image(target.image, engine=lambda: engine) as image:
            tree = reader_of(image)(asked) if asked else {}
    except Unavailable as error:
        return Unknown(str(error), error.hint)
    texts |= {path: entry.content if (entry := tree.get(path)) else None for path in asked}
    changed = {
        file for path, file in exported.items()
        if (text := texts[path]) is None or content_difference(text, file.read_bytes()) == "content"
    }  # fmt: skip
    return tuple(sorted(_short(file, target.root) for file in changed))


def _mounted(target: Target, exported: Mapping[str, Path]) -> dict[str, Path]:
    """The host's files that bind mounts of the service put at these paths of the container."""
    service = target.model.services[target.service] if target.model else None
    files = {}
    for path in exported:
        over = [each for each in service.volumes if at_or_below(path, each.target)] if service else []
        mount = max(over, key=lambda each: len(each.target), default=None)
        if mount is not None and mount.type == "bind":
            files[path] = Path(str(mount.source) + path[len(mount.target.rstrip("/")) :])
    return files


def _text(file: Path) -> bytes | None:
    return file.read_bytes() if file.is_file() else None


def _short(file: Path, root: Path) -> str:
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)
