"""``extends``: services derived from others, of the same file or another. Source: compose-go's ``loader`` package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from migops.compose.interpolate import interpolate
from migops.compose.layer import Layer, folder_of, long_forms, mapping_of, read_named
from migops.compose.merge import extend_service, merge
from migops.compose.paths import Paths
from migops.compose.reset import TreePath, remove
from migops.compose.scalars import quoted
from migops.compose.tree import Map, Mark, clone, refuse
from migops.compose.unique import keep_last


@dataclass(frozen=True, slots=True)
class _Source:
    """The service definitions of one document, and its ``!reset`` paths."""

    services: Map
    resets: tuple[TreePath, ...]


def apply_extends(document: Map, resets: tuple[TreePath, ...], file: str, layer: Layer) -> None:
    """Merge each service of ``document`` that extends another over its base, in place."""
    if "services" not in document:
        return
    services = document["services"]
    if not isinstance(services, Map):
        raise refuse("services must be a mapping", document.marks["services"])
    run = _Extends(file, layer)
    for name in list(services):
        services[name] = run.extended(name, _Source(services, resets), ())


class _Extends:
    """The services of one document; ``file`` is its file, which compose names in every message."""

    def __init__(self, file: str, layer: Layer) -> None:
        self.file = file
        self.layer = layer

    def extended(self, name: str, source: _Source, seen: tuple[tuple[str, str], ...]) -> Any:
        """The service merged over its base, recursively. ``seen`` are the (file, service) pairs on the way."""
        services = source.services
        service, mark = services[name], services.marks[name]
        if service is None:
            return None
        if not isinstance(service, Map):
            raise refuse(f"services.{name} must be a mapping", mark)
        if "extends" not in service:
            return service
        reference, target = _reference(name, service)
        at = service.marks["extends"]
        if target is not None:
            base_source = self.other_file(name, reference, target, at)
        elif reference in services:
            base_source = source
        else:
            message = f"cannot extend service {quoted(name)} in {self.file}: service {quoted(reference)} not found"
            raise refuse(message, at)
        seen = _track(seen, self.file if target is None else target, name, at)
        base = self.extended(reference, base_source, seen)
        if base is None:
            return service
        base = clone(base)
        remove(Map.of([("services", Map.of([(name, base)], mark))], mark), source.resets)
        services[name] = merged = extend_service(base, service)
        merged.pop("extends", None)
        return merged

    def other_file(self, name: str, reference: str, file: str, mark: Mark) -> _Source:
        """The services of another file, with paths relative to the layer's folder. The file itself is not validated."""
        layer = self.layer
        path, parsed = read_named(file, mark, layer)
        merged = Map()
        resets: tuple[TreePath, ...] = ()
        for document in parsed:
            value = mapping_of(document.value, path)
            if layer.interpolated:
                interpolate(value, layer.environment, layer.notes)
            remove(merged, document.resets)
            resets = document.resets
            merged = merge(merged, value)
            keep_last(merged)
            long_forms(merged, layer)
        services = merged.get("services")
        if services is None:
            raise refuse(f"cannot extend service {quoted(name)} in {path}: no services section", mark)
        if not isinstance(services, Map):
            raise refuse(f"cannot extend service {quoted(name)} in {path}: services must be a mapping", mark)
        if reference not in services:
            message = f"service {quoted(reference)} not found in {file}"
            raise refuse(f"cannot extend service {quoted(name)} in {self.file}: {message}", mark)
        Paths(folder_of(file, layer), layer.home).resolve(merged)
        return _Source(services, resets)


def _reference(name: str, service: Map) -> tuple[str, str | None]:
    extends = service["extends"]
    mark = service.marks["extends"]
    if isinstance(extends, str):
        return extends, None
    reference = extends.get("service") if isinstance(extends, Map) else None
    if not isinstance(reference, str):
        raise refuse(f"extends.{name}.service is required", mark)
    file = extends.get("file")
    if file is not None and not isinstance(file, str):
        raise refuse(f"services.{name}.extends.file must be a string", extends.marks["file"])
    return reference, file


def _track(seen: tuple[tuple[str, str], ...], file: str, name: str, mark: Mark) -> tuple[tuple[str, str], ...]:
    if (file, name) in seen:
        lines = ["Circular reference:", f"  {seen[0][1]} in {seen[0][0]}"]
        lines += [f"  extends {service} in {place}" for place, service in (*seen[1:], (file, name))]
        raise refuse("\n".join(lines), mark)
    return (*seen, (file, name))
