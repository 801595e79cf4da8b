"""CHANGELOG.md as its readers rely on it: what is not released yet, then a dated section for each release."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

UNRELEASED = "Unreleased"
_HEADING = re.compile(r"(?m)^## +(?P<title>.+?) *$")
_RELEASE = re.compile(r"(?P<version>\d+(?:\.\d+)+\w*) - (?P<date>\d{4}-\d\d-\d\d)")


@dataclass(frozen=True, slots=True)
class Section:
    """One ``##`` section. ``released`` is None for Unreleased, and where the heading has no valid date."""

    version: str
    released: date | None
    text: str


def parse(text: str) -> list[Section]:
    """The sections, in the order of the file."""
    headings = list(_HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    return [
        _section(heading["title"], text[heading.end() : end].strip())
        for heading, end in zip(headings, ends, strict=True)
    ]


def _section(title: str, text: str) -> Section:
    if (release := _RELEASE.fullmatch(title)) is None:
        return Section(title, None, text)
    try:
        return Section(release["version"], date.fromisoformat(release["date"]), text)
    except ValueError:
        return Section(title, None, text)


def problems(sections: list[Section]) -> list[str]:
    """Everything that breaks the form of the file: dates, order, a version that occurs twice."""
    releases = [section for section in sections if section.version != UNRELEASED]
    found = [
        f"`## {section.version}` is not of the form `## X.Y.Z - YYYY-MM-DD`"
        for section in releases
        if section.released is None
    ]
    if any(section.version == UNRELEASED for section in sections[1:]):
        found.append(f"`## {UNRELEASED}` is not at the top")
    for newer, older in pairwise(releases):
        if newer.version == older.version:
            found.append(f"{newer.version} has two sections")
        elif newer.released and older.released:
            if newer.released < older.released:
                found.append(f"{newer.version} stands above {older.version}, which has a later date")
            if _key(newer.version) < _key(older.version):
                found.append(f"{newer.version} stands above {older.version}, which is the newer version")
    return found


def _key(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]
