"""Typing the ``next`` line again and again ends, in the states of the corpus that need no engine."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.cases.shop import Shop
from tests.fixes import host
from tests.fixes.state import State
from tests.kit import EXAMPLES, example, migops

MOST = 4  # commands in a row that only read


def walk(folder: Path) -> list[str]:
    """The texts and commands of the next lines, until one is no command of migops that only reads."""
    said, command = [], "migops doctor --no-engine"
    while command.startswith(("migops doctor", "migops check-image", "migops status", "migops explain")):
        assert len(said) < MOST, said
        found = migops(*shlex.split(command)[1:], cwd=folder)
        assert found.code in (0, 1, 3), found.stderr
        if command.startswith("migops explain"):
            return [*said, "explained"]
        last = [line for line in found.stdout.splitlines() if line.startswith("next   ")]
        assert len(last) == 1, found.stdout
        assert last[0] not in said, "a circle"
        said.append(last[0])
        command = last[0].removeprefix("next   ")
    return said


@pytest.mark.parametrize("state", host.STATES, ids=lambda state: state.rule)
def test_from_every_state_of_a_checkout(state: State, tmp_path: Path) -> None:
    shop = Shop.at(tmp_path)
    state.build(shop)
    assert walk(shop.folder)


@pytest.mark.parametrize("name", sorted(folder.name for folder in EXAMPLES.iterdir() if folder.is_dir()))
def test_from_every_example(name: str, tmp_path: Path) -> None:
    folder = example(name, tmp_path)
    found = migops("doctor", "--no-engine", cwd=folder)
    if found.code == 2:  # several services: each is named
        assert "name one: migops doctor --no-engine " in found.stderr
        return
    assert walk(folder)
