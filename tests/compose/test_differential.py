"""Projects that hypothesis makes, read by the compose CLI and by us: both must say the same."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings

from migops.compose import load
from migops.compose.render import to_json
from migops.compose.verify import differences
from migops.core.errors import MigopsError
from tests.compose.compose_cli import config, program
from tests.compose.projects import Made, projects
from tests.compose.support import PLACE, options

EXAMPLES = int(os.environ.get("MIGOPS_TEST_EXAMPLES", "80"))

NEWER = "conflicts with imported resource"
"""What 2.40 refuses and compose 5 merges, as we do: shown in test_include_override.py."""


@pytest.fixture(scope="session")
def cli() -> Path:
    return program()


@pytest.mark.engine
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
@given(made=projects())
def test_both_read_a_project_alike(cli: Path, made: Made) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "made")
        made.write(folder)
        theirs, refusal = config(cli, folder, made.arguments, made.environment)
        ours, error = _ours(folder, made)
    if theirs is None and NEWER in refusal:
        assume(ours is None)  # else there is nothing to compare with: no compose 5 is here
    if theirs is None:
        assert ours is None, f"compose refuses: {refusal}"
        assert error is not None
        assert error.at is not None, f"no place is named: {error}"
    else:
        assert error is None, f"we refuse: {error}"
        assert [(".".join(one.path), one.ours, one.theirs) for one in differences(ours, theirs)] == []


def _ours(folder: Path, made: Made) -> tuple[object, MigopsError | None]:
    known = {"PATH": os.environ["PATH"], "HOME": "/home/ci", **made.environment}
    try:
        shown = to_json(load(options(made.arguments), known, cwd=str(folder)))
    except MigopsError as error:
        return None, error
    return json.loads(shown.replace(str(folder), PLACE)), None
