"""Runs migops, and lets something happen the moment its journal has a certain line: `python at.py POINTS WORDS…`.

POINTS is JSON: from "step:status" to a signal's name, which this process sends itself, or else a shell command.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import Any

from migops.cli.main import main
from migops.state.journal import Journal

points: dict[str, str] = json.loads(sys.argv[1])
note = Journal.note


def note_and_act(journal: Journal, step: str, status: str, **inputs: Any) -> None:
    note(journal, step, status, **inputs)
    action = points.pop(f"{step}:{status}", "")
    if action.startswith("SIG"):
        os.kill(os.getpid(), signal.Signals[action])
    elif action:
        subprocess.run(("sh", "-c", action), check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr)


if "FAKETIME_TIMESTAMP_FILE" in os.environ:
    # With a jump of years, libfaketime makes a negative time of the absolute one that Python sleeps until (EINVAL).
    time.sleep = lambda seconds: select.select((), (), (), seconds) and None
Journal.note = note_and_act  # type: ignore[method-assign]
sys.argv = ["migops", *sys.argv[2:]]
main()
