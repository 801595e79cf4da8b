"""Our reading against what BuildKit was seen to do (``recorded.json``)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migops.dockerfile.trace import BuildView, trace
from tests.dockerfile.buildkit import make_tree, predicted
from tests.dockerfile.cases import CASES, FILES
from tests.dockerfile.record import RECORDED

_OUTCOMES = json.loads(RECORDED.read_text())


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cases") / "context"
    make_tree(root, FILES)
    return root


def test_every_case_is_recorded() -> None:
    assert set(_OUTCOMES) == set(CASES)
    assert all(outcome and "" not in outcome for outcome in _OUTCOMES.values())


@pytest.mark.parametrize("name", CASES)
def test_the_same_files_as_buildkit(context: Path, name: str) -> None:
    dockerfile = context.parent / "Dockerfile"
    dockerfile.write_bytes(CASES[name].encode())
    view = trace(dockerfile, context)
    assert isinstance(view, BuildView)
    assert view.failures == ()
    assert dict(predicted(view)) == _OUTCOMES[name]
