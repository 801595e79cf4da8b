"""`make release`: its checks on repositories and archives made for them, and the real package, built offline."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from migops import __version__
from tests.kit import git, repository
from tests.release import building, changelog, checks

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
CHANGES = "# Changelog\n\n## Unreleased\n\n## 1.2.0 - 2026-11-28\n\n- More.\n\n## 1.1.0 - 2026-11-24\n\n- First.\n"
PACKAGE = {"migops/__init__.py", "migops/py.typed", "migops/schema/catalogue.sql"}
METADATA = {
    "METADATA": "Metadata-Version: 2.4\nName: migops\nVersion: 1.2.0\n",
    "RECORD": "",
    "entry_points.txt": checks.SCRIPT,
    "licenses/LICENSE": "MIT",
}


class TestThisRepository:
    def test_the_version_is_in_one_place(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
        assert "version" not in project["project"]
        assert project["project"]["dynamic"] == ["version"]
        assert project["tool"]["hatch"]["version"] == {"path": "migops/__init__.py"}

    def test_the_changelog_has_a_dated_section_for_each_release(self) -> None:
        sections = changelog.parse((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
        assert changelog.problems(sections) == []
        assert sections[0].version in (changelog.UNRELEASED, __version__)
        dated = {section.version for section in sections if section.released}
        assert dated
        tags = git(ROOT, "tag", "--list", "v[0-9]*").split() if (ROOT / ".git").exists() else []
        assert {tag.removeprefix("v") for tag in tags} <= dated

    def test_what_is_not_released_stands_under_headings(self) -> None:
        sections = changelog.parse((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
        for section in sections:
            if section.version == changelog.UNRELEASED and section.text:
                assert section.text.startswith("### ")

    def test_its_packages_are_whole(self, tmp_path: Path) -> None:
        """Built by the real backend from a copy of the files that git tracks, as they are now."""
        copy, out = tmp_path / "copy", tmp_path / "out"
        tracked = set(git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines())
        tracked = {name for name in tracked if (ROOT / name).exists()}
        for name in tracked:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)
        repository(copy)
        built = building.build(copy, out, isolated=False)
        package = {name for name in tracked if name.startswith("migops/")}
        assert {"migops/py.typed", "migops/cli/main.py"} <= package
        assert checks.wheel(built.wheel, __version__, package) == []
        assert checks.sdist(built.sdist, __version__, tracked) == []
        assert checks.same_wheel(built.wheel, built.again) == []


class TestChangelog:
    def test_sections(self) -> None:
        found = changelog.parse(CHANGES)
        assert [(section.version, str(section.released), section.text) for section in found] == [
            ("Unreleased", "None", ""),
            ("1.2.0", "2026-11-28", "- More."),
            ("1.1.0", "2026-11-24", "- First."),
        ]
        assert changelog.problems(found) == []

    @pytest.mark.parametrize(
        ("old", "new", "problem"),
        [
            ("1.1.0 - 2026-11-24", "1.1.0", "not of the form"),
            ("1.1.0 - 2026-11-24", "1.1.0 - 2026-11-31", "not of the form"),
            ("1.1.0 - 2026-11-24", "1.1.0 - 24.11.2026", "not of the form"),
            ("1.1.0 - 2026-11-24", "1.1.0 - 2026-11-29", "later date"),
            ("1.1.0 - 2026-11-24", "1.10.0 - 2026-11-24", "newer version"),
            ("1.1.0 - 2026-11-24", "1.2.0 - 2026-11-24", "two sections"),
            ("1.1.0 - 2026-11-24", "Unreleased", "not at the top"),
        ],
    )
    def test_problems(self, old: str, new: str, problem: str) -> None:
        (found,) = changelog.problems(changelog.parse(CHANGES.replace(old, new)))
        assert problem in found


class TestTree:
    @pytest.fixture
    def checkout(self, tmp_path: Path) -> Path:
        (tmp_path / "CHANGELOG.md").write_text(CHANGES)
        return repository(tmp_path)

    def test_all_is_well(self, checkout: Path) -> None:
        assert checks.tree(checkout, "1.2.0") == []

    def test_dirty(self, checkout: Path) -> None:
        (checkout / "new.py").touch()
        (checkout / "CHANGELOG.md").write_text(CHANGES + "\n")
        found = checks.tree(checkout, "1.2.0")
        assert len(found) == 2
        assert all(problem.startswith("not committed") for problem in found)

    @pytest.mark.parametrize(
        ("version", "text", "problem"),
        [
            ("1.3.0", CHANGES, "has no section `## 1.3.0"),
            ("1.1.0", CHANGES, "the newest section of CHANGELOG.md is 1.2.0"),
            ("1.2.0", CHANGES.replace("Unreleased\n", "Unreleased\n\n- Not said yet.\n"), "still has entries"),
        ],
    )
    def test_the_changelog_is_not_ready(self, checkout: Path, version: str, text: str, problem: str) -> None:
        (checkout / "CHANGELOG.md").write_text(text)
        git(checkout, "commit", "-qa", "--allow-empty", "-m", "Changes")
        (found,) = checks.tree(checkout, version)
        assert problem in found

    @pytest.mark.parametrize("words", [("v1.2.0",), ("-a", "v1.2.0", "-m", "x")])
    def test_the_tag(self, checkout: Path, words: tuple[str, ...]) -> None:
        git(checkout, "tag", *words)
        assert checks.tree(checkout, "1.2.0") == []
        assert checks.tagged_commit(checkout, "1.2.0") == git(checkout, "rev-parse", "HEAD")
        git(checkout, "commit", "-q", "--allow-empty", "-m", "More")
        (found,) = checks.tree(checkout, "1.2.0")
        assert "the tag v1.2.0 is on another commit" in found


class TestArchives:
    def test_a_whole_wheel(self, tmp_path: Path) -> None:
        assert checks.wheel(made(tmp_path, PACKAGE), "1.2.0", PACKAGE) == []

    def test_a_wheel_that_lacks_a_file_or_has_one_too_many(self, tmp_path: Path) -> None:
        path = made(tmp_path, PACKAGE - {"migops/py.typed"} | {"tests/x.py"})
        found = checks.wheel(path, "1.2.0", PACKAGE)
        assert [problem.split(".whl ")[1] for problem in found] == [
            "lacks migops/py.typed",
            "has tests/x.py, which is not the package's",
        ]

    @pytest.mark.parametrize(
        ("name", "text", "problem"),
        [
            ("METADATA", "Name: migops\nVersion: 1.1.0\n", "says it is version 1.1.0"),
            ("entry_points.txt", "[console_scripts]\n", "does not install the command"),
            ("licenses/LICENSE", None, "lacks migops-1.2.0.dist-info/licenses/LICENSE"),
        ],
    )
    def test_metadata(self, tmp_path: Path, name: str, text: str | None, problem: str) -> None:
        metadata = {key: value for key, value in {**METADATA, name: text}.items() if value is not None}
        (found,) = checks.wheel(made(tmp_path, PACKAGE, metadata), "1.2.0", PACKAGE)
        assert problem in found

    def test_a_source_archive_that_lacks_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.py").touch()
        with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
            archive.add(tmp_path / "a.py", "migops-1.2.0/a.py")
        assert checks.sdist(tmp_path / "x.tar.gz", "1.2.0", {"a.py", "tests/b.py"}) == ["x.tar.gz lacks tests/b.py"]

    def test_two_wheels_that_differ(self, tmp_path: Path) -> None:
        one, other = made(tmp_path / "1", PACKAGE), made(tmp_path / "2", PACKAGE, content="x = 2")
        assert checks.same_wheel(one, one) == []
        assert len(checks.same_wheel(one, other)) == len(PACKAGE)
        assert (
            "migops/py.typed differs" in checks.same_wheel(one, made(tmp_path / "3", PACKAGE - {"migops/py.typed"}))[0]
        )


def made(folder: Path, package: Iterable[str], metadata: dict[str, str] | None = None, content: str = "x = 1") -> Path:
    """A wheel of these files."""
    folder.mkdir(exist_ok=True)
    path = folder / "migops-1.2.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted(package):
            archive.writestr(name, content)
        for name, text in (METADATA if metadata is None else metadata).items():
            archive.writestr(f"migops-1.2.0.dist-info/{name}", text)
    return path
