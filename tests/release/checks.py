"""Conditions for a release: on the checkout, and on what was built. Each check returns its problems."""

from __future__ import annotations

import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path

from tests.kit import git
from tests.release import changelog

SCRIPT = "[console_scripts]\nmigops = migops.cli.main:main"


def tag_of(version: str) -> str:
    return f"v{version}"


def tree(root: Path, version: str) -> list[str]:
    """Problems of the checkout: a release is one commit, described in the changelog, under a tag of its own."""
    found = [f"not committed: {line}" for line in git(root, "status", "--porcelain").splitlines()]
    sections = changelog.parse((root / "CHANGELOG.md").read_text(encoding="utf-8"))
    found += changelog.problems(sections)
    releases = [section for section in sections if section.version != changelog.UNRELEASED]
    if not any(section.version == version and section.released for section in releases):
        found.append(f"CHANGELOG.md has no section `## {version} - YYYY-MM-DD`")
    elif releases[0].version != version:
        found.append(f"the newest section of CHANGELOG.md is {releases[0].version}, and the version is {version}")
    if any(section.version == changelog.UNRELEASED and section.text for section in sections):
        found.append(f"CHANGELOG.md still has entries under {changelog.UNRELEASED}: move them to the release's section")
    tagged = tagged_commit(root, version)
    if tagged and tagged != git(root, "rev-parse", "HEAD"):
        found.append(f"the tag {tag_of(version)} is on another commit, {tagged[:12]}: raise the version")
    return found


def tagged_commit(root: Path, version: str) -> str:
    """The commit that the version's tag is on, '' if there is no such tag."""
    return git(root, "for-each-ref", "--format=%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)",
               f"refs/tags/{tag_of(version)}")  # fmt: skip


def wheel(path: Path, version: str, tracked: set[str]) -> list[str]:
    """Problems of a wheel. It holds exactly the package's files that git tracks (``tracked``), and its metadata."""
    with zipfile.ZipFile(path) as archive:
        info = f"migops-{version}.dist-info/"
        names = set(archive.namelist())
        packaged = {name for name in names if not name.startswith(info)}
        found = [f"{path.name} lacks {name}" for name in sorted(tracked - packaged)]
        found += [f"{path.name} has {name}, which is not the package's" for name in sorted(packaged - tracked)]
        needed = {f"{info}{name}" for name in ("METADATA", "RECORD", "entry_points.txt", "licenses/LICENSE")}
        if missing := sorted(needed - names):
            return found + [f"{path.name} lacks {name}" for name in missing]
        stated = HeaderParser().parsestr(archive.read(f"{info}METADATA").decode())["Version"]
        if stated != version:
            found.append(f"{path.name} says it is version {stated}, and the version is {version}")
        if SCRIPT not in archive.read(f"{info}entry_points.txt").decode():
            found.append(f"{path.name} does not install the command `migops`")
    return found


def sdist(path: Path, version: str, tracked: set[str]) -> list[str]:
    """Problems of a source archive. It has every file that git tracks, so that the tests can be run from it."""
    with tarfile.open(path) as archive:
        top = f"migops-{version}/"
        names = {member.name.removeprefix(top) for member in archive if not member.isdir()}
    return [f"{path.name} lacks {name}" for name in sorted(tracked - names)]


def same_wheel(one: Path, other: Path) -> list[str]:
    """Problems where the wheel of the checkout and the one built from the source archive differ in a file."""
    with zipfile.ZipFile(one) as first, zipfile.ZipFile(other) as second:
        contents = [{entry.filename: entry.CRC for entry in archive.infolist()} for archive in (first, second)]
    names = sorted(contents[0].keys() | contents[1].keys())
    return [
        f"{name} differs between the wheel of the checkout and the wheel of the source archive"
        for name in names
        if contents[0].get(name) != contents[1].get(name)
    ]
