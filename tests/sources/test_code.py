"""--all-files compares the application's code, and not what git keeps beside it."""

from __future__ import annotations

from pathlib import Path

from tests.images.build import link
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


def test_links_are_compared_as_links(tmp_path: Path) -> None:
    project = example("clean", tmp_path)
    (project / "settings.py").symlink_to("main.py")
    check = ("check-image", "--image", "docker-archive:../app.tar", "--all-files", "--format", "json")
    for target, rules in (("main.py", []), ("models.py", ["MIG101"])):
        (project / "settings.py").unlink()
        write_image(tmp_path / "app.tar", {"/app": project}, link("app/settings.py", target))
        (project / "settings.py").symlink_to("main.py")
        found = migops(*check, cwd=project)
        assert found.rules == rules, found.stdout


def test_what_python_compiled_beside_its_source_is_no_code(tmp_path: Path) -> None:
    """A run with the code mounted leaves __pycache__ on the host; a compiled file without its source is loaded."""
    project = example("clean", tmp_path)
    write_image(tmp_path / "app.tar", {"/app": project})
    (project / ".dockerignore").write_text("")
    check = ("check-image", "--image", "docker-archive:../app.tar", "--all-files", "--format", "json")
    before = migops(*check, cwd=project).rules
    (project / "__pycache__").mkdir()
    (project / "__pycache__/models.cpython-311.pyc").write_bytes(b"\x00")
    assert migops(*check, cwd=project).rules == before
    (project / "legacy.pyc").write_bytes(b"\x00")
    assert migops(*check, cwd=project).rules != before
