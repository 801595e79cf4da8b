"""How much a clean check-image imports: each module more costs every run its start-up time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit import NO_ENGINE, example

MODULES = {"text": 152, "json": 151}
"""The most modules of migops that a clean run may import. Lower it when you have saved one; never raise it lightly."""
PACKAGES = {"text": {"click", "rich", "yaml"}, "json": {"click", "yaml"}}
"""The packages of others that it imports."""
PROGRAM = """
import json, sys
before = set(sys.modules)
from migops.cli.main import run
code = run(["check-image", "--no-engine", "--format", sys.argv[1]])
names = set(sys.modules) - before
print(json.dumps([code, sorted(names), sorted(sys.stdlib_module_names)]), file=sys.stderr)
"""


@pytest.mark.parametrize("format_", MODULES)
def test_a_clean_check_image_imports_no_more_than_it_did(format_: str, tmp_path: Path) -> None:
    project = example("clean", tmp_path)
    done = subprocess.run(
        (sys.executable, "-c", PROGRAM, format_), cwd=project, env={**NO_ENGINE, "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    code, names, standard = json.loads(done.stderr)
    assert code == 0
    ours = [name for name in names if name.partition(".")[0] == "migops"]
    assert len(ours) <= MODULES[format_], ours
    tops = {name.partition(".")[0] for name in names} - {*standard, "migops"}
    assert {name for name in tops if not name.startswith(("_", "cython"))} == PACKAGES[format_]
