"""The code on the host that env.py imports, and the ``.env`` file that the service's containers have."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from migops.collect.state import view_of
from migops.compose.dotenv import read_into
from migops.core.errors import MigopsError
from migops.dockerfile.trace import BuildView
from migops.migrations.config import ConfigFile, parse_config
from migops.migrations.locate import absolute, locate
from migops.sources.application import modules
from migops.sources.env_files import copied_env_files
from migops.sources.home import Home
from migops.sources.project_code import EnvironmentCode
from migops.target import Target


def code_of(target: Target, host: Home) -> EnvironmentCode | None:
    """The code that env.py imports: its path on the host, and the folders of imports. None if there is no env.py."""
    config = parse_config(target.config.read_bytes(), str(target.config), host.section)
    view = view_of(target.build)
    built = view if isinstance(view, BuildView) else None
    env = _env_of(config, host, built)
    if env is None:
        return None
    script_location = str(env.parent)

    def files() -> Iterable[Path]:
        return modules(target.root, built, [script_location])

    return EnvironmentCode(env, roots_of(target, Path(host.cwd), config), files, _env_files(target, host, built))


def roots_of(target: Target, cwd: Path, config: ConfigFile) -> tuple[Path, ...]:
    """The folders of imports: those of ``prepend_sys_path``, the working directory, and the project's own."""
    option = config.options.get("prepend_sys_path")
    given = option.value if option and isinstance(option.value, (str, tuple)) else ()
    words = re.split(r"[\s,:;]+", given) if isinstance(given, str) else given
    roots = [cwd, *(cwd / word for word in words if word), target.root, target.root / "src"]
    return tuple(dict.fromkeys(Path(os.path.normpath(root)) for root in roots))


def _env_of(config: ConfigFile, host: Home, view: BuildView | None) -> Path | None:
    ini, toml = (None, config) if config.is_toml else (config, None)
    for folder in dict.fromkeys((host.cwd, config.here, *host.around)):
        paths = locate(ini, toml, cwd=folder, exists=os.path.exists)
        if paths.script_location:
            there = absolute(paths.script_location, "env.py")
            for path in (Path(there), view.host_path_of(there) if view else None):
                if path is not None and path.is_file():
                    return path
    return None


def _env_files(target: Target, host: Home, view: BuildView | None) -> dict[str, Mapping[str, str]]:
    """The variables of the ``.env`` files that the build copies, or that a bind mount shows, by the file's name."""
    project = target.model.directory if target.model else host.cwd
    service = target.model.services.get(target.service) if target.model else None
    copied = {each.host for each in copied_env_files(view)} if view else set()
    mounts = [each.source for each in service.volumes if each.type == "bind"] if service else []
    files: dict[str, Mapping[str, str]] = {}
    for folder in dict.fromkeys((host.cwd, str(target.root), project)):
        for file in sorted(Path(folder).glob(".env*")):
            is_there = str(file) in copied or any(file.is_relative_to(str(mount)) for mount in mounts)
            if is_there and file.is_file():
                files.setdefault(file.name, _read(file))
    return files


def _read(file: Path) -> Mapping[str, str]:
    values: dict[str, str] = {}
    try:
        read_into(values, str(file), lambda _: None, lambda _: None)
    except MigopsError:
        return {}
    return values
