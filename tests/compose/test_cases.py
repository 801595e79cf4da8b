"""Our own cases: every disagreement with the compose CLI that was found and mended, and traps worth keeping."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compose.compose_cli import config, program
from tests.compose.support import Case, kept

KEPT = list(kept())


@pytest.mark.parametrize("case", KEPT, ids=lambda case: case.name)
def test_a_kept_case_is_read_as_compose_reads_it(case: Case, tmp_path: Path) -> None:
    document, refusal = case.read(tmp_path)
    if case.refusal is None or case.newer:
        assert refusal is None
        assert document == (case.newer or case.document)
    else:
        assert refusal is not None
        assert case.refusal in refusal.message.replace(str(tmp_path / case.name), "@CASE@")
        assert refusal.at is not None
        assert refusal.at.line


@pytest.mark.engine
@pytest.mark.parametrize("case", KEPT, ids=lambda case: case.name)
def test_a_kept_case_is_still_what_compose_says(case: Case, tmp_path: Path) -> None:
    document, refusal = config(program(), case.copy(tmp_path), case.arguments, dict(case.environment))
    assert (document, refusal) == (case.document, case.refusal or "")
