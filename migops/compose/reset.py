"""``!reset`` and ``!override``: removal of earlier files' entries before a later file is merged over them."""

from __future__ import annotations

from typing import Any

from migops.compose.tree import Map, Seq

TreePath = tuple[str, ...]


def remove(document: Map, paths: tuple[TreePath, ...]) -> None:
    """Delete the entries at ``paths`` (a step ``*`` matches any) from ``document``. List items cannot be removed."""
    if paths:
        _remove(document, (), paths)


def _remove(value: Any, path: TreePath, paths: tuple[TreePath, ...]) -> None:
    if isinstance(value, Map):
        for key in list(value):
            at = (*path, key)
            if any(_matches(at, pattern) for pattern in paths):
                del value[key]
            else:
                _remove(value[key], at, paths)
    elif isinstance(value, Seq):
        for index, item in enumerate(value):
            _remove(item, (*path, f"[{index}]"), paths)


def _matches(path: TreePath, pattern: TreePath) -> bool:
    return len(path) == len(pattern) and all(b in ("*", a) for a, b in zip(path, pattern, strict=True))
