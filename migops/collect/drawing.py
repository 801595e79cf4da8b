"""Reads the revision history of a configuration file for drawing; errors in it become problems."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from migops.core.errors import MigopsError
from migops.core.model import Entry, EntryKind, Location
from migops.migrations.build import build
from migops.migrations.config import ConfigFile, parse_config
from migops.migrations.graph import Graph
from migops.migrations.locate import ScriptPaths, locate
from migops.migrations.problem import Problem
from migops.migrations.scripts import read_history
from migops.sources.environment import Environment
from migops.sources.host import read_tree


class NothingHere(MigopsError):
    """No configuration was named, and the folder has none."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A place's revision history: its paths, its graph and its problems."""

    paths: ScriptPaths
    graph: Graph
    problems: tuple[Problem, ...]


def draw(config: str | None, section: str, cwd: str, set_by_app: Mapping[str, str]) -> Drawing:
    """Read the history that ``alembic -c config -n section`` would read, started in ``cwd``.

    NothingHere if none is named and ``cwd`` has none, MigopsError if the configuration cannot be read; other errors
    become problems.
    """

    def parse(path: Path) -> ConfigFile | None:
        try:
            return parse_config(path.read_bytes(), path.as_posix(), section)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise MigopsError(f"cannot read the file: {error.strerror}", at=Location(str(path))) from None

    named = Path(cwd, config) if config else None
    is_toml = named is not None and named.name == "pyproject.toml"
    ini = parse(named if named and not is_toml else Path(cwd, "alembic.ini"))
    toml = parse(named if named and is_toml else Path(cwd, "pyproject.toml"))
    _something_given(ini, toml, config, is_toml, set_by_app)
    paths = locate(ini, toml, cwd=cwd, exists=os.path.lexists, set_by_app=set_by_app)
    tree = read_tree([Path(folder) for folder in paths.version_locations], Path("/"))
    if paths.script_location and Path(paths.script_location).exists():
        tree.setdefault(paths.script_location, Entry(paths.script_location, EntryKind.DIRECTORY))
    history = read_history(tree, paths)
    built = build(history.revisions, history.unreadable, folder=", ".join(paths.version_locations))
    return _drawing(paths, built, history.problems)


def of_environment(environment: Environment) -> Drawing:
    """The history of a place that was already read."""
    return _drawing(environment.paths, environment.graph, environment.problems)


def _drawing(paths: ScriptPaths, graph: Graph, problems: tuple[Problem, ...]) -> Drawing:
    # A missing history is also empty: report it once, by the reason why it is missing.
    others = [each for each in graph.problems if each.rule != "MIG305" or not problems]
    return Drawing(paths, graph, (*problems, *others))


def _something_given(
    ini: ConfigFile | None, toml: ConfigFile | None, config: str | None, is_toml: bool, set_by_app: Mapping[str, str]
) -> None:
    """Raise MigopsError if a named file is missing; NothingHere without a name, Alembic's defaults and --set."""
    hint = "name the file: --config path/to/alembic.ini"
    if config is not None and (toml if is_toml else ini) is None:
        raise MigopsError("no such file", at=Location(config), hint=hint)
    if ini is None and not (toml and toml.has_section) and not set_by_app:
        raise NothingHere(
            "neither an alembic.ini nor a pyproject.toml with [tool.alembic] in the current folder", hint=hint
        )
