"""Short forms → long forms.

Source: compose-go's ``transform`` package. Values are changed in place; a long form keeps the mark of its short form.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from typing import Any

from migops.compose.ports import parse_port
from migops.compose.scalars import go_type, quoted, sprint
from migops.compose.specification import CONTAINER_KEYS
from migops.compose.table import Table, below, table, with_hooks
from migops.compose.tree import Map, Mark, Seq, refuse
from migops.compose.volumes import parse_volume
from migops.core.errors import MigopsError

Warn = Callable[[str], None]


class Canonical:
    """One pass over a document. ``lenient``: variables were not substituted, so a value that cannot be parsed stays."""

    def __init__(self, warn: Warn, *, lenient: bool) -> None:
        self.warn = warn
        self.lenient = lenient

    def apply(self, document: Map) -> None:
        """Replace every short form in the document, in place."""
        self.entries(document, "", _LONG_FORMS)

    def entries(self, value: Map, path: str, rules: Table) -> None:
        """Replace the short forms in a mapping's entries, in place."""
        for key, entry in value.items():
            forms = below(rules, key)
            if forms is not None:
                value[key] = self.entry(entry, value.marks[key], f"{path}.{key}" if path else key, forms)

    def entry(self, value: Any, mark: Mark, path: str, rules: Table) -> Any:
        """The long form of one value. Raises MigopsError for a value that is neither form."""
        if "" in rules:
            value = rules[""](value, mark, path, self)
            if isinstance(value, Map) and len(rules) > 1:
                self.entries(value, path, rules)
        elif isinstance(value, Map):
            self.entries(value, path, rules)
        elif isinstance(value, Seq):
            forms = below(rules, "[]")
            if forms is not None:
                for index, item in enumerate(value):
                    value[index] = self.entry(item, value.marks[index], f"{path}.[]", forms)
        return value


def _expect(value: Any, kind: type, mark: Mark, message: str) -> Any:
    """The value, which must be of this type: files that services extend have not been checked against the schema."""
    if not isinstance(value, kind):
        raise refuse(message, mark)
    return value


def _strings(items: Seq, path: str) -> Iterable[tuple[str, Mark]]:
    for item, mark in items.marked():
        yield _expect(item, str, mark, f"{path}: invalid type {go_type(item)} in a list of strings"), mark


def _text(value: Any, mark: Mark, path: str, run: Canonical) -> Any:
    return sprint(value)


def _list(value: Any, mark: Mark, path: str, run: Canonical) -> Any:
    return Seq.of([(value, mark)]) if isinstance(value, str) else value


def _build(value: Any, mark: Mark, path: str, run: Canonical) -> Any:
    if isinstance(value, str):
        return Map.of([("context", value)], mark)
    return _expect(value, Map, mark, f"{path}: invalid type {go_type(value)} for build")


def _extends(value: Any, mark: Mark, path: str, run: Canonical) -> Any:
    if isinstance(value, str):
        return Map.of([("service", value)], mark)
    return _expect(value, Map, mark, f"{path}: invalid type {go_type(value)} for extends")


def _file_mount(value: Any, mark: Mark, path: str, run: Canonical) -> Any:
    if isinstance(value, str):
        return Map.of([("source", value)], mark)
    return _expect(value, Map, mark, f"{path}: unsupported type {go_type(value)}")


def _gpus(value: Any, mark: Mark, path: str, run: Canonical) -> Any:
    if isinstance(value, str):
        return Seq.of([(Map.of([("count", "all")], mark), mark)])
    return _expect(value, Seq, mark, f"{path}: invalid type {go_type(value)} for gpus")


def _key_values(value: Any, mark: Mark, path: str, run: Canonical) -> Any:
    if isinstance(value, Map):
        return value
    made = Map()
    for item, item_mark in _strings(_expect(value, Seq, mark, f"{path}: invalid type {go_type(value)}"), path):
        name, equals, text = item.partition("=")
        if not equals:
            if run.lenient:
                return value
            raise refuse(f"{path}: invalid value {item}, expected key=value", item_mark)
        made.put(name, text, item_mark)
    return made


def _depends_on(value: Any, mark: Mark, path: str, run: Canonical) -> Any:
    if isinstance(value, Map):
        for name, entry in value.items():
            if not isinstance(entry, Map):
                raise refuse(f"{path}.{name}: unsupported value {sprint(value)}", value.marks[name])
            for key, default in (("condition", "service_started"), ("required", True)):
                if key not in entry:
                    entry.put(key, default, value.marks[name])
        return value
    made = Map()
    listed = _expect(value, Seq, mark, f"{path}: invalid type {go_type(value)} for depend_on")
    for name, item_mark in _strings(listed, path):
        made.put(name, Map.of([("condition", "service_started"), ("required", True)], item_mark), item_mark)
    return made


def _env_files(value: Any, mark: Mark, path: str, run: Canonical) -> Any:
    if isinstance(value, str):
        value = Seq.of([(value, mark)])
    listed: Seq = _expect(value, Seq, mark, f"{path}: invalid type {go_type(value)} for env_file")
    for index, (item, item_mark) in enumerate(list(listed.marked())):
        if isinstance(item, str):
            listed[index] = Map.of([("path", item), ("required", True)], item_mark)
        elif isinstance(item, Map) and "required" not in item:
            item.put("required", True, item_mark)
    return listed


def _names(value: Any, mark: Mark, path: str, run: Canonical) -> Any:
    if not isinstance(value, Seq):
        return value
    made = Map()
    for name, item_mark in _strings(value, path):
        made.put(name, None, item_mark)
    return made


def _mount(value: Any, mark: Mark, path: str, run: Canonical) -> Any:
    if not isinstance(value, str):
        return _expect(value, Map, mark, f"{path}: invalid type {go_type(value)} for service volume mount")
    try:
        long = parse_volume(value, mark)
    except MigopsError:
        if run.lenient:
            return value
        raise
    made = Map()
    for key, entry in long.items():
        made.put(key, Map.of(entry.items(), mark) if isinstance(entry, dict) else entry, mark)
    if made.get("target"):
        made["target"] = clean(made["target"])
    return made


def clean(path: str) -> str:
    """The shortest equal POSIX path, as Go's ``path.Clean`` makes it."""
    normal = posixpath.normpath(path) if path else "."
    return normal[1:] if normal.startswith("//") else normal


def _device(value: Any, mark: Mark, path: str, run: Canonical) -> Any:
    if not isinstance(value, str):
        return _expect(value, Map, mark, f"{path}: invalid type {go_type(value)} for service volume mount")
    fields = value.split(":")
    if len(fields) > 3 and not run.lenient:
        raise refuse(f"confusing device mapping, please use long syntax: {value}", mark)
    source, target, permissions = ("", "", "rwm") if len(fields) > 3 else (*fields, "", "")[:3]
    return Map.of([("source", source), ("target", target or source), ("permissions", permissions or "rwm")], mark)


def _ports(value: Any, mark: Mark, path: str, run: Canonical) -> Any:
    made = Seq()
    listed: Seq = _expect(value, Seq, mark, f"{path}: invalid type {go_type(value)} for port")
    for item, item_mark in listed.marked():
        if isinstance(item, Map):
            made.add(item, item_mark)
            continue
        if not isinstance(item, (str, int)) or isinstance(item, bool):
            raise refuse(f"{path}: invalid type {go_type(item)} for port", item_mark)
        try:
            parsed = parse_port(str(item), item_mark)
        except MigopsError:
            if run.lenient:
                return value
            raise
        for port in parsed:
            made.add(Map.of(port.items(), item_mark), item_mark)
    return made


def _ssh(value: Any, mark: Mark, path: str, run: Canonical) -> Any:
    if isinstance(value, Map):
        return value
    made = Map()
    for item, item_mark in _strings(_expect(value, Seq, mark, f"{path}: invalid type {go_type(value)} for ssh"), path):
        name, equals, key_path = item.partition("=")
        if not equals and name != "default":
            raise refuse(f"invalid ssh key {quoted(item)}", item_mark)
        made.put(name, key_path if equals else None, item_mark)
    return made


def _ulimit(value: Any, mark: Mark, path: str, run: Canonical) -> Any:
    if isinstance(value, Map) or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise refuse(f"{path}: invalid type {go_type(value)} for external", mark)


def _maybe_external(value: Any, mark: Mark, path: str, run: Canonical) -> Any:
    if value is None:
        return None
    _expect(value, Map, mark, f"{path} must be a mapping")
    if not isinstance(value.get("external"), Map):
        return value
    external = value["external"]
    value["external"] = True
    if "name" in external:
        run.warn(f"{path}: external.name is deprecated. Please set name and external: true")
        if "name" in value and value["name"] != external["name"]:
            raise refuse(f"{path}: name and external.name conflict; only use name", external.marks["name"])
        value.put("name", external["name"], external.marks["name"])
    return value


_LONG_FORMS = table(with_hooks({
    "services.*.build": _build,
    "services.*.build.secrets.*": _file_mount,
    "services.*.build.provenance": _text,
    "services.*.build.sbom": _text,
    "services.*.build.additional_contexts": _key_values,
    "services.*.build.ssh": _ssh,
    "services.*.build.ulimits.*": _ulimit,
    "services.*.depends_on": _depends_on,
    "services.*.env_file": _env_files,
    "services.*.label_file": _list,
    "services.*.extends": _extends,
    "services.*.gpus": _gpus,
    "services.*.networks": _names,
    "services.*.models": _names,
    "services.*.volumes.*": _mount,
    "services.*.dns": _list,
    "services.*.devices.*": _device,
    "services.*.secrets.*": _file_mount,
    "services.*.configs.*": _file_mount,
    "services.*.ports": _ports,
    "services.*.ulimits.*": _ulimit,
    "services.*.develop.watch.*.ignore": _list,
    "services.*.develop.watch.*.include": _list,
    "volumes.*": _maybe_external,
    "networks.*": _maybe_external,
    "secrets.*": _maybe_external,
    "configs.*": _maybe_external,
}, CONTAINER_KEYS))  # fmt: skip
