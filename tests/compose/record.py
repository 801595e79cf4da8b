"""``python -m tests.compose.record``: have the compose CLI say again what it makes of our own cases."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.compose.compose_cli import config, program
from tests.compose.support import CASES, Case


def record(case: Case, cli: Path) -> None:
    """Write what ``cli`` says of the case into its ``case.json``."""
    file = CASES / case.name / "case.json"
    kept = json.loads(file.read_text())
    with tempfile.TemporaryDirectory() as folder:
        document, refusal = config(cli, case.copy(Path(folder)), case.arguments, dict(case.environment))
    kept.pop("document", None)
    kept.pop("refusal", None)
    kept["refusal" if document is None else "document"] = refusal if document is None else document
    file.write_text(json.dumps(kept, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    from tests.compose.support import kept

    for one in kept():
        record(one, program())
