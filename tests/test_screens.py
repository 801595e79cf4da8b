"""The README's pictures: they load nothing, and show the findings that the commands print today."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.demo import DELETED
from tests.kit import example, git, migops, repository, write_image
from tests.screens import FOLDER, OPTIONS, SCREENS, picture, shown

FINDING = re.compile(r"(?m)^ *(MIG\d+ [\w-]+ \(\w+\))$")


@pytest.mark.parametrize("name", SCREENS)
def test_a_picture_is_used_loads_nothing_and_shows_its_command(name: str) -> None:
    text = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    assert f"docs/screens/{name}.svg" in (FOLDER.parents[1] / "README.md").read_text(encoding="utf-8")
    assert "@font-face" not in text
    assert "url(http" not in text
    assert shown(text).startswith(f"$ {SCREENS[name].command}\n")


def test_what_is_drawn_can_be_read_again() -> None:
    drawn = picture("x", "migops x", "\x1b[31mMIG001 <ghost> (error)\x1b[0m\n  \x1b[1mwhy\x1b[0m  a & b\n")
    assert shown(drawn) == "$ migops x\nMIG001 <ghost> (error)\n  why  a & b"


def test_the_findings_are_those_of_today(tmp_path: Path) -> None:
    """In the same example, with its image from an archive instead of an engine."""
    project = example("stale-image", tmp_path)
    (project / DELETED).write_bytes((project / "last-week" / Path(DELETED).name).read_bytes())
    repository(project)
    image = write_image(tmp_path / "app.tar", {"/app": project / "app"})
    (project / DELETED).unlink()
    git(project, "commit", "-q", "-am", "Give up on product discount")
    words = ("check-image", *OPTIONS.split(), "--image", f"docker-archive:{image}", "app")
    today = migops(*words, cwd=project)
    pictured = shown((FOLDER / "check-image.svg").read_text(encoding="utf-8"))
    assert today.code == 1
    assert FINDING.findall(today.stdout) == FINDING.findall(pictured)
    assert "deleted in git by commit" in pictured
    status = FINDING.findall(shown((FOLDER / "status.svg").read_text(encoding="utf-8")))
    assert status == [*FINDING.findall(pictured), "MIG402 database-behind (warning)"]
