from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.engine import processes

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]


def test_a_pid_file_names_its_process_while_it_runs(tmp_path: Path) -> None:
    with subprocess.Popen(SLEEP) as process:
        processes.write_pid(tmp_path / "pid", process.pid)
        assert processes.read_pid(tmp_path / "pid") == process.pid
        processes.end(process.pid, patience=5)
        assert processes.read_pid(tmp_path / "pid") is None
        process.returncode = 0  # reaped by `end`


def test_a_pid_that_someone_else_has_by_now_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "pid").write_text(json.dumps({"pid": os.getpid(), "started": "1"}))
    assert processes.read_pid(tmp_path / "pid") is None


@pytest.mark.parametrize("text", ["", "{", '{"pid": 1}', '{"pid": null, "started": "1"}', "[]"])
def test_a_cut_pid_file_is_stale(tmp_path: Path, text: str) -> None:
    (tmp_path / "pid").write_text(text)
    assert processes.read_pid(tmp_path / "pid") is None


def test_a_process_that_will_not_end_is_ended() -> None:
    with subprocess.Popen(STUBBORN, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        processes.end(process.pid, patience=0.2)
        assert processes.started(process.pid) is None
        process.returncode = -9


def test_processes_are_found_by_what_is_in_their_command_line(tmp_path: Path) -> None:
    with subprocess.Popen([*SLEEP, str(tmp_path)]) as process:
        deadline = time.monotonic() + 10
        while not (found := processes.mentioning(f"{tmp_path}")) and time.monotonic() < deadline:
            time.sleep(0.01)  # the kernel may show the command line a moment after the program has begun
        process.kill()
    assert found == [process.pid]
