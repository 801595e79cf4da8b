"""Where output goes, and what is said where it cannot go there: never a traceback, never a broken device."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from migops.cli.output import PIPE_WIDTH, view_of, write_file
from migops.core.errors import MigopsError
from tests.kit import NO_ENGINE, example, migops, write_image

CHECK = "check-image --no-engine"
COMMANDS = [CHECK, "graph", "config", "explain", "explain MIG001", "--help", "check-image --help"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return example("clean", tmp_path)


def shell(words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """``migops`` and redirections, as a shell runs them, in a process of its own."""
    command = f"exec {sys.executable} -m migops {words}"
    root = str(Path(__file__).parents[2])
    env = {**os.environ, "PYTHONPATH": root, **NO_ENGINE, **environment}
    return subprocess.run(("bash", "-c", command), cwd=cwd, env=env, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_device_is_one_message_and_no_verdict(project: Path, command: str) -> None:
    done = shell(f"{command} > /dev/full", project)
    assert (done.returncode, done.stderr.count("\n")) == (3, 1), done.stderr
    assert "No space left on device" in done.stderr


@pytest.mark.parametrize("command", [CHECK, "graph", "config", "explain"])
def test_a_closed_standard_output(project: Path, command: str) -> None:
    done = shell(f"{command} >&-", project)
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith("error: cannot write to standard output: it is closed")
    assert "Traceback" not in done.stderr


def test_a_closed_standard_output_matters_only_to_who_writes_there(project: Path) -> None:
    assert shell(f"{CHECK} --output report.txt >&-", project).returncode == 0
    assert (project / "report.txt").read_text().startswith("CLEAN")
    assert shell("config --quiet >&-", project).returncode == 0


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full"])
def test_standard_error_that_takes_nothing_changes_no_exit_code(project: Path, closed: str) -> None:
    assert shell(f"check-image nosuch {closed}", project).returncode == 2
    assert shell(f"check-image --nosuch {closed}", project).returncode == 2


@pytest.mark.parametrize("command", [CHECK, "explain", "--help"])
def test_a_reader_that_goes_away(project: Path, command: str) -> None:
    gone, ours = os.pipe()
    os.close(gone)
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    words = (sys.executable, "-m", "migops", *command.split())
    with os.fdopen(ours, "wb") as stdout:
        done = subprocess.run(words, cwd=project, env=env, stdout=stdout, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("columns", ["abc", "", "-3", "9" * 30, "²"])
def test_columns_that_are_no_number(project: Path, columns: str) -> None:
    found = migops("check-image", "--no-engine", cwd=project, env={**NO_ENGINE, "COLUMNS": columns})
    assert found.code == 0, found.stderr


def test_one_width_for_all(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert view_of({}).width == PIPE_WIDTH
    monkeypatch.setenv("COLUMNS", "123")
    assert view_of({}).width == 123
    monkeypatch.setenv("COLUMNS", "1")
    assert view_of({}).width == 40


def test_an_encoding_that_lacks_our_characters(project: Path) -> None:
    for id_, down in (("b", "a94d5e61c8f3"), ("c", "a94d5e61c8f3")):
        (project / f"migrations/versions/{id_}.py").write_text(f"revision = {id_!r}\ndown_revision = {down!r}\n")
    done = shell("graph", project, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert "\\u2500" in done.stdout


class TestFile:
    def test_a_device_is_written_to_and_stays(self, tmp_path: Path) -> None:
        fifo = tmp_path / "pipe"
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        try:
            write_file(fifo, "report")
            assert os.read(reader, 100) == b"report"
        finally:
            os.close(reader)
        assert stat.S_ISFIFO(fifo.stat().st_mode)
        (tmp_path / "null").symlink_to("/dev/null")
        write_file(tmp_path / "null", "report")
        assert (tmp_path / "null").is_symlink()
        assert Path("/dev/null").is_char_device()

    def test_standard_output_by_its_name(self, project: Path) -> None:
        done = shell(f"{CHECK} --output /dev/stdout", project)
        assert (done.returncode, done.stdout[:5]) == (0, "CLEAN"), done.stderr

    def test_a_link_stays_and_its_target_is_written(self, tmp_path: Path) -> None:
        (tmp_path / "target").write_text("old")
        (tmp_path / "link").symlink_to("target")
        (tmp_path / "new").symlink_to("not-yet")
        for name in ("link", "new"):
            write_file(tmp_path / name, "report")
            assert (tmp_path / name).is_symlink()
        assert (tmp_path / "target").read_text() == (tmp_path / "not-yet").read_text() == "report"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "new", "not-yet", "target"]

    def test_the_mode_is_what_the_umask_gives_or_what_was_there(self, tmp_path: Path) -> None:
        before = os.umask(0o022)
        try:
            write_file(tmp_path / "new", "x")
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o644
        (tmp_path / "secret").touch(0o600)
        write_file(tmp_path / "secret", "x")
        assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600

    @pytest.mark.parametrize("path", ["compose.yaml/x", "nowhere/x"])
    def test_a_path_that_cannot_be(self, project: Path, path: str) -> None:
        found = migops("check-image", "--no-engine", "--output", path, cwd=project)
        assert (found.code, found.stderr.count("\n")) == (2, 1), found.stderr
        assert path in found.stderr
        assert not list(project.glob(".migops-*"))

    def test_what_fails_halfway_leaves_the_old_file(self, tmp_path: Path) -> None:
        (tmp_path / "report").write_text("old")
        with pytest.raises(UnicodeEncodeError):
            write_file(tmp_path / "report", "\ud800")
        assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]

    def test_a_full_device(self) -> None:
        with pytest.raises(MigopsError) as refused:
            write_file(Path("/dev/full"), "x")
        assert refused.value.exit_code == 3


class TestErrorDocument:
    """Where JSON was asked for, a script finds a document on standard output whatever happens."""

    def document(self, *arguments: str, cwd: Path, **env: str) -> dict[str, object]:
        found = migops(*arguments, cwd=cwd, env={**NO_ENGINE, **env})
        document = json.loads(found.stdout)
        assert (document["schema"], document["verdict"]) == (1, "error")
        assert document["error"]["exit"] == found.code
        assert found.stderr.strip(), "the sentence for people stays"
        return dict(document)

    def test_bad_input(self, project: Path) -> None:
        (project / "compose.yaml").write_text("services:\n  app: [\n")
        document = self.document("check-image", "--format", "json", cwd=project)
        error = document["error"]
        assert isinstance(error, dict)
        assert (document["command"], error["exit"]) == ("check-image", 2)
        assert error["at"]["file"].endswith("compose.yaml")
        assert error["at"]["line"] > 0
        assert error["message"]

    def test_by_the_environment_and_for_every_command(self, tmp_path: Path) -> None:
        for command in ("check-image", "graph", "status", "config"):
            assert self.document(command, cwd=tmp_path, MIGOPS_FORMAT="json")["command"] == command

    @pytest.mark.parametrize("arguments", [["--nosuch", "--format=json"], ["--format", "json", "--fail-on", "x"]])
    def test_wrong_usage(self, project: Path, arguments: list[str]) -> None:
        assert self.document("check-image", *arguments, cwd=project)["error"]

    def test_no_verdict(self, tmp_path: Path) -> None:
        document = self.document("layers", "docker-archive:none.tar", "--format", "json", cwd=tmp_path)
        error = document["error"]
        assert isinstance(error, dict)
        assert error["exit"] in (2, 3)

    def test_none_where_none_was_asked_for(self, tmp_path: Path) -> None:
        assert migops("check-image", cwd=tmp_path).stdout == ""
        assert migops("config", cwd=tmp_path).stdout == ""
        assert migops("explain", "MIG999", cwd=tmp_path, env={"MIGOPS_FORMAT": "json"}).stdout == ""


def test_a_terminal_gets_colours_and_a_file_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert view_of({}).color
    assert not view_of({"no_color": True}).color
    assert not view_of({"output": "x"}).color
    monkeypatch.setattr(sys, "stdout", None)
    assert not view_of({}).color


def test_layers_of_an_archive_go_to_a_file(project: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "app.tar", {"/app": project})
    found = migops("layers", "docker-archive:app.tar", "/app", "--output", "layers.txt", cwd=tmp_path)
    assert (found.code, found.stdout) == (0, ""), found.stderr
    assert "alembic.ini" in (tmp_path / "layers.txt").read_text()
