from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine import debian
from tests.engine.debian import Archive

DEB822 = """\
# a comment
Types: deb deb-src
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/archive.gpg

Types: deb
URIs: http://mirror.test/security
Suites: bookworm-security
Components: main

Types: deb
URIs: http://off.test/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: http://sources.test/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://inline.test/debian
Suites: bookworm
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----
"""

ONE_LINE = """\
# deb http://comment.test/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://mirror.test/debian bookworm main contrib
deb http://plain.test/debian bookworm main
deb-src http://sources.test/debian bookworm main
deb http://mirror.test/debian bookworm-updates main
deb http://alias.test/debian stable main
"""


def read(tmp_path: Path, name: str, text: str) -> list[Archive]:
    file = tmp_path / name
    file.write_text(text)
    return list(debian._read(file, {"bookworm", "stable"}))


def test_deb822_sources_of_the_machines_own_suite(tmp_path: Path) -> None:
    assert read(tmp_path, "debian.sources", DEB822) == [
        Archive("http://mirror.test/debian", "main contrib", "/usr/share/keyrings/archive.gpg"),
        Archive("http://inline.test/debian", "main", ""),
    ]


def test_one_line_sources_of_the_machines_own_suite(tmp_path: Path) -> None:
    assert read(tmp_path, "sources.list", ONE_LINE) == [
        Archive("http://mirror.test/debian", "main contrib", "/k.gpg"),
        Archive("http://plain.test/debian", "main", ""),
        Archive("http://alias.test/debian", "main", ""),
    ]


def test_files_that_apt_does_not_read_are_not_read(tmp_path: Path) -> None:
    assert read(tmp_path, "old.list.disabled", ONE_LINE) == []


def test_a_search_path_keeps_its_order_and_has_the_folders_of_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin:/usr/sbin")
    assert debian.search_path(Path("/ours")) == "/ours:/usr/bin:/bin:/usr/sbin:/usr/local/sbin:/sbin"
