"""The reader's tables against the key names of compose-go's newest schema."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from migops.compose.fields import SECTIONS
from migops.compose.specification import CONTAINER_KEYS, DOCUMENT, OF_SERVICES, OF_WORKLOADS, Rule
from tests.compose.compose_go_keys import CONTAINER, KEYS, SERVICE_ONLY, WORKLOAD


def objects(rule: Rule, at: tuple[Rule, ...]) -> Iterator[Rule]:
    """The rules with named keys among the alternatives of a value; ``at``: those on the way, as rules may be nested."""
    for each in rule.alternatives or (rule,):
        if each not in at:
            yield each


def at_path(path: str) -> Rule:
    """The rule with named keys at a path of KEYS."""
    rules = [DOCUMENT]
    for step in path.split(".") if path else ():
        below = []
        for rule in (found for each in rules for found in objects(each, ())):
            if step == "[]" and rule.items is not None:
                below.append(rule.items)
            elif step == "*" and rule.others is not None:
                below.append(rule.others)
            elif step in rule.keys:
                below.append(rule.keys[step])
        rules = below
    with_keys = [rule for each in rules for rule in objects(each, ()) if rule.keys]
    assert len(with_keys) == 1, path
    return with_keys[0]


@pytest.mark.parametrize("path", KEYS, ids=lambda path: path or "document")
def test_the_specification_has_exactly_these_keys(path: str) -> None:
    assert set(at_path(path).keys) == set(KEYS[path].split())


def test_no_object_of_the_specification_is_left_out() -> None:
    def walk(rule: Rule, path: str, seen: tuple[int, ...]) -> Iterator[str]:
        if id(rule) in seen:
            return
        for each in rule.alternatives or (rule,):
            if each.keys:
                yield path
            below = {
                **each.keys,
                **({"*": each.others} if each.others else {}),
                **({"[]": each.items} if each.items else {}),
            }
            for step, inner in below.items():
                yield from walk(inner, f"{path}.{step}" if path else step, (*seen, id(rule)))

    # Objects that several places share need to be listed at one of them only.
    shared = {id(at_path(path)) for path in KEYS}
    left = [path for path in dict.fromkeys(walk(DOCUMENT, "", ())) if id(at_path(path)) not in shared]
    assert left == ["secrets.*.external", "configs.*.external"]  # open objects: any key passes


def test_the_layers_of_a_service() -> None:
    assert set(CONTAINER.split()) == CONTAINER_KEYS
    assert set(WORKLOAD.split()) == OF_WORKLOADS
    assert OF_SERVICES | {"pre_start"} == set(SERVICE_ONLY.split())


def test_every_key_of_a_service_is_in_the_model() -> None:
    left = set(KEYS["services.*"].split()) - SECTIONS["services"].keys()
    assert left == {
        "pull_refresh_after"
    }  # in the schema and in no type of compose-go, so that compose prints it nowhere
