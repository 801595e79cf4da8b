"""YAML files → marked values, as compose's own reader: YAML 1.2 scalars, no duplicate keys, ``!reset`` recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migops.compose.nodes import Composer, Node
from migops.compose.scalars import quoted, resolve, sprint, tagged
from migops.compose.tree import Map, Mark, Seq, refuse
from migops.core.errors import MigopsError
from migops.core.location import Location
from migops.core.text import did_you_mean

TreePath = tuple[str, ...]
_MERGE = "tag:yaml.org,2002:merge"


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document. ``resets`` are the paths under ``!reset`` and ``!override`` tags."""

    file: str
    value: Any
    resets: tuple[TreePath, ...]


_INSTEAD: ContextVar[Mapping[str, bytes]] = ContextVar("_INSTEAD")


@contextmanager
def instead(contents: Mapping[str, bytes]) -> Iterator[None]:
    """Within it, files of these names are read as if they had these contents: an edit is judged before it is made."""
    token = _INSTEAD.set(contents)
    try:
        yield
    finally:
        _INSTEAD.reset(token)


def read(file: str) -> bytes:
    """A file's bytes. Raises ``MigopsError`` naming the file, whatever the failure."""
    given = _INSTEAD.get({}).get(file)
    if given is not None:
        return given
    try:
        return Path(file).read_bytes()
    except FileNotFoundError:
        near = did_you_mean(Path(file).name, _beside(file))
        raise MigopsError(f"open {file}: no such file or directory", at=Location(file), hint=near) from None
    except IsADirectoryError:
        raise MigopsError(f"read {file}: is a directory", at=Location(file)) from None
    except OSError as error:
        raise MigopsError(f"open {file}: {(error.strerror or str(error)).lower()}", at=Location(file)) from None


def _beside(file: str) -> list[str]:
    """The names of the YAML files in the folder of a file that is missing."""
    try:
        return sorted(entry.name for entry in Path(file).parent.iterdir() if entry.suffix in (".yml", ".yaml"))
    except OSError:
        return []


def documents(content: bytes, file: str) -> list[Document]:
    """Every document of a file, in order, without empty ones, as in compose."""
    made = []
    for root in Composer(content, file).documents():
        reader = _Reader(file)
        resolved = reader.untag(root, ())
        if resolved is None:
            value: Any = None
        else:
            value = reader.value(resolved)
        made.append(Document(file, value, tuple(reader.resets)))
    return made


def _is_merge(key: Node) -> bool:
    """True for ``<<`` and for ``!!merge <<``, which tools write that edit YAML files."""
    return key.value == "<<" and key.kind == "scalar" and key.tag in (None, _MERGE)


class _Reader:
    """Nodes → values: first ``!reset`` and ``!override`` are recorded and removed, then the rest becomes values."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.resets: list[TreePath] = []
        # By anchored node: the paths of its aliases; a path above one of them leads to that alias.
        self.visits: dict[int, dict[TreePath, TreePath]] = {}
        self.open: set[int] = set()

    def untag(self, node: Node, path: TreePath) -> Node | None:
        """The node without the parts under ``!reset``, and with aliases replaced by their nodes."""
        if "<<" in path[1:]:
            at = path.index("<<", 1)
            path = path[:at] + path[at + 1 :]
        if node.alias is not None:
            self._check_cycle(node.alias, node, path)
            self.open.add(id(node.alias))
            try:
                return self.untag(node.alias, path)
            finally:
                self.open.discard(id(node.alias))
        if node.tag in ("!reset", "!override"):
            self.resets.append(path)
            return None if node.tag == "!reset" else node
        if node.kind == "seq":
            kept = [self.untag(item, (*path, str(index))) for index, item in enumerate(node.items)]
            node.items = [item for item in kept if item is not None]
        elif node.kind == "map":
            node.items = self._untag_entries(node, path)
        return node

    def _untag_entries(self, node: Node, path: TreePath) -> list[Node]:
        self._check_duplicates(node)
        kept: list[Node] = []
        for index in range(0, len(node.items), 2):
            key, entry = node.items[index], node.items[index + 1]
            resolved = self.untag(entry, (*path, key.value))
            if resolved is not None:
                kept += (key, resolved)
        return kept

    def _check_duplicates(self, node: Node) -> None:
        seen: dict[str, int] = {}
        for key in node.items[::2]:
            if key.value in seen:
                message = f"mapping key {quoted(key.value)} already defined at line {seen[key.value]}"
                raise self._fail(f"line {key.line}: {message}", key)
            seen[key.value] = key.line

    def _check_cycle(self, target: Node, alias: Node, path: TreePath) -> None:
        """Compose's own rule: an alias may not occur above or below itself. A key with dots is a single step."""
        if id(target) in self.open:
            raise self._fail(f"cycle detected: anchor '{alias.value}' value contains itself", alias)
        visited = self.visits.setdefault(id(target), {})
        above = [path[:count] for count in range(1, len(path))]
        other = next((prefix for prefix in above if visited.get(prefix) == prefix), visited.get(path, path))
        if other != path:
            at, there = ".".join(path), ".".join(other)
            raise self._fail(f"cycle detected: node at path {at} references node at path {there}", alias)
        visited[path] = path
        for prefix in above:
            visited.setdefault(prefix, path)

    def value(self, node: Node, path: TreePath = ()) -> Any:
        """The value of an untagged node; ``path`` is its path, for messages."""
        if node.kind == "scalar":
            return self._scalar(node)
        if node.alias is not None:
            if id(node.alias) in self.open:
                raise self._fail(f"yaml: anchor '{node.value}' value contains itself", node)
            self.open.add(id(node.alias))
            made = self.value(node.alias, path)
            self.open.discard(id(node.alias))
            return made
        if node.kind == "seq":
            listed = Seq()
            for index, item in enumerate(node.items):
                listed.append(self.value(item, (*path, f"[{index}]")))
                listed.marks.append(Mark(self.file, item.line))
            return listed
        return self._mapping(node, path)

    def _scalar(self, node: Node) -> Any:
        tag = node.tag
        if tag is None:
            return resolve(node.value)
        if tag == "!!str" or not tag.startswith("tag:yaml.org,2002:"):
            return node.value
        try:
            return tagged(tag, node.value)
        except ValueError as error:
            raise self._fail(f"yaml: {error}", node) from None

    def _mapping(self, node: Node, path: TreePath) -> Map:
        made = Map()
        merged: Node | None = None
        items = node.items
        for index in range(0, len(items), 2):
            key, entry = items[index], items[index + 1]
            if _is_merge(key):
                merged = entry
                continue
            name = self._key(key, path)
            if name in made:
                self._check_duplicates(node)
            made[name] = self.value(entry, (*path, name))
            made.marks[name] = Mark(self.file, key.line)
        if merged is not None:
            for source in self._merged(merged, path):
                for name, entry in source.items():
                    if name not in made:
                        made.put(name, entry, source.marks[name])
        return made

    def _key(self, node: Node, path: TreePath) -> str:
        target = node.alias or node
        if target.kind != "scalar":
            raise self._fail("yaml: invalid map key", node)
        name = target.value if target.tag == _MERGE else self._scalar(target)
        if type(name) is not str:
            where = f"in {'.'.join(path).replace('.[', '[')}" if path else "at top level"
            raise refuse(f"non-string key {where}: {sprint(name)}", Mark(self.file, node.line), "put the key in quotes")
        return name

    def _merged(self, node: Node, path: TreePath) -> list[Map]:
        target = node.alias or node
        sources = [target] if target.kind == "map" else target.items if target.kind == "seq" else []
        maps = [self.value(source, path) for source in sources]
        if target.kind == "scalar" or not all(isinstance(source, Map) for source in maps):
            raise self._fail("yaml: map merge requires map or sequence of maps as the value", node)
        return maps

    def _fail(self, message: str, node: Node) -> MigopsError:
        return MigopsError(f"failed to parse {self.file}: {message}", at=Location(self.file, node.line))
