"""Discovery of a project: its compose files, its directory, and the environment that its variables come from.

Source: compose-go's ``cli`` package and the compose CLI's own options.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from migops.compose.dotenv import read_env_files
from migops.compose.model import ComposeOptions
from migops.compose.notes import Notes
from migops.compose.scalars import quoted
from migops.compose.template import Warn
from migops.core.errors import MigopsError
from migops.core.text import with_hint

FILE_NAMES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDE_NAMES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")


class NoComposeFile(MigopsError):
    """No compose file is named, and there is none of a default name.

    ``found``: files of other names, one of which may be meant.
    """

    found: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DiscoveredProject:
    """The files and settings that a project is loaded from."""

    files: tuple[str, ...]  # absolute paths of the compose files, in order
    directory: str  # the absolute project directory
    environment: dict[str, str]  # of the process, over the env files
    profiles: tuple[str, ...]
    project_name: str  # from -p or COMPOSE_PROJECT_NAME; '' if neither is set
    env_files: tuple[str, ...] = ()  # the files (``.env``) that variables were read from


def discover(options: ComposeOptions, environment: Mapping[str, str], cwd: str, notes: Notes) -> DiscoveredProject:
    """Find the project as ``docker compose`` does. ``environment`` is the process's and overrides ``.env``.

    Raises NoComposeFile if there is no compose file, MigopsError if a setting is invalid.
    """
    known = dict(environment)
    known.setdefault("PWD", cwd)
    env_files = options.env_files or tuple(name for name in known.get("COMPOSE_ENV_FILES", "").split(",") if name)
    files: list[str] = [_absolute(file, cwd) for file in options.files]
    given = [_absolute(file, cwd) for file in env_files]
    project_directory = _absolute(options.project_directory, cwd) if options.project_directory else ""

    def silent(_: str) -> None:
        """Drop the warnings of the first reading: the second one repeats them."""

    _add_dotenv(known, given or _default_env_file(_directory(project_directory, files, cwd), environment), silent)
    if not files:
        files = _named_files(known, cwd)
    if not files:
        files = _default_files(_directory(project_directory, files, cwd), notes.say)
    if not files:
        hint = "run migops in the project folder, or name the file with -f"
        raise NoComposeFile("no compose file found here (looked for compose.yaml, docker-compose.yml, …)", hint=hint)
    directory = _directory(project_directory, files, cwd)
    variables = given or _default_env_file(directory, environment)
    _add_dotenv(known, variables, notes.unset)
    profiles = options.profiles or tuple(name.strip() for name in known.get("COMPOSE_PROFILES", "").split(","))
    if options.project_name and normalize_name(options.project_name) != options.project_name:
        raise invalid_name(options.project_name)
    name = options.project_name or known.get("COMPOSE_PROJECT_NAME", "")
    return DiscoveredProject(tuple(files), directory, known, tuple(filter(None, profiles)), name, tuple(variables))


def normalize_name(name: str) -> str:
    """A valid project name from a folder's, as in compose: lower case, ``[a-z0-9_-]``, no leading ``_`` or ``-``."""
    kept = [character for character in name.lower() if character in "abcdefghijklmnopqrstuvwxyz0123456789_-"]
    return "".join(kept).lstrip("_-")


def invalid_name(name: str) -> MigopsError:
    """The error for an invalid project name."""
    rule = "must consist only of lowercase alphanumeric characters, hyphens, and underscores"
    return MigopsError(
        f"invalid project name {quoted(name)}: {rule} as well as start with a letter or number",
        hint=f"use {normalize_name(name)}" if normalize_name(name) else "",
    )


def _absolute(path: str, cwd: str) -> str:
    return path if path == "-" else os.path.normpath(os.path.join(cwd, path))  # noqa: PTH118 - pathlib keeps ".."


def _directory(project_directory: str, files: list[str], cwd: str) -> str:
    if project_directory:
        return project_directory
    named = [file for file in files if file != "-"]
    return str(Path(named[0]).parent) if named else cwd


def _default_env_file(directory: str, environment: Mapping[str, str]) -> list[str]:
    disabled = environment.get("COMPOSE_DISABLE_ENV_FILE")
    if disabled is not None:
        if disabled not in _TRUE + _FALSE:
            message = f"COMPOSE_DISABLE_ENV_FILE: strconv.ParseBool: parsing {quoted(disabled)}: invalid syntax"
            raise MigopsError(message, hint="use 0 or 1")
        if disabled in _TRUE:
            return []
    file = Path(directory, ".env")
    return [str(file)] if file.exists() and not file.is_dir() else []


def _add_dotenv(known: dict[str, str], files: list[str], warn: Warn) -> None:
    for name, value in read_env_files(files, known, warn).items():
        known.setdefault(name, value)


def _named_files(known: Mapping[str, str], cwd: str) -> list[str]:
    named = known.get("COMPOSE_FILE")
    if named is None:
        return []
    files = [_absolute(file, cwd) for file in named.split(known.get("COMPOSE_PATH_SEPARATOR") or os.pathsep)]
    for file in files:
        if file != "-" and not Path(file).exists():
            names = sorted(path.name for path in Path(file).parent.glob("*.y*ml"))
            hint = with_hint(Path(file).name, names, "COMPOSE_FILE names this file")
            raise MigopsError(f"stat {file}: no such file or directory", hint=hint)
    return files


def _default_files(directory: str, warn: Warn) -> list[str]:
    for folder in (Path(directory), *Path(directory).parents):
        files = [str(folder / name) for name in FILE_NAMES if (folder / name).exists()]
        if not files:
            continue
        overrides = [str(folder / name) for name in OVERRIDE_NAMES if (folder / name).exists()]
        if len(files) > 1:
            warn(f"Found multiple config files with supported names: {', '.join(files)}")
            warn(f"Using {files[0]}")
        if len(overrides) > 1:
            warn(f"Found multiple override files with supported names: {', '.join(overrides)}")
            warn(f"Using {overrides[0]}")
        return [files[0], *overrides[:1]]
    return []
