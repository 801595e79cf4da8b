"""Processes that are forked from a server are what `subprocess` would start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests import warm

PROGRAM = """\
import os, sys, time
print(os.getpid(), os.getppid(), os.getcwd(), os.environ.get("MARK"), sys.argv[1:], "migops.cli.main" in sys.modules)
print("on stderr", file=sys.stderr, flush=True)
if sys.argv[1:] == ["wait"]:
    sys.stdout.flush()
    time.sleep(600)
sys.exit(7)
"""


def test_they_are(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    argv = (sys.executable, str(program))
    for env, is_forked in (({"MARK": "é"}, True), ({"MARK": "é", "PYTHONHASHSEED": "1"}, False)):
        done = warm.run((*argv, "a b"), cwd=tmp_path, env={**os.environ, **env})
        assert (done.returncode, done.stderr) == (7, "on stderr\n")
        said = done.stdout.split(" ", 1)[1].strip()
        assert said == f"{os.getpid()} {tmp_path} é ['a b'] {is_forked}"

    with warm.Popen((*argv, "wait"), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as one:
        assert one.stdout is not None
        assert int(one.stdout.readline().split()[0]) == one.pid
        assert one.poll() is None
        one.send_signal(signal.SIGTERM)
        assert one.wait(60) == -signal.SIGTERM


def test_the_program_itself(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "migops", "explain", "MIG001"]
    ours = warm.run(argv, cwd=tmp_path)
    theirs = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "MIG001" in ours.stdout
    assert (ours.returncode, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, theirs.stderr)
