"""Statements of SECURITY.md that the source must bear out, whichever room it stands in."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from migops.sources.repository import Repository
from tests.kit import git, repository

ROOT = Path(__file__).parents[1]
WAYS_OUT = ("urllib.request", "http.client", "requests", "urllib3", "aiohttp", "httpx", "smtplib", "ftplib", "docker")
STARTS = ("subprocess.run", "subprocess.Popen", "subprocess.call", "subprocess.check_output", "os.system", "os.popen")


def imports(of: tuple[str, ...]) -> dict[str, set[str]]:
    """Which modules of the package import one of these, or a part of it: module → what it imports."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "migops").rglob("*.py")):
        for name in names(ast.parse(path.read_text(encoding="utf-8"))):
            if any(f"{name}.".startswith(f"{each}.") for each in of):
                found.setdefault(path.name, set()).add(name)
    return found


def names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls(of: tuple[str, ...]) -> set[str]:
    """The modules of the package that call one of these functions."""
    return {
        path.name
        for path in (ROOT / "migops").rglob("*.py")
        if any(each in (text := path.read_text(encoding="utf-8")) for each in of)  # else parsing tells nothing more
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in of
    }


def test_the_engine_is_the_only_thing_that_is_reached_over_http() -> None:
    assert len(found := imports(WAYS_OUT)) == 1, found


def test_one_module_starts_programs() -> None:
    assert len(found := calls(STARTS)) == 1, found


def test_git_fetches_nothing(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "x").touch()
    far = repository(tmp_path / "far")
    git(tmp_path, "clone", "-q", str(far), "near")
    done = Repository(tmp_path / "near").ask("fetch")
    assert done.code != 0
    assert b"not allowed" in done.stderr
