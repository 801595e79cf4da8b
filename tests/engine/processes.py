"""Processes that are surely ours: a pid alone may by now belong to someone else."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from pathlib import Path

from tests.engine.errors import EngineUnavailable


def started(pid: int) -> str | None:
    """When process *pid* started, in clock ticks since boot; None when it is gone or a zombie."""
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if after_name[0] == "Z" else after_name[19]


def write_pid(file: Path, pid: int) -> None:
    file.write_text(json.dumps({"pid": pid, "started": started(pid)}))


def read_pid(file: Path) -> int | None:
    """The pid in *file* if that very process still runs; None for a stale, cut or missing file."""
    try:
        record = json.loads(file.read_text())
        pid, since = int(record["pid"]), record["started"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return pid if since is not None and started(pid) == since else None


def end(pid: int, *, patience: float) -> None:
    """Ask process *pid* to end, and after *patience* seconds make it."""
    for number, seconds in ((signal.SIGCONT, 0.0), (signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        if seconds and wait_gone(pid, seconds):
            return


def wait_gone(pid: int, seconds: float) -> bool:
    """Whether process *pid* is gone within *seconds*. A child of ours is reaped on the way."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            gone = os.waitpid(pid, os.WNOHANG)[0] == pid
        except ChildProcessError:
            gone = started(pid) is None  # someone else's child: only /proc tells
        if gone:
            return True
        time.sleep(0.02)
    return False


def freeze(pid: int, *, patience: float) -> None:
    """Stop process *pid* (SIGSTOP) and return when each of its threads has stopped.

    The signal reaches the threads one after the other: on a busy machine one of them still answers a request meanwhile.
    :raises EngineUnavailable: a thread still runs after *patience* seconds.
    """
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + patience
    while running := [thread for thread, state in _threads(pid) if state != "T"]:
        if time.monotonic() > deadline:
            raise EngineUnavailable(f"threads {running} of process {pid} still run after SIGSTOP")
        time.sleep(0.01)


def _threads(pid: int) -> list[tuple[str, str]]:
    """The threads of process *pid*, each with the letter of its state (proc(5))."""
    threads: list[tuple[str, str]] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # the thread ended meanwhile
            threads.append((task.name, (task / "stat").read_text().rpartition(")")[2].split()[0]))
    return threads


def mentioning(text: str) -> list[int]:
    """The processes with *text* in their command line: a daemon's helpers carry the path of its run folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if os.fsencode(text) in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def in_cgroup(name: str) -> list[int]:
    """The processes below the control group *name*: containers that outlived their daemon."""
    found: set[int] = set()
    for group in _cgroups(name):
        with contextlib.suppress(OSError):  # the group went away with its last process
            found.update(map(int, (group / "cgroup.procs").read_text().split()))
    return sorted(found)


def remove_cgroup(name: str) -> None:
    """Remove the control group *name* and those below it, where they are empty."""
    for group in sorted(_cgroups(name), reverse=True):
        with contextlib.suppress(OSError):
            group.rmdir()


def _cgroups(name: str) -> list[Path]:
    """The control group *name* and those below it, in each of the hierarchies of version 1, or the one of version 2."""
    bases = [base / name for base in (Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").glob("*"))]
    return [group for base in bases if base.is_dir() for group in (base, *filter(Path.is_dir, base.rglob("*")))]
