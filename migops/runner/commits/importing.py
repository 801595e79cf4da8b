"""Has modules changed as soon as Python has imported them, in a container that is not ours.

It is carried beside a ``sitecustomize`` (``hooks``, and ``inside`` of ``migops adopt``), which imports it there. It is
no part of migops's own process: standard library alone, and kept to what old Pythons read.
"""

import importlib.abc
import importlib.util
import sys
from typing import Any

NAME = "migops_importing"
"""Its own name in the container."""


class Finder(importlib.abc.MetaPathFinder):
    """Finds these modules as they are found anyway, and has each changed once it is there."""

    def __init__(self, changes: Any) -> None:
        self.changes = dict(changes)

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name not in self.changes:
            return None
        change = self.changes.pop(name)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def changed(module: Any) -> None:
            execute(module)
            change(module)

        spec.loader.exec_module = changed  # type: ignore[method-assign]
        return spec


def after_import(changes: Any) -> None:
    """Call ``changes[name]`` with each module of that name, once it has been imported."""
    sys.meta_path.insert(0, Finder(changes))
