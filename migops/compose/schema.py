"""Validation of a document against the types of ``specification``.

The deepest faults are reported, with the messages of compose's own validator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from migops.compose.specification import DOCUMENT, Rule
from migops.compose.tree import Map, Mark, Seq, Timestamp, raise_all, refuse
from migops.compose.unknown import UnknownKey, is_misspelt, nearest

_TYPE_WORDS = {"object": "mapping"}


@dataclass(slots=True)
class Fault:
    """A violation: its path and mark, compose's message, and its depth in the document."""

    path: tuple[str, ...]
    message: str
    mark: Mark | None
    depth: int
    unknown: tuple[str, ...] = ()
    """Keys that may be those of a newer compose: in an object with named keys, and no misspelling."""
    rule: Rule | None = None
    """The rule of the object with the unknown keys."""
    hint: str = ""


def validate(document: Map, file: str) -> bool:
    """Raise compose's error if ``document`` (as merged so far) does not match the specification's types.

    A key that is not known passes, unless it is a misspelling of a known one. Returns True if there is such a key:
    ``unknown_keys`` lists them.
    """
    is_project = "services" in document or "include" in document
    everything = _check(document, DOCUMENT, (), Mark(file, 1))
    faults = [fault for fault in everything if not (fault.unknown and (fault.path or is_project))]
    hint = "" if is_project else "a compose file has its services under `services:`"
    deepest = max((fault.depth for fault in faults), default=0)
    # The first fault of each path: the others come from further alternatives for the value.
    first = {fault.path: fault for fault in reversed(faults) if fault.depth == deepest}
    raise_all(
        [
            refuse(f"validating {file}: {'.'.join(path)} {fault.message}", fault.mark, fault.hint or hint)
            for path, fault in reversed(first.items())
        ]
    )
    return bool(everything)


def unknown_keys(document: Map) -> list[UnknownKey]:
    """The keys of a document that the specification does not have, by file and line."""
    keys = [
        UnknownKey((*fault.path, key), container[key], container.marks[key], nearest(key, fault.rule.keys))
        for fault in _check(document, DOCUMENT, (), None)
        if fault.unknown and fault.rule
        for container in [_at(document, fault.path)]
        for key in fault.unknown
    ]
    return sorted(keys, key=lambda key: (key.mark.file, key.mark.line))


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        value = value[int(step)] if isinstance(value, Seq) else value[step]
    return value


def _check(value: Any, rule: Rule, path: tuple[str, ...], mark: Mark | None) -> list[Fault]:
    kind = _type(value)
    if kind == "timestamp":
        return [Fault(path, "invalid jsonType time.Time", mark, len(path))]
    if rule.types and kind not in rule.types and not (kind == "integer" and "number" in rule.types):
        return [Fault(path, f"must be a {_words(rule.types)}", mark, len(path))]
    if rule.alternatives:
        return _check_alternatives(value, rule.alternatives, path, mark)
    if kind == "object":
        return _check_object(value, rule, path, mark) if rule.types else []
    if kind == "array":
        return _check_list(value, rule, path, mark) if rule.items or rule.unique else []
    return _check_scalar(value, rule, path, mark)


def _check_alternatives(value: Any, rules: tuple[Rule, ...], path: tuple[str, ...], mark: Mark | None) -> list[Fault]:
    faults: list[Fault] = []
    passing: list[Fault] | None = None
    for rule in rules:
        own = _check(value, rule, path, mark)
        if not own:
            return []
        if all(fault.unknown for fault in own):
            passing = own
        faults += own
    return faults if passing is None else passing


def _check_object(value: Any, rule: Rule, path: tuple[str, ...], mark: Mark | None) -> list[Fault]:
    faults = []
    missing = [key for key in rule.required if key not in value]
    if missing:
        word = "property" if len(missing) == 1 else "properties"
        faults.append(Fault(path, f"missing {word} {_quote(missing)}", mark, len(path)))
    unknown = []
    marks = value.marks if isinstance(value, Map) else {}
    for key, entry in value.items():
        below = rule.keys.get(key)
        if below is None and rule.names is not None and rule.names.match(key):
            below = rule.others
        if below is not None:
            faults += _check(entry, below, (*path, key), marks.get(key, mark))
        elif rule.closed and not (rule.extensible and key.startswith("x-")):
            unknown.append(key)
    if unknown:
        message = f"additional properties {_quote(unknown)} not allowed"
        newer = rule.names is None and not any(key.startswith("x-") or is_misspelt(key, rule.keys) for key in unknown)
        meant = [nearest(key, rule.keys) for key in unknown if is_misspelt(key, rule.keys)]
        hint = f"did you mean {' and '.join(f'`{key}`' for key in meant)}?" if meant else ""
        at = marks.get(unknown[0], mark)
        faults.append(Fault(path, message, at, len(path) + 1, tuple(unknown) if newer else (), rule, hint))
    return faults


def _check_list(value: Any, rule: Rule, path: tuple[str, ...], mark: Mark | None) -> list[Fault]:
    faults = []
    marks = value.marks if isinstance(value, Seq) else [mark] * len(value)
    if rule.unique:
        seen: dict[Any, int] = {}
        for index, item in enumerate(value):
            key = _identity(item)
            if key in seen:
                message = f"items at {seen[key]} and {index} are equal"
                faults.append(Fault(path, message, marks[index], len(path)))
                break
            seen[key] = index
    if rule.items is not None:
        for index, item in enumerate(value):
            faults += _check(item, rule.items, (*path, str(index)), marks[index])
    return faults


def _check_scalar(value: Any, rule: Rule, path: tuple[str, ...], mark: Mark | None) -> list[Fault]:
    message = ""
    if rule.choices and value not in rule.choices:
        several = ", ".join(f"'{choice}'" for choice in rule.choices)
        message = f"value must be one of {several}" if len(rule.choices) > 1 else f"value must be {several}"
    elif rule.pattern is not None and isinstance(value, str) and not rule.pattern.search(value):
        message = f"'{value}' does not match pattern '{rule.pattern.pattern}'"
    elif not isinstance(value, str) and rule.least is not None and value < rule.least:
        message = f"must be greater than or equal to {rule.least}"
    elif not isinstance(value, str) and rule.most is not None and value > rule.most:
        message = f"must be less than or equal to {rule.most}"
    return [Fault(path, message, mark, len(path))] if message else []


def _type(value: Any) -> str:
    if isinstance(value, str):
        return "timestamp" if isinstance(value, Timestamp) else "string"
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "array"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    return "integer" if isinstance(value, int) or value.is_integer() else "number"


def _words(types: tuple[str, ...]) -> str:
    words = sorted(_TYPE_WORDS.get(kind, kind) for kind in types)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _quote(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _identity(item: Any) -> Any:
    """A hashable key: equal for items that are equal to JSON Schema."""
    if isinstance(item, dict):
        return ("object", frozenset((key, _identity(entry)) for key, entry in item.items()))
    if isinstance(item, list):
        return ("array", tuple(_identity(entry) for entry in item))
    return (isinstance(item, bool), item)
