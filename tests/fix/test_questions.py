"""The questions of ``doctor --fix``, and the fixer that needs an image: without a command line."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from migops import rules
from migops.analysis.chain import walk
from migops.analysis.evidence import Evidence
from migops.collect.database_query import Ask
from migops.commands.diagnosis import Access
from migops.commands.fix import run as runs
from migops.commands.fix.model import Fix, NotFixed
from migops.commands.fix.result import FixResult, Preview
from migops.commands.fix.script_fixers import bytecode
from migops.compose import ComposeOptions
from migops.core.errors import Aborted
from migops.core.model import Finding, MigrationSet, PlaceName, Severity, Subject
from migops.core.printed import Commands
from migops.target import Wanted, resolve
from tests.cases.shop import ENV, INI, Shop
from tests.fix.test_run import BROKEN, READS_ALL, tree
from tests.kit import git, repository
from tests.rules.made import FIRST, held


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = Shop.at(tmp_path).line("001").write("alembic.ini", BROKEN).write("migrations/env.py", f"{ENV}{READS_ALL}")
    made.write("start.sh", "#!/bin/sh\nexec python main.py\n")
    made.write("Dockerfile", 'FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nENTRYPOINT ["./start.sh"]\n')
    before = Path.cwd()
    os.chdir(made.folder)
    yield made
    os.chdir(before)


def fixed(shop: Shop, answers: dict[str, bool], *named: str) -> tuple[FixResult | None, list[str]]:
    """A run whose questions are answered by the word that they contain; None without any yes. And the questions."""
    asked: list[str] = []
    shown: list[Preview] = []

    def confirm(question: str) -> bool:
        assert shown, "what is asked about was shown"
        asked.append(question)
        return next(answer for word, answer in answers.items() if word in question)

    inputs = runs.Inputs(
        lambda: resolve(Wanted(command="doctor", needs_image=False), ComposeOptions(), {}, shop.folder),
        Access(None, Ask("", 2.0)), rules.RULES, Severity.ERROR, named,
    )  # fmt: skip
    try:
        result = runs.run(inputs, runs.Dialogue(lambda line: None, shown.append, confirm))
    except Aborted:
        result = None
    return result, asked


def test_safe_edits_have_one_question_and_the_others_one_each(shop: Shop) -> None:
    before = tree(shop)
    result, asked = fixed(shop, {"Apply": False, "MIG108": False}, "MIG108", "MIG501")
    assert asked == ["Apply these 2 changes?", "MIG108: make start.sh executable?"]
    assert result is None
    assert tree(shop) == before
    result, _ = fixed(shop, {"Apply": False, "MIG108": True}, "MIG108", "MIG501")
    assert result is not None
    assert (result.exit_code, [each.fix.rule for each in result.declined]) == (1, ["MIG501", "MIG501"])
    assert (shop.folder / "alembic.ini").read_text() == BROKEN
    assert (shop.folder / "start.sh").stat().st_mode & 0o111


def test_without_a_name_only_safe_edits_are_asked_for(shop: Shop) -> None:
    result, asked = fixed(shop, {"Apply": True})
    assert asked == ["Apply these 2 changes?"]
    assert result is not None
    assert (shop.folder / "alembic.ini").read_text() == f"{INI}file_template = %%(year)d_%%(slug)s\n"
    assert not (shop.folder / "start.sh").stat().st_mode & 0o111
    assert result.exit_code == 1, "a start script that cannot start is an error, and is left"


class TestBytecode:
    NAME = "versions/__pycache__/009_gone.cpython-311.pyc"

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "migrations" / self.NAME
        path.parent.mkdir(parents=True)
        path.write_bytes(b"\0compiled")
        return path

    def fix(self, path: Path) -> Fix | NotFixed:
        root = path.parents[2]
        image = replace(self.place("/app/migrations"), bytecode=(f"/app/migrations/{self.NAME}",))
        host = replace(self.place(str(root)), bytecode=(str(path),) if path.exists() else ())
        facts = {"image_path": f"/app/migrations/{self.NAME}"}
        finding = Finding("MIG005", "stray-bytecode", Severity.ERROR, Subject(), "", "", facts=facts)
        return bytecode(self.evidence(host, image), finding)

    def place(self, root: str) -> MigrationSet:
        return replace(held(FIRST, root), script_location=posixpath.normpath(root))

    def evidence(self, host: MigrationSet, image: MigrationSet) -> Evidence:
        chain = walk({PlaceName.HOST: host, PlaceName.IMAGE: image}, bound=False)
        return Evidence(chain=chain, graphs={}, commands=Commands())

    def test_an_orphan_is_deleted_by_name_only(self, path: Path) -> None:
        fix = self.fix(path)
        assert isinstance(fix, Fix)
        assert fix.by_name_only
        (edit,) = fix.edits
        assert (edit.path, edit.before, edit.after) == (path, b"\0compiled", None)

    def test_what_git_tracks_or_only_the_image_has_is_not_deleted(self, path: Path) -> None:
        repository(path.parents[3])
        git(path.parents[3], "add", "-f", ".")
        tracked = self.fix(path)
        assert isinstance(tracked, NotFixed)
        assert "git tracks it" in tracked.reason
        path.unlink()
        absent = self.fix(path)
        assert isinstance(absent, NotFixed)
        assert "only the image has the file" in absent.reason
