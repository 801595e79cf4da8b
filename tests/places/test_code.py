"""--all-files compares the application's code, and not what git keeps beside it."""

from __future__ import annotations

from pathlib import Path

from tests.kit import example, git, migops, repository, write_image


def test_version_control_folders_are_left_out(tmp_path: Path) -> None:
    project = repository(example("clean", tmp_path))
    write_image(tmp_path / "app.tar", {"/app": project})
    (project / "README").write_text("")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "second")
    (project / "README").unlink()
    found = migops(
        "check-image", "--image", "docker-archive:../app.tar", "--all-files", "--format", "json", cwd=project
    )
    assert (found.code, found.json["findings"]) == (0, [])
