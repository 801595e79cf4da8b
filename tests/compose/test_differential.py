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

NEWER = ("conflicts with imported resource", "file|environment|content attributes are mutually exclusive")
"""What 2.40 refuses and we read: what compose 5 merges (test_include_override.py), and a config of an included file by
``environment``: 2.40 has filled in its content when it checks it again (test_a_config_of_an_included_file)."""


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
    if theirs is None and any(text in refusal for text in NEWER):
        assume(ours is None)  # else there is nothing to compare with
    if theirs is None:
        assert ours is None, f"compose refuses: {refusal}"
        assert error is not None
        assert error.at is not None, f"no place is named: {error}"
    else:
        assert error is None, f"we refuse: {error}"
        assert [(".".join(one.path), one.ours, one.theirs) for one in differences(ours, theirs)] == []


@pytest.mark.engine
def test_a_config_of_an_included_file(cli: Path, tmp_path: Path) -> None:
    """2.40 refuses it only where the variable is set; nothing in the files contradicts itself, so we read it."""
    texts = {
        "compose.yaml": "include: [inc.yaml]\nservices:\n  app:\n    image: app\n",
        "inc.yaml": "configs:\n  c1:\n    environment: TAG\n",
    }
    made = Made(texts, (), {"TAG": "t1"})
    made.write(tmp_path)
    theirs, refusal = config(cli, tmp_path, made.arguments, made.environment)
    assert theirs is None
    assert NEWER[1] in refusal
    assert _ours(tmp_path, made)[1] is None


def _ours(folder: Path, made: Made) -> tuple[object, MigopsError | None]:
    known = {"PATH": os.environ["PATH"], "HOME": "/home/ci", **made.environment}
    try:
        shown = to_json(load(options(made.arguments), known, cwd=str(folder)))
    except MigopsError as error:
        return None, error
    return json.loads(shown.replace(str(folder), PLACE)), None
