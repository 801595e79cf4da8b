"""Merging one compose document over another.

Source: compose-go's ``override`` package. What the later file says wins; most lists append, a few things replace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from migops.compose.scalars import go_type, sprint
from migops.compose.table import Table, below, table
from migops.compose.tree import Map, Mark, Seq, refuse

Marked = tuple[Any, Mark]
Merge = Callable[[Any, Any, Mark, Table], Any]


def merge(base: Map, over: Map) -> Map:
    """``base`` with everything that ``over`` says; changes and returns ``base``."""
    return _merge_maps(base, over, (), _SPECIAL)


def extend_service(base: Map, service: Map) -> Map:
    """The service ``base`` with everything that the extending ``service`` says; changes and returns ``base``."""
    return _merge_maps(base, service, ("services", "x"), _SPECIAL["services"]["*"])


def _merge_maps(base: Map, over: Map, path: tuple[str, ...], rules: Table | None) -> Map:
    for key, value in over.items():
        mark = over.marks[key]
        if key not in base:
            base.put(key, value, mark)
            continue
        old = base[key]
        base[key] = merged = _merge(old, value, mark, (*path, key), below(rules, key) if rules else None)
        if merged is value:
            base.marks[key] = Mark(mark.file, mark.line, base.marks[key])
    return base


def _merge(old: Any, new: Any, mark: Mark, path: tuple[str, ...], rules: Table | None) -> Any:
    if rules and "" in rules:
        return rules[""](old, new, mark, path, rules)
    if new is None:
        return old
    if isinstance(old, Map):
        if not isinstance(new, Map):
            raise refuse(f"cannot override {'.'.join(path)}", mark)
        return _merge_maps(old, new, path, rules)
    if isinstance(old, Seq):
        if not isinstance(new, Seq):
            raise refuse(f"cannot override {'.'.join(path)}", mark)
        return Seq.of([*old.marked(), *new.marked()])
    return new


def _replace(old: Any, new: Any, mark: Mark, path: tuple[str, ...], rules: Table) -> Any:
    return new


def _join(old: Any, new: Any, mark: Mark, path: tuple[str, ...], rules: Table) -> Seq:
    return Seq.of([*_as_items(old, mark), *_as_items(new, mark)])


def _join_new(old: Any, new: Any, mark: Mark, path: tuple[str, ...], rules: Table) -> Seq:
    items = list(_as_items(old, mark))
    known = [item for item, _ in items]
    return Seq.of([*items, *(item for item in _as_items(new, mark) if item[0] not in known)])


def _merge_build(old: Any, new: Any, mark: Mark, path: tuple[str, ...], rules: Table) -> Map:
    def long(build: Any) -> Map:
        if isinstance(build, str):
            return Map.of([("context", build)], mark)
        return build if isinstance(build, Map) else Map()

    return _merge_maps(long(old), long(new), path, rules)


def _merge_depends_on(old: Any, new: Any, mark: Mark, path: tuple[str, ...], rules: Table) -> Map:
    started = (("condition", "service_started"), ("required", True))
    return _merge_maps(_as_map(old, mark, path, started), _as_map(new, mark, path, started), path, rules)


def _merge_named(old: Any, new: Any, mark: Mark, path: tuple[str, ...], rules: Table) -> Map:
    return _merge_maps(_as_map(old, mark, path), _as_map(new, mark, path), path, rules)


def _merge_logging(old: Any, new: Any, mark: Mark, path: tuple[str, ...], rules: Table) -> Map:
    if not isinstance(old, Map) or not isinstance(new, Map):
        raise refuse(f"cannot override {'.'.join(path)}", mark)
    if "driver" in old and "driver" in new and old["driver"] != new["driver"]:
        return new  # another driver: its options are not the old one's
    return _merge_maps(old, new, path, rules)


def _merge_ipam(old: Any, new: Any, mark: Mark, path: tuple[str, ...], rules: Table) -> Seq:
    if not isinstance(old, Seq) or not isinstance(new, Seq):
        raise refuse(f"{'.'.join(path)}: unexpected type {go_type(new)}", mark)
    pools: list[Marked] = []

    def place(subnet: Any) -> int:
        return next((index for index, (pool, _) in enumerate(pools) if pool.get("subnet") == subnet), -1)

    for original, original_mark in old.marked():
        base = _as_map(original, original_mark, path)
        for item, item_mark in new.marked():
            over = _as_map(item, item_mark, path)
            if over.get("subnet") != base.get("subnet") and place(over.get("subnet")) < 0:
                pools.append((over, item_mark))
                continue
            merged = _merge_maps(base, over, path, None)
            at = place(merged.get("subnet"))
            if at >= 0:
                pools[at] = (merged, item_mark)
            else:
                pools.append((merged, item_mark))
    return Seq.of(pools)


def _as_items(value: Any, mark: Mark) -> Iterable[Marked]:
    """A list's items; a mapping's as sorted ``KEY=value`` texts; a text as the only item."""
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


def _as_map(value: Any, mark: Mark, path: tuple[str, ...], default: tuple[tuple[str, Any], ...] = ()) -> Map:
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
