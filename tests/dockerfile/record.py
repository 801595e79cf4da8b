"""``python -m tests.dockerfile.record``: what BuildKit makes of every case, written to ``recorded.json``."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.dockerfile import buildkit
from tests.dockerfile.cases import CASES, FILES

RECORDED = Path(__file__).with_name("recorded.json")


def outcomes(env: Mapping[str, str], folder: Path) -> dict[str, dict[str, str]]:
    """Every case built on the engine that ``env`` leads to; BuildKit's words under "" where it refused."""
    context = folder / "context"
    buildkit.make_tree(context, FILES)
    found = {}
    for number, (name, text) in enumerate(CASES.items()):
        try:
            found[name] = dict(sorted(buildkit.build(env, context, text, folder / f"out{number}").items()))
        except buildkit.BuildFailedError as error:
            found[name] = {"": str(error)}
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        found = outcomes(os.environ, Path(scratch))
    RECORDED.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
