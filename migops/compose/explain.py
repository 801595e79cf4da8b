"""The location of each value of the resolved project, and the values that it overrode in other files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from migops.compose.tree import Map, Mark, Seq
from migops.core.errors import MigopsError
from migops.core.location import Location
from migops.core.text import did_you_mean


@dataclass(frozen=True, slots=True)
class Origin:
    """A value: its path, its location, and the locations of the values it replaced, newest first."""

    path: str
    value: Any
    location: Location
    replaced: tuple[Location, ...]


def explain(tree: Map, path: str) -> list[Origin]:
    """The origin of every single value at or below ``path``.

    Steps are separated by dots: ``services.app.volumes.0``. A list item is addressed by its number, its mount target or
    path, or its variable's name: ``services.app.environment.DEBUG``. A key that contains dots is written unchanged.
    """
    value: Any = tree
    mark: Mark | None = None
    shown = ""
    rest = path.replace("[", ".").replace("]", "").strip(".") if path else ""
    while rest:
        step, value, mark, rest = _down(value, rest, path)
        shown = _join(shown, step)
    return _origins(value, mark, shown)


def _down(value: Any, rest: str, path: str) -> tuple[str | int, Any, Mark, str]:
    if isinstance(value, Map):
        # Take the longest key that the rest of the path starts with: labels contain dots.
        for key in sorted(value, key=len, reverse=True):
            if rest == key or rest.startswith(f"{key}."):
                return key, value[key], value.marks[key], rest[len(key) + 1 :]
    elif isinstance(value, Seq):
        for index, (item, mark) in enumerate(value.marked()):
            for name in _names(index, item):
                if rest == name or rest.startswith(f"{name}."):
                    return index, item, mark, rest[len(name) + 1 :]
    raise _unknown(value, rest, path)


def _names(index: int, item: Any) -> list[str]:
    if isinstance(item, Map):
        return [str(index), *(item[key] for key in ("target", "path", "source") if isinstance(item.get(key), str))]
    return [str(index), str(item).partition("=")[0]]


def _unknown(value: Any, rest: str, path: str) -> MigopsError:
    step = rest.split(".")[0]
    if isinstance(value, Map):
        hint = did_you_mean(step, list(value)) or f"available: {', '.join(value) or 'nothing'}"
    elif isinstance(value, Seq):
        hint = f"it is a list of {len(value)}; give a number from 0 to {len(value) - 1}"
    else:
        hint = "its parent is a single value"
    return MigopsError(f"nothing at {path}: no {step!r} there", hint=hint)


def _origins(value: Any, mark: Mark | None, path: str) -> list[Origin]:
    if isinstance(value, Map) and value:
        return [one for key, entry in value.items() for one in _origins(entry, value.marks[key], _join(path, key))]
    if isinstance(value, Seq) and value:
        origins: list[Origin] = []
        for index, (item, item_mark) in enumerate(value.marked()):
            origins += _origins(item, item_mark, _join(path, index))
        return origins
    if mark is None:
        return []
    location, *replaced = mark.history()
    return [Origin(path, value, location, tuple(replaced))]


def _join(path: str, step: str | int) -> str:
    if isinstance(step, int):
        return f"{path}[{step}]"
    return f"{path}.{step}" if path else step
