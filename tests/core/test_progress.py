"""Progress: one line on a terminal that gives way to everything else, a line now and then elsewhere, never a secret."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from migops.core import progress, redaction
from migops.core.progress_line import cut
from migops.core.redaction.known import Known
from tests.core.terminal_screen import drawn, on_terminal, screen
from tests.kit import example

BEGIN = """
import sys, time
from migops.core import progress
"""
SLOW = (
    BEGIN
    + """
with progress.scope():
    with progress.step("build app"):
        progress.output(b"#7 RUN pip install\\n#8 Down")
        sys.stdin.readline()
    print("done")
"""
)


def test_a_slow_step_is_one_line_that_is_gone_in_the_end() -> None:
    with on_terminal("-c", SLOW) as running:
        running.until(r"build app  2 s")
        running.type("\n")
        assert running.end() == 0
    texts = drawn(running.raw)
    assert texts[0] == "build app  1 s  #7 RUN pip install", "the last whole line of output"
    assert [line for line in screen(running.raw) if line] == ["done"]
    assert running.raw.count("\n") == 1, "of the last line: the line itself never ends"


def test_a_quick_step_shows_nothing_and_touches_nothing() -> None:
    program = BEGIN + "with progress.scope():\n  with progress.step('x'): pass\nprint('done')"
    with on_terminal("-c", program) as running:
        assert running.end() == 0
    assert running.raw == "done\r\n"


def test_other_lines_come_above_it_and_an_open_line_is_put_back() -> None:
    program = (
        BEGIN
        + """
with progress.scope():
    with progress.step("1/2  build"):
        print("  1/2  build       ", end="", file=sys.stderr, flush=True)
        sys.stdin.readline()
        print("done, 2 s", file=sys.stderr)
        print("answer")
"""
    )
    with on_terminal("-c", program) as running:
        running.until(r"1/2  build  1 s")
        running.type("\n")
        assert running.end() == 0
    assert [line for line in screen(running.raw) if line] == ["  1/2  build       done, 2 s", "answer"]


def test_a_question_is_not_written_over() -> None:
    program = (
        BEGIN
        + """
with progress.scope(), progress.step("wait"):
    print("Proceed? [y/N]: ", end="", file=sys.stderr, flush=True)
    time.sleep(1.6)
"""
    )
    with on_terminal("-c", program) as running:
        running.end()
    assert drawn(running.raw) == []


def test_bytes_that_go_past_it_are_not_written_over() -> None:
    program = (
        BEGIN
        + """
with progress.scope(), progress.step("alembic"):
    sys.stdout.buffer.write(b"half a line")
    sys.stdout.buffer.flush()
    time.sleep(1.6)
"""
    )
    with on_terminal("-c", program) as running:
        running.end()
    assert running.raw == "half a line"


def test_it_is_cut_to_the_terminal() -> None:
    program = (
        BEGIN
        + """
with progress.scope(), progress.step("build app"):
    progress.output("漢字 and more ".encode() * 40 + b"\\n")
    sys.stdin.readline()
"""
    )
    with on_terminal("-c", program, columns=40) as running:
        running.until("build app  1 s")
        running.type("\n")
        running.end()
    assert all(cut(text, 37) == text for text in drawn(running.raw))
    assert len(drawn(running.raw)[0]) > 20
    assert [line for line in screen(running.raw) if line] == []


def test_ctrl_c_leaves_a_clean_line() -> None:
    program = (
        BEGIN
        + """
with progress.scope():
    try:
        with progress.step("build app"):
            time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
"""
    )
    with on_terminal("-c", program, echo=True) as running:
        running.until("build app  1 s")
        running.type("\x03")
        assert running.end() == 0
    assert [line for line in screen(running.raw) if line] == ["interrupted"]


def test_nested_steps_are_named_together_and_quick_ones_are_not() -> None:
    program = (
        BEGIN
        + """
with progress.scope(), progress.step("rehearse"):
    for _ in range(15):
        with progress.step("inspect"):
            time.sleep(0.1)
    with progress.step("wait for the server"):
        sys.stdin.readline()
"""
    )
    with on_terminal("-c", program) as running:
        running.until("rehearse: wait for the server  [2-9] s")
        running.type("\n")
        assert running.end() == 0
    assert "inspect" not in running.raw
    assert "rehearse  1 s" in drawn(running.raw)


def test_a_long_name_leaves_room_for_the_time() -> None:
    program = (
        BEGIN
        + """
with progress.scope(), progress.step("x" * 100):
    sys.stdin.readline()
"""
    )
    with on_terminal("-c", program, columns=70) as running:
        running.until("…  1 s")
        running.type("\n")
        assert running.end() == 0


@contextmanager
def elsewhere(monkeypatch: pytest.MonkeyPatch, every: float = 0.01) -> Iterator[io.StringIO]:
    """No terminal, and a line so often."""
    monkeypatch.setattr(progress, "EVERY", every)
    err, out = io.StringIO(), io.StringIO()
    with redirect_stderr(err), redirect_stdout(out), progress.scope():
        yield err
    assert out.getvalue() == "", "standard output is never written to"


def wait_for(text: str, err: io.StringIO) -> None:
    for _ in range(6000):
        if text in err.getvalue():
            return
        threading.Event().wait(0.01)
    raise AssertionError(f"no {text!r} in {err.getvalue()!r}")


def test_elsewhere_it_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    with elsewhere(monkeypatch) as err, progress.step("dump the database"):
        progress.note("1,024 bytes")
        wait_for("migops: dump the database  0 s  1,024 bytes\n", err)
    assert "\r" not in err.getvalue()
    assert "\x1b" not in err.getvalue()


def test_elsewhere_an_open_line_is_ended_first(monkeypatch: pytest.MonkeyPatch) -> None:
    with elsewhere(monkeypatch) as err, progress.step("build"):
        print("  1/9  build", end="", file=sys.stderr)
        wait_for("  1/9  build\nmigops: build", err)


def test_elsewhere_a_step_of_a_few_seconds_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    with elsewhere(monkeypatch, 30.0) as err, progress.step("dump the database"):
        progress.output(b"one\n")
        threading.Event().wait(1.2)
    assert err.getvalue() == ""


def test_secrets_and_what_acts_on_a_terminal_are_taken_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with redaction.scope(), elsewhere(monkeypatch) as err, progress.step("build"):
        redaction.learn(lambda: Known(frozenset({"tr0ub4dor&3xyz"}), frozenset()))
        progress.output(b"\x1b[31mlogin \x07 postgresql://u:s3cr3tpw@db/x tr0ub4d")
        progress.output(b"or&3xyz \x1b[0mend\n")
        wait_for("end", err)
    assert "tr0ub4dor" not in err.getvalue()
    assert "s3cr3tpw" not in err.getvalue()
    assert "\x1b" not in err.getvalue()
    assert "\x07" not in err.getvalue()


def test_half_a_line_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with elsewhere(monkeypatch) as err, progress.step("build"):
        progress.output(b"whole\npassword=hun")
        wait_for("whole", err)
    assert "hun" not in err.getvalue()


def test_verbose_writes_every_line_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with elsewhere(monkeypatch, 30.0) as err, progress.step("build"):
        progress.output(b"zero\n")
        progress.stream_all()
        progress.output(b"one\ntw")
        progress.output(b"o\n")
    assert err.getvalue() == "  | one\n  | two\n"


def test_the_streams_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sys.stderr, sys.stdout
    with elsewhere(monkeypatch), progress.step("x"):
        pass
    assert (sys.stderr, sys.stdout) == before


def test_outside_of_a_run_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.step("x"):
        progress.output(b"one\n")
        progress.note("two")
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def silent_engine(tmp_path: Path) -> Iterator[str]:
    """A socket on which an engine accepts a connection and never answers."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield f"unix://{path}"


COMMAND = ("-m", "migops", "check-image", "--timeout", "2.5")


def test_a_command_that_waits_for_docker_says_so_on_a_terminal(tmp_path: Path, silent_engine: str) -> None:
    project = example("clean", tmp_path)
    with on_terminal(*COMMAND, env={"DOCKER_HOST": silent_engine}, cwd=str(project)) as running:
        running.until(r"Docker: first contact  \d+ s")
        running.end()
    assert all("read the migrations" in text for text in drawn(running.raw))
    assert not any("read the migrations" in line for line in screen(running.raw))


def test_json_stays_json_while_progress_is_shown(tmp_path: Path, silent_engine: str) -> None:
    project = example("clean", tmp_path)
    with on_terminal(*COMMAND, "--format", "json", "--output", "answer.json",
                     env={"DOCKER_HOST": silent_engine}, cwd=str(project)) as running:  # fmt: skip
        running.until("first contact")
        running.end()
    assert json.loads((project / "answer.json").read_text())["command"] == "check-image"
    done = subprocess.run(
        (sys.executable, *COMMAND, "--format", "json"), cwd=project, capture_output=True, check=False,
        env={"DOCKER_HOST": silent_engine, "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert json.loads(done.stdout)["command"] == "check-image"
    assert b"first contact  " not in done.stderr, "below 30 s nothing is written where there is no terminal"


def test_closed_streams_are_no_trouble() -> None:
    program = BEGIN + "progress.PATIENCE = progress.EVERY = 0.01\nwith progress.scope(), progress.step('x'):\n"
    program += "  progress.stream_all()\n  progress.output(b'lost\\n')\n  time.sleep(0.3)\nprint('done')\n"
    words = ("sh", "-c", 'exec "$@" 2>&-', "sh", sys.executable, "-c", program)
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == "done\n"
