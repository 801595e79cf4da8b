"""Ignore files: which paths they keep out, and which of their lines does it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from migops.core.errors import MigopsError
from migops.core.model import Location
from migops.dockerfile.ignore import parse_ignore, read_ignore
from migops.dockerfile.paths import clean
from migops.dockerfile.patterns import glob_match

HERE = Location("x")


@pytest.mark.parametrize(
    ("lines", "path", "line"),
    [
        ("a", "a", 1),
        ("a", "a/b/c", 1),
        ("a", "b/a", 0),
        ("/a", "a", 1),
        ("//a//b/", "a/b", 1),
        ("./a", "a", 1),
        ("a/../b", "b", 1),
        ("a/", "a", 1),
        ("  a  ", "a", 1),
        ("# a\na", "a", 2),
        ("#a", "#a", 0),
        ("\\#a", "#a", 1),
        ("\ufeffa", "a", 1),
        ("a\r\nb\r\n", "b", 2),
        ("*", "a", 1),
        ("*", "a/b", 1),
        ("*.py", "a.py", 1),
        ("*.py", "d/a.py", 0),
        ("*/*.py", "d/a.py", 1),
        ("**/*.py", "a.py", 1),
        ("**/*.py", "d/e/a.py", 1),
        ("**/a", "a", 1),
        ("**/a", "d/a", 1),
        ("**/a", "d/ba", 0),
        ("**a", "d/ba", 1),
        ("**", "a/b", 1),
        ("a/**", "a", 0),
        ("a/**", "a/b", 1),
        ("a/**/z", "a/z", 1),
        ("a/**/z", "a/b/c/z", 1),
        ("a**z", "abcz", 0),
        ("a**z", "ab/z", 1),
        ("a?c", "abc", 1),
        ("a?c", "a/c", 0),
        ("[^a]b", "cb", 1),
        ("[^a]b", "ab", 0),
        ("[!a]b", "!b", 1),
        ("[a-c]x", "bx", 1),
        ("\\[x\\]", "[x]", 1),
        ("a.b", "axb", 0),
        ("a+(b)|{c}$", "a+(b)|{c}$", 1),
        ("a\n!a/b", "a/b", 0),
        ("a\n!a/b", "a/c", 1),
        ("!a\na", "a", 2),
        ("a\n!a\na", "a", 3),
        ("*\n!a", "a/b", 0),
        ("*\n!a\na/b", "a/b/c", 3),
        ("**\n!**/*.py", "a/b.py", 0),
        ("**\n!**/*.py", "a/b.pyc", 1),
        ("! a\nb", "b", 2),
        (".", "a", 0),
        ("/", "a", 0),
        ("..", "a", 0),
        ("é*", "été", 1),
    ],
)
def test_the_line_that_excludes(lines: str, path: str, line: int) -> None:
    by = parse_ignore(lines.encode(), "f").judge(path).matched_by
    assert (by.at.line if by else 0) == line


@pytest.mark.parametrize("line", ["[", "[a", "a[]", "[]a]", "[-]", "a\\", "!", "[a-]"])
def test_a_malformed_line_is_named(line: str) -> None:
    with pytest.raises(MigopsError) as caught:
        parse_ignore(f"ok\n{line}\n".encode(), "f")
    assert caught.value.at == Location("f", 2)


def test_an_exception_below_an_excluded_folder_is_looked_for() -> None:
    assert parse_ignore(b"a\n!a/b/c\n", "f").may_reinclude("a")
    assert parse_ignore(b"a\n!a/b/c\n", "f").may_reinclude("a/b")
    assert not parse_ignore(b"a\n!a/b/c\n", "f").may_reinclude("z")
    assert parse_ignore(b"a\n!**/*.py\n", "f").may_reinclude("z")
    assert not parse_ignore(b"a\n", "f").may_reinclude("a")


def test_which_ignore_file_is_read(tmp_path: Path) -> None:
    assert read_ignore(tmp_path).patterns == ()
    (tmp_path / ".dockerignore").write_text("a\n")
    assert read_ignore(tmp_path, tmp_path / "Dockerfile").file == str(tmp_path / ".dockerignore")
    (tmp_path / "Dockerfile.dockerignore").write_text("b\n")
    assert read_ignore(tmp_path, tmp_path / "Dockerfile").file == str(tmp_path / "Dockerfile.dockerignore")
    os.mkfifo(tmp_path / "D2.dockerignore")
    with pytest.raises(MigopsError, match="regular file"):
        read_ignore(tmp_path, tmp_path / "D2")


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [("", "."), ("a//b/./c/", "a/b/c"), ("../a/..", ".."), ("//a", "/a"), ("/../a", "/a"), ("/", "/"), ("a/..", ".")],
)
def test_clean(path: str, cleaned: str) -> None:
    assert clean(path) == cleaned


def test_globs_of_sources() -> None:
    assert glob_match("a*[0-9].py", "ab1.py", HERE)
    assert not glob_match("*", "a/b", HERE)
    assert glob_match("[[]x]", "[x]", HERE)
    assert glob_match("\\*", "*", HERE)
    assert not glob_match("\\*", "a", HERE)
