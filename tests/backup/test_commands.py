"""What `migops backup` and `migops restore` refuse before they look at anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit import migops


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("backup", "--list", "--keep", "3"), 2, "--keep and --list cannot be combined"),
        (("restore", "a.dump"), 5, "not a terminal, so I cannot ask; nothing was changed"),
        (("restore",), 2, "Missing argument 'FILE'"),
        (("backup", "--list"), 3, "nowhere"),
    ],
)
def test_refused(tmp_path: Path, words: tuple[str, ...], code: int, said: str) -> None:
    (tmp_path / "compose.yaml").write_text("services:\n  app: {build: .}\n")
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = migrations\n")
    found = migops(*words, cwd=tmp_path)
    assert found.code == code, found.stderr
    assert said in found.stderr
