"""A service's ``env_file`` and ``label_file``: values from these files, under those of the service itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from migops.compose.dotenv import read_into
from migops.compose.notes import Notes
from migops.compose.required import variable_in
from migops.compose.tree import Map, Mark, Seq, refuse
from migops.compose.unread import ALL_READ, EnvFiles, Unread, UnreadFile, copies, unreadable
from migops.core.errors import MigopsError


class Containers:
    """Resolves the env and label files of services and their hooks; ``unread`` are those that cannot be read."""

    def __init__(self, environment: Mapping[str, str], notes: Notes, treatment: EnvFiles, cwd: str) -> None:
        self.environment = environment
        self.notes = notes
        self.treatment = treatment
        self.cwd = cwd
        self.unread: list[UnreadFile] = []

    def resolve(self, service: dict[str, Any], tree: Map) -> tuple[Unread, ...]:
        """Fill in ``environment`` and ``labels`` from the files, and remove the entries that name them.

        Returns what the env files leave unknown: of the service, then of each of its ``pre_start`` hooks.
        """
        hooks = zip(service.get("pre_start", ()), tree.get("pre_start") or (), strict=True)
        return tuple(self._container(container, written) for container, written in ((service, tree), *hooks))

    def _container(self, container: dict[str, Any], tree: Map) -> Unread:
        unread = self._environment(container, tree)
        self._labels(container, tree)
        return unread

    def _environment(self, service: dict[str, Any], tree: Map) -> Unread:
        own: dict[str, str | None] = {
            name: self.environment.get(name) if value is None else value
            for name, value in service.get("environment", {}).items()
        }
        values = {name: value for name, value in own.items() if value is not None}
        files = _Files(self, own, values)
        for index, entry in enumerate(service.pop("env_file", [])):
            if self.treatment is not EnvFiles.IGNORED:
                files.read(entry, tree["env_file"].marks[index])
        resolved = {**values, **own}
        required = {name: found for name, value in resolved.items() if (found := variable_in(value))}
        resolved = {name: value for name, value in resolved.items() if name not in required}
        service.pop("environment", None)
        if resolved:
            service["environment"] = resolved
            marks = {**files.marks, **_own_marks(tree.get("environment"), files.marks)}
            mark = tree.marks.get("environment") or tree.marks["env_file"]
            tree.put("environment", Map(), mark)
            for name, value in resolved.items():
                tree["environment"].put(name, value, marks.get(name, mark))
        self.unread += files.unread
        if not files.unread and not required:
            return ALL_READ
        return Unread(tuple(files.unread), frozenset(resolved), required)

    def _labels(self, service: dict[str, Any], tree: Map) -> None:
        labels: dict[str, str] = {}
        for index, path in enumerate(service.pop("label_file", [])):
            mark = tree["label_file"].marks[index]
            if not self.readable(path, mark, "label"):
                self.unread.append(UnreadFile(path, mark.location, unreadable(path)))
                continue
            added: dict[str, str] = {}
            read_into(added, path, labels.get, self.notes.unset, at=mark)
            labels.update(added)
        labels.update(service.get("labels", {}))
        if labels:
            service["labels"] = labels

    def readable(self, path: str, mark: Mark, kind: str) -> bool:
        """True if the file is to be read now; False if it cannot be read and need not. Raises MigopsError."""
        if self.treatment is EnvFiles.OPTIONAL:
            return not unreadable(path)
        if not Path(path).exists():
            raise self._not_found(kind, path, mark)
        return True

    def _not_found(self, kind: str, path: str, mark: Mark) -> MigopsError:
        fix = copies([UnreadFile(path, mark.location, "missing")], self.cwd) or "create it"
        return refuse(
            f"{kind} file {path} not found: stat {path}: no such file or directory", mark,
            f"{fix}, or say `required: false`" if kind == "env" else "",
        )  # fmt: skip


class _Files:
    """The env files of one container, read in order. ``values`` are filled in; ``own`` the container's variables."""

    def __init__(self, run: Containers, own: Mapping[str, str | None], values: dict[str, str]) -> None:
        self.run = run
        self.own = own
        self.values = values
        self.marks: dict[str, Mark] = {}
        self.unread: list[UnreadFile] = []

    def read(self, entry: Mapping[str, Any], mark: Mark) -> None:
        """Add the variables of one entry. A file that is not read makes those of the files before it unknown."""
        path = entry.get("path", "")
        if not Path(path).exists() and not entry["required"]:
            return
        if not self.run.readable(path, mark, "env"):
            self.unread.append(UnreadFile(path, mark.location, unreadable(path)))
            self._forget(self.marks)
            return
        form, unset = entry.get("format", ""), self.run.notes.unset
        guessed: set[str] = set()

        def lookup(name: str) -> str | None:
            outer = self.run.environment.get(name)
            value = self.own.get(name) if outer is None else outer
            if self.unread and value is None and name not in self.values:
                guessed.add(name)
            return value

        found = read_into(self.values, path, lookup, (lambda _: None) if self.unread else unset, form, mark)
        self.marks.update(found)
        if guessed:  # some value of this file is made of a variable that a file before it might set
            self._forget(found)

    def _forget(self, names: Mapping[str, Mark]) -> None:
        for name in list(names):
            if name not in self.own:
                self.values.pop(name, None)
            self.marks.pop(name, None)


def _own_marks(value: Any, files: Mapping[str, Mark]) -> dict[str, Mark]:
    """The marks of the variables that the service itself sets, each replacing the mark from an env file."""
    if isinstance(value, Map):
        own = dict(value.marks)
    else:
        own = {str(item).partition("=")[0]: mark for item, mark in value.marked()} if isinstance(value, Seq) else {}
    return {name: _over(at, files.get(name)) for name, at in own.items()}


def _over(mark: Mark, oldest: Mark | None) -> Mark:
    """The mark with ``oldest`` at the end of the marks that it replaced."""
    return Mark(mark.file, mark.line, _over(mark.replaced, oldest) if mark.replaced else oldest)
