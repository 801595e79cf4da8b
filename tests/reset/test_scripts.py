"""The old scripts go to the state folder and come back byte for byte; a killed reset is told by what is left."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from migops.commands import reset_record
from migops.commands.reset import scripts
from migops.commands.reset.first_revision import FirstRevision
from migops.commands.reset.inputs import ResetInputs
from migops.commands.reset.reset import record
from migops.core.errors import Aborted, Failed, ManualActionRequired
from migops.database.postgres.swap_statements import Properties
from migops.docker import Engine
from migops.state import journal
from tests.kit import example, repository
from tests.reset.made import inputs

FIRST = FirstRevision("c0ffee000001_initial.py", "c0ffee000001", 'revision = "c0ffee000001"\n', ("public.product",))


@pytest.fixture
def found(tmp_path: Path) -> ResetInputs:
    project = repository(example("clean", tmp_path))
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "reset").mkdir(mode=0o700)
    folder = project / "migrations/versions"
    (folder / "__init__.py").write_text("")
    script = sorted(folder.glob("[0-9a-f]*.py"))[0]
    script.write_bytes(script.read_bytes().replace(b"\n", b"\r\n"))
    script.chmod(0o640)
    os.utime(script, (1_700_000_000, 1_700_000_000))
    return inputs(project)


def content(found: ResetInputs) -> dict[str, tuple[bytes, int, int]]:
    return {
        path.name: (path.read_bytes(), stat.S_IMODE(path.stat().st_mode), int(path.stat().st_mtime))
        for path in sorted(found.folder.glob("*.py"))
    }


def test_there_and_back_byte_for_byte(found: ResetInputs) -> None:
    before = content(found)
    scripts.keep(found)
    assert content(found) == before, "a copy moves nothing"
    scripts.replace(found, FIRST)
    assert sorted(content(found)) == ["__init__.py", FIRST.name]
    assert scripts.missing(found.scripts) == [each.name for each in found.scripts]
    scripts.put_back(found, FIRST)
    assert content(found) == before
    assert (found.saved / scripts.LATER / FIRST.name).read_text() == FIRST.content
    scripts.put_back(found, FIRST)  # also where there is nothing to do
    assert content(found) == before


def test_an_edit_meanwhile_stops_it(found: ResetInputs) -> None:
    found.scripts[0].path.write_text("# edited\n")
    with pytest.raises(Aborted, match="was edited meanwhile"):
        scripts.keep(found)


def test_a_lost_copy_is_told(found: ResetInputs) -> None:
    scripts.keep(found)
    scripts.replace(found, FIRST)
    (found.saved / scripts.OLD / found.scripts[0].name).unlink()
    with pytest.raises(Failed, match="could not be put back"):
        scripts.put_back(found, FIRST)


def killed(folder: Path, found: ResetInputs, *, outcome: str = "", later: str = "") -> None:
    """The journal of a reset that has gone, in a state folder."""
    with journal.begin(folder, reset_record.COMMAND, ["app"]) as log:
        log.note("backup", "started", commands=[])
        log.note("reset", "confirmed", **record(found).facts())
        log.note("scripts", "started", commands=[])
        log.note("stop", "done")
    path = log.path
    lines = [json.loads(line) for line in path.read_text().splitlines() if '"outcome"' not in line]
    lines[0]["who"]["start"] = 1
    lines[0]["who"]["pid"] = 2**22 + 1
    lines += [{"at": "now", "outcome": outcome, "exit": 0}] if outcome else []
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    if later:
        with journal.begin(folder, later, ["app"]):
            pass


@pytest.mark.parametrize(
    ("outcome", "later", "is_open"),
    [
        ("", "", True),
        ("", "backup", True),
        ("", journal.DEPLOY, False),
        ("", "alembic upgrade", False),
        ("done", "", False),
        ("failed", "", False),
    ],
)
def test_a_killed_reset_is_open_until_it_is_finished(
    found: ResetInputs, tmp_path: Path, outcome: str, later: str, is_open: bool
) -> None:
    killed(tmp_path / "state", found, outcome=outcome, later=later)
    run, noted = reset_record.killed(tmp_path / "state")
    assert (run is not None) is is_open
    assert noted == (record(found) if is_open else None), "the record is read as it was noted"


def test_without_the_server_its_state_is_not_known(found: ResetInputs, tmp_path: Path) -> None:
    killed(tmp_path / "state", found)
    engine: Engine = object()  # type: ignore[assignment]  # nothing is asked of it
    with pytest.raises(ManualActionRequired, match="killed during the step scripts, and the state that it left"):
        reset_record.refuse(engine, tmp_path / "state", None)


def test_nothing_was_changed_before_it_was_confirmed(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    with journal.begin(tmp_path / "state", reset_record.COMMAND, ["app"]) as log:
        log.note("backup", "started", commands=[])
    engine: Engine = object()  # type: ignore[assignment]
    assert reset_record.refuse(engine, tmp_path / "state", None) == ""


def test_a_script_that_is_edited_after_it_was_copied_is_not_lost(found: ResetInputs) -> None:
    scripts.keep(found)
    last = found.scripts[-1]
    last.path.write_text("# hours of work\n")
    before = content(found)
    with pytest.raises(Failed, match=f"{last.name} was edited meanwhile"):
        scripts.replace(found, FIRST)
    assert content(found) == before, "and none of the others has gone"
    with pytest.raises(Failed, match="edited meanwhile, and left as it is"):
        scripts.put_back(found, FIRST)
    assert content(found) == before


def test_a_first_revision_of_an_old_name_gives_way_to_the_old_one(found: ResetInputs) -> None:
    first = replace(FIRST, name=found.scripts[0].name)
    before = content(found)
    scripts.keep(found)
    scripts.replace(found, first)
    scripts.put_back(found, first)
    assert content(found) == before


def typed(commands: tuple[tuple[str, ...], ...]) -> None:
    for words in commands:
        subprocess.run(words, check=True, timeout=60)


def test_the_printed_way_back_leaves_everything_else_as_it_is(found: ResetInputs) -> None:
    """Of the versions folder itself, and of what Alembic does not read there; also if it is typed twice."""
    helper = found.folder / "helpers/dates.py"
    helper.parent.mkdir()
    helper.write_text("")
    found.folder.chmod(0o755)
    before = content(found)
    scripts.keep(found)
    scripts.replace(found, FIRST)
    (found.folder / "c0ffee000002_later.py").write_text("later\n")
    for _ in range(2):
        typed(reset_record.scripts_back(record(found)))
        assert content(found) == before
        assert helper.is_file()
        assert stat.S_IMODE(found.folder.stat().st_mode) == 0o755, "a container's user must be able to read it"
    later = found.saved / scripts.LATER
    assert (later / FIRST.name).read_text() == FIRST.content
    assert (later / "c0ffee000002_later.py").read_text() == "later\n"


def test_the_printed_way_back_goes_into_folders_that_alembic_reads(found: ResetInputs) -> None:
    deep = replace(found, deep=True)
    scripts.keep(deep)
    scripts.replace(deep, FIRST)
    new = found.folder / "2026/c0ffee000002_later.py"
    new.parent.mkdir()
    new.write_text("later\n")
    typed(reset_record.scripts_back(record(deep)))
    assert not new.exists()
    assert (found.saved / scripts.LATER / new.name).read_text() == "later\n"


class Server:
    """A server on which the database is the one of before."""

    def properties(self, name: str) -> Properties | None:
        return Properties(16384, "shop", "UTF8", "C", "C", "pg_default", -1) if name == "shop" else None


@pytest.mark.parametrize(
    ("begun", "name", "content", "is_left"),
    [
        (["scripts"], "", None, False),
        (["scripts"], "old", None, True),
        (["scripts"], FIRST.name, FIRST.content, True),
        (["scripts"], "old", "# edited days later\n", False),
        (["keep"], "old", None, False),
    ],
)
def test_later_work_is_not_taken_for_what_a_killed_reset_left(
    found: ResetInputs, monkeypatch: pytest.MonkeyPatch, begun: list[str], name: str, content: str | None, *,
    is_left: bool,
) -> None:  # fmt: skip
    """The commands for that would move it away, and put the scripts of before the reset in its place."""
    path = found.scripts[0].path if name == "old" else found.folder / name
    if content is not None:
        path.write_text(content)
    elif name:
        path.unlink()
    monkeypatch.setattr(reset_record, "maintenance", lambda *_: nullcontext(Server()))
    engine: Engine = object()  # type: ignore[assignment]
    left = reset_record.remaining(record(found), engine, found.source, begun, FIRST.name)
    assert (left is not None) is is_left
