"""Files → one merged document: the order of compose's steps.

For each document of each file: substitute variables, apply ``extends``, ``!reset`` and ``include``, merge over the
documents before it, drop redefined list items, check the schema, expand short forms. Source: compose-go's ``loader``
package.
"""

from __future__ import annotations

from collections.abc import Mapping

from migops.compose.attributes import check_attributes
from migops.compose.defaults import set_defaults
from migops.compose.extends import apply_extends
from migops.compose.include import Files, import_resources, included
from migops.compose.interpolate import interpolate
from migops.compose.layer import Layer, long_forms, mapping_of
from migops.compose.merge import merge
from migops.compose.paths import Paths
from migops.compose.reset import TreePath, remove
from migops.compose.schema import validate
from migops.compose.tree import Map, Seq
from migops.compose.unique import keep_last


def load_files(files: Files, layer: Layer) -> Map:
    """The merged, checked document of several files in order, with its paths resolved. Consumes the documents."""
    merged = Map()
    for file, parsed in files:
        for document in parsed:
            merged = _add_document(merged, mapping_of(document.value, file), document.resets, file, layer)
    set_defaults(merged)
    check_attributes(merged)
    Paths(layer.directory, layer.home).resolve(merged)
    _take_environment(merged, layer.environment)
    return merged


def _add_document(merged: Map, document: Map, resets: tuple[TreePath, ...], file: str, layer: Layer) -> Map:
    if layer.interpolated:
        interpolate(document, layer.environment, layer.notes)
    apply_extends(document, resets, file, layer)
    remove(merged, resets)
    for files, inner in included(document, file, layer):
        import_resources(load_files(files, inner), document, resets)
    merged = merge(merged, document)
    keep_last(merged)
    layer.notes.has_unknown = validate(merged, file) or layer.notes.has_unknown
    if "version" in merged:
        layer.notes.obsolete_version(file)
        del merged["version"]
    long_forms(merged, layer)
    return merged


def _take_environment(document: Map, environment: Mapping[str, str]) -> None:
    """Give a name without a value in a service's list its value from this layer's environment."""
    services = document.get("services")
    for service in services.values() if isinstance(services, Map) else ():
        listed = service.get("environment") if isinstance(service, Map) else None
        if isinstance(listed, Seq):
            for index, item in enumerate(listed):
                if item in environment:
                    listed[index] = f"{item}={environment[item]}"
