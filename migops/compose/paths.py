"""Relative paths → absolute ones (or, in an included or extended file, relative to the project). Source: compose-go."""

from __future__ import annotations

import os
import posixpath
from typing import Any

from migops.compose.specification import CONTAINER_KEYS
from migops.compose.table import Table, below, table, with_hooks
from migops.compose.tree import Map, Mark, Seq, refuse
from migops.compose.volumes import is_windows_absolute

_REMOTE_CONTEXTS = ("https://", "http://", "git://", "ssh://", "github.com/", "git@")


class Paths:
    """Resolver of paths against ``directory``, which is relative for an included file; ``home`` is ``~``."""

    def __init__(self, directory: str, home: str) -> None:
        self.directory = directory
        self.home = home

    def resolve(self, document: Map) -> None:
        """Resolve every path of the document, in place."""
        self._entries(document, _PATHS)

    def _entries(self, value: Map, rules: Table) -> None:
        for key, entry in value.items():
            resolvers = below(rules, key)
            if resolvers is not None:
                value[key] = self._entry(entry, value.marks[key], resolvers)

    def _entry(self, value: Any, mark: Mark, rules: Table) -> Any:
        if "" in rules:
            return rules[""](self, value, mark)
        if isinstance(value, Map):
            self._entries(value, rules)
        elif isinstance(value, Seq):
            resolvers = below(rules, "[]")
            if resolvers is not None:
                for index, item in enumerate(value):
                    value[index] = self._entry(item, value.marks[index], resolvers)
        return value

    def expand_user(self, path: str) -> str:
        """The path with a leading ``~`` expanded."""
        return join(self.home, path[1:]) if path.startswith("~") and self.home else path

    def absolute(self, value: Any, mark: Mark | None = None) -> Any:
        """The path joined to ``directory``."""
        if isinstance(value, Seq):
            for index, item in enumerate(value):
                value[index] = self.absolute(item)
            return value
        if not isinstance(value, str):
            return value
        path = self.expand_user(value)
        return path if not path or path.startswith("/") else join(self.directory, path)

    def unix(self, value: Any, mark: Mark | None = None) -> Any:
        """A path, possibly of a Windows client."""
        if not isinstance(value, str):
            return value
        path = self.expand_user(value)
        return path if path.startswith("/") or is_windows_absolute(path) else join(self.directory, path)

    def context(self, value: Any, mark: Mark | None = None) -> Any:
        """A build context; URLs stay unchanged."""
        if not isinstance(value, str) or "://" in value or value.startswith(("service:", *_REMOTE_CONTEXTS)):
            return value
        return self.absolute(value)

    def mount(self, value: Any, mark: Mark) -> Any:
        """Resolve the source of a bind mount, in place."""
        if not isinstance(value, Map) or value.get("type") != "bind":
            return value
        if "source" not in value:
            raise refuse('invalid mount config for type "bind": field Source must not be empty', mark)
        value["source"] = self.unix(value["source"])
        return value

    def watched(self, value: Any, mark: Mark) -> Any:
        """A watched path, with its first symbolic link followed."""
        path = self.absolute(value)
        if not isinstance(path, str):
            return path
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            start = "/".join(parts[:count])
            if start and os.path.islink(start):  # noqa: PTH114 - the text of the path matters, not a Path
                target = os.path.realpath(start)
                return path.replace(start, target, 1)
        return path

    def driver_options(self, value: Any, mark: Mark) -> Any:
        """Resolve the path in the options of a local volume that is a bind mount."""
        if isinstance(value, Map) and value.get("driver") == "local":
            options = value.get("driver_opts")
            if isinstance(options, Map) and options.get("o") == "bind" and "device" in options:
                options["device"] = self.unix(options["device"])
        return value


def join(directory: str, path: str) -> str:
    """Join two paths as Go's ``filepath.Join``: cleaned, and an absolute second path is not special."""
    joined = posixpath.normpath("/".join(part for part in (directory, path) if part) or ".")
    return joined[1:] if joined.startswith("//") else joined


def parent(path: str) -> str:
    """The folder of a path, as Go's ``filepath.Dir`` returns it."""
    return os.path.dirname(path) or "."  # noqa: PTH120 - a text, as in compose


_PATHS = table(
    with_hooks(
        {
            "services.*.build.context": Paths.context,
            "services.*.build.additional_contexts.*": Paths.context,
            "services.*.build.ssh.*": Paths.unix,
            "services.*.env_file.*.path": Paths.absolute,
            "services.*.label_file.*": Paths.absolute,
            "services.*.extends.file": Paths.absolute,
            "services.*.develop.watch.*.path": Paths.watched,
            "services.*.volumes.*": Paths.mount,
            "configs.*.file": Paths.unix,
            "secrets.*.file": Paths.unix,
            "include.path": Paths.absolute,
            "include.project_directory": Paths.absolute,
            "include.env_file": Paths.absolute,
            "volumes.*": Paths.driver_options,
        },
        CONTAINER_KEYS,
    )
)
