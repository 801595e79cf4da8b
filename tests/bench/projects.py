"""Projects for measuring: the clean example with as many revisions as are wanted."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.kit import EXAMPLES


def numbered(folder: Path, name: str, revisions: int) -> Path:
    """A copy of the clean example whose history is a line of so many revisions."""
    project = Path(shutil.copytree(EXAMPLES / "clean", folder / name))
    versions = project / "migrations" / "versions"
    pattern = next(versions.glob("a94*.py")).read_text()
    for old in versions.iterdir():
        old.unlink()
    for number in range(revisions):
        text = pattern.replace("a94d5e61c8f3", f"r{number:05}")
        parent = f'"r{number - 1:05}"' if number else "None"
        (versions / f"r{number:05}_step.py").write_text(text.replace('"3f1c0a7be210"', parent))
    return project
