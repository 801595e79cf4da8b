"""A service's ``env_file`` and ``label_file``: values from these files, under those of the service itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from migops.compose.dotenv import read_into
from migops.compose.notes import Notes
from migops.compose.tree import Map, Mark, Seq, refuse


def resolve_environment(service: dict[str, Any], tree: Map, environment: Mapping[str, str], notes: Notes) -> None:
    """Fill in ``service["environment"]`` and remove its ``env_file`` entry."""
    own: dict[str, str | None] = {
        name: environment.get(name) if value is None else value
        for name, value in service.get("environment", {}).items()
    }

    def lookup(name: str) -> str | None:
        outer = environment.get(name)
        return own.get(name) if outer is None else outer

    values = {name: value for name, value in own.items() if value is not None}
    marks: dict[str, Mark] = {}
    for index, entry in enumerate(service.pop("env_file", [])):
        mark = tree["env_file"].marks[index]
        path = entry.get("path", "")
        if not Path(path).exists():
            if entry["required"]:
                raise _not_found("env", path, mark)
            continue
        marks.update(read_into(values, path, lookup, notes.unset, entry.get("format", ""), mark))
    resolved = {**values, **own}
    service.pop("environment", None)
    if resolved:
        service["environment"] = resolved
        marks.update(_own_marks(tree.get("environment"), marks))
        mark = tree.marks.get("environment") or tree.marks["env_file"]
        tree.put("environment", Map(), mark)
        for name, value in resolved.items():
            tree["environment"].put(name, value, marks.get(name, mark))


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


def resolve_labels(service: dict[str, Any], tree: Map, notes: Notes) -> None:
    """Fill in ``service["labels"]`` and remove its ``label_file`` entry."""
    labels: dict[str, str] = {}
    for index, path in enumerate(service.pop("label_file", [])):
        mark = tree["label_file"].marks[index]
        if not Path(path).exists():
            raise _not_found("label", path, mark)
        added: dict[str, str] = {}
        read_into(added, path, labels.get, notes.unset, at=mark)
        labels.update(added)
    labels.update(service.get("labels", {}))
    if labels:
        service["labels"] = labels


def _not_found(kind: str, path: str, mark: Mark) -> Exception:
    return refuse(
        f"{kind} file {path} not found: stat {path}: no such file or directory", mark,
        "create it, or say `required: false`" if kind == "env" else "",
    )  # fmt: skip
