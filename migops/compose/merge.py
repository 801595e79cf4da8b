"""Merging one compose document over another.

Source: compose-go's ``override`` package. The later file wins; most lists append, a few values replace.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from migops.compose.scalars import go_type, sprint
from migops.compose.table import Table, below, table
from migops.compose.tree import Map, Mark, Seq, refuse

Marked = tuple[Any, Mark]
"""A value and its mark."""
Path = tuple[str, ...]


def merge(base: Map, over: Map) -> Map:
    """Merge ``over`` into ``base``, in place. Returns ``base``."""
    return _merge_maps(base, over, (), _SPECIAL)


def extend_service(base: Map, service: Map) -> Map:
    """Merge the extending ``service`` into ``base``, in place. Returns ``base``."""
    return _merge_maps(base, service, ("services", "x"), _SPECIAL["services"]["*"])


def override_resource(imported: Marked, own: Marked, kind: str, name: str) -> Any:
    """An imported resource with the including file's definition of the same name merged over it."""
    rules = below(_SPECIAL, kind)
    return _merge(imported, own, (kind, name), below(rules, name) if rules else None)


def _merge_maps(base: Map, over: Map, path: Path, rules: Table | None) -> Map:
    for key, value in over.items():
        mark = over.marks[key]
        if key not in base:
            base.put(key, value, mark)
            continue
        old_mark = base.marks[key]
        special = below(rules, key) if rules else None
        base[key] = merged = _merge((base[key], old_mark), (value, mark), (*path, key), special)
        if merged is value:
            base.marks[key] = Mark(mark.file, mark.line, old_mark)
    return base


def _merge(old: Marked, new: Marked, path: Path, rules: Table | None) -> Any:
    if rules and "" in rules:
        return rules[""](old, new, path, rules)
    (base, _), (over, mark) = old, new
    if over is None:
        return base
    if isinstance(base, Map) and isinstance(over, Map):
        return _merge_maps(base, over, path, rules)
    if isinstance(base, Seq) and isinstance(over, Seq):
        return Seq.of([*base.marked(), *over.marked()])
    if isinstance(base, (Map, Seq)):
        raise refuse(f"cannot override {'.'.join(path)}", mark)
    return over


def _replace(old: Marked, new: Marked, path: Path, rules: Table) -> Any:
    return new[0]


def _join(old: Marked, new: Marked, path: Path, rules: Table) -> Seq:
    return Seq.of([*_as_items(old), *_as_items(new)])


def _join_new(old: Marked, new: Marked, path: Path, rules: Table) -> Seq:
    items = list(_as_items(old))
    known = [item for item, _ in items]
    return Seq.of([*items, *(item for item in _as_items(new) if item[0] not in known)])


def _merge_build(old: Marked, new: Marked, path: Path, rules: Table) -> Map:
    return _merge_maps(_long_build(old), _long_build(new), path, rules)


def _long_build(build: Marked) -> Map:
    value, mark = build
    if isinstance(value, str):
        return Map.of([("context", value)], mark)
    return value if isinstance(value, Map) else Map()


def _merge_depends_on(old: Marked, new: Marked, path: Path, rules: Table) -> Map:
    started = (("condition", "service_started"), ("required", True))
    return _merge_maps(_as_map(old, path, started), _as_map(new, path, started), path, rules)


def _merge_named(old: Marked, new: Marked, path: Path, rules: Table) -> Map:
    return _merge_maps(_as_map(old, path), _as_map(new, path), path, rules)


def _merge_logging(old: Marked, new: Marked, path: Path, rules: Table) -> Map:
    (base, _), (over, mark) = old, new
    if not isinstance(base, Map) or not isinstance(over, Map):
        raise refuse(f"cannot override {'.'.join(path)}", mark)
    if "driver" in base and "driver" in over and base["driver"] != over["driver"]:
        return over  # the options of another driver do not apply
    return _merge_maps(base, over, path, rules)


def _merge_ipam(old: Marked, new: Marked, path: Path, rules: Table) -> Seq:
    (base, _), (over, mark) = old, new
    if not isinstance(base, Seq) or not isinstance(over, Seq):
        raise refuse(f"{'.'.join(path)}: unexpected type {go_type(over)}", mark)
    pools: list[Marked] = []

    def place(subnet: Any) -> int:
        return next((index for index, (pool, _) in enumerate(pools) if pool.get("subnet") == subnet), -1)

    for original in base.marked():
        known = _as_map(original, path)
        for item in over.marked():
            added = _as_map(item, path)
            if added.get("subnet") != known.get("subnet") and place(added.get("subnet")) < 0:
                pools.append((added, item[1]))
                continue
            merged = _merge_maps(known, added, path, None)
            at = place(merged.get("subnet"))
            if at >= 0:
                pools[at] = (merged, item[1])
            else:
                pools.append((merged, item[1]))
    return Seq.of(pools)


def _as_items(given: Marked) -> Iterable[Marked]:
    """A list's items; a mapping as sorted ``KEY=value`` texts; a text as the only item."""
    value, mark = given
    if isinstance(value, Seq):
        return value.marked()
    if isinstance(value, str):
        return [(value, mark)]
    if not isinstance(value, Map):
        return []
    items: list[Marked] = []
    for key, entry in value.items():
        texts = [key] if entry is None else [f"{key}={sprint(one)}" for one in _listed(entry)]
        items += [(text, value.marks[key]) for text in texts]
    return sorted(items, key=lambda item: item[0].encode())


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _as_map(given: Marked, path: Path, default: tuple[tuple[str, Any], ...] = ()) -> Map:
    """A mapping, or a list of names as a mapping with ``default`` for each."""
    value, _ = given
    if isinstance(value, Map):
        return value
    made = Map()
    if isinstance(value, Seq):
        for name, item_mark in value.marked():
            if not isinstance(name, str):
                raise refuse(f"{'.'.join(path)}: unexpected type {go_type(name)}", item_mark)
            made.put(name, Map.of(default, item_mark) if default else None, item_mark)
    return made


_SPECIAL = table({
    "networks.*.ipam.config": _merge_ipam,
    "services.*.build": _merge_build,
    "services.*.build.extra_hosts": _join_new,
    "services.*.depends_on": _merge_depends_on,
    "services.*.extra_hosts": _join_new,
    "services.*.logging": _merge_logging,
    "services.*.models": _merge_named,
    "services.*.networks": _merge_named,
    "services.*.ulimits.*": _replace,
    **dict.fromkeys(("services.*.command", "services.*.entrypoint", "services.*.healthcheck.test"), _replace),
    **dict.fromkeys(
        (
            "networks.*.labels", "volumes.*.labels", "services.*.annotations", "services.*.build.args",
            "services.*.build.additional_contexts", "services.*.build.labels", "services.*.deploy.labels",
            "services.*.dns", "services.*.dns_opt", "services.*.dns_search", "services.*.env_file",
            "services.*.label_file", "services.*.environment", "services.*.labels", "services.*.sysctls",
            "services.*.tmpfs",
        ),
        _join,
    ),
})  # fmt: skip
