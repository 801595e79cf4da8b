"""Each state, its fix followed as printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cases.shop import Shop
from tests.fixes import host
from tests.fixes.state import State, follow


@pytest.mark.parametrize("state", host.STATES, ids=lambda state: state.rule)
def test_the_fix_as_printed(state: State, tmp_path: Path) -> None:
    shop = Shop.at(tmp_path)
    state.build(shop)
    follow(state, shop)
