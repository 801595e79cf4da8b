"""Zero, empty and missing values at every place that the specification has: read, or refused, and never a traceback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from migops.compose.render import to_json
from migops.compose.specification import DOCUMENT, Rule
from migops.core.errors import ExitCode, MigopsError
from tests.compose.support import read_text

FALSY: list[Any] = [0, "", None, [], {}, False]
Step = tuple[str | int, Rule]
"""A key, or 0 for a list's item, and the rule of the object or list."""


def places(rule: Rule, path: tuple[Step, ...], seen: tuple[int, ...]) -> Iterator[tuple[Step, ...]]:
    """Every path of the specification; what hooks and jobs have in common with services only once."""
    yield path
    if id(rule) in seen or (len(path) > 4 and {"jobs", "pre_start"} & {key for key, _ in path}):
        return
    for each in rule.alternatives or (rule,):
        below = [*each.keys.items(), *([("web", each.others)] if each.others else [])]
        below += [(0, each.items)] if each.items else []  # type: ignore[list-item]
        for key, inner in below:
            yield from places(inner, (*path, (key, each)), (*seen, id(rule)))


def sample(rule: Rule) -> Any:
    """A value that the rule accepts."""
    if rule.alternatives:
        return sample(rule.alternatives[0])
    kind = rule.types[0] if rule.types else "string"
    values = {"string": rule.choices[0] if rule.choices else "x", "integer": 1, "number": 1, "boolean": True}
    if kind == "object":
        return {key: sample(rule.keys[key]) for key in rule.required}
    return [sample(rule.items)] if kind == "array" and rule.items else values.get(kind)


def document(path: tuple[Step, ...], value: Any) -> Any:
    """The smallest document with the value at the path."""
    if not path:
        return value
    (key, rule), rest = path[0], path[1:]
    inner = document(rest, value)
    return [inner] if key == 0 else {**{each: sample(rule.keys[each]) for each in rule.required}, str(key): inner}


def complete(made: dict[str, Any]) -> dict[str, Any]:
    services = made.setdefault("services", {"web": {}})
    for service in services.values() if isinstance(services, dict) else ():
        if isinstance(service, dict):
            service.setdefault("image", "x")
    return made


@pytest.mark.parametrize("value", FALSY, ids=json.dumps)
def test_nothing_falsy_is_a_traceback(value: Any, tmp_path: Path) -> None:
    outcomes = [
        outcome(tmp_path, json.dumps(complete(document(path, value)))) for path in places(DOCUMENT, (), ()) if path
    ]
    errors = [each for each in outcomes if each is not None]
    assert len(errors) > 20
    assert len(outcomes) - len(errors) > 20
    assert [str(error) for error in errors if error.exit_code != ExitCode.USAGE or error.at is None] == []


def outcome(folder: Path, text: str) -> MigopsError | None:
    """The refusal of a file; None if it is read and can be printed."""
    try:
        assert to_json(read_text(folder, text))
    except MigopsError as error:
        return error
    return None


def test_a_profile_without_a_name_is_always_on(tmp_path: Path) -> None:
    project = read_text(tmp_path, "services: {a: {image: a, profiles: ['']}, b: {image: b, profiles: [x]}}\n")
    assert (list(project.services), list(project.inactive)) == (["a"], ["b"])


def test_a_project_directory_is_one_text(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("services: {a: {image: a}}\n")
    with pytest.raises(MigopsError, match=r"include.*project_directory"):
        read_text(tmp_path, "include: [{path: a.yaml, project_directory: []}]\n")
