"""Who a run is, so that a later one can tell whether it still goes on."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Who:
    """A process: ``born`` is its start in the kernel's ticks with the boot's ID, since numbers are given again."""

    user: str
    host: str
    pid: int
    born: str

    @property
    def is_alive(self) -> bool:
        """Whether it still runs on this machine. Of a process on another machine that is not known: True."""
        return self.host != socket.gethostname() or (bool(self.born) and _born(self.pid) == self.born)

    @property
    def is_there(self) -> bool:
        """Whether any process has this number now, be it another one."""
        return bool(_born(self.pid))

    def __str__(self) -> str:
        return f"{self.user}@{self.host}, process {self.pid}"

    def record(self) -> dict[str, Any]:
        """As it is written down; ``known`` reads it back."""
        return asdict(self)


def ourselves() -> Who:
    """This process."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        user = str(os.geteuid())
    return Who(user, socket.gethostname(), os.getpid(), _born(os.getpid()))


def known(record: Mapping[str, Any]) -> Who:
    """A process by what ``Who.record`` has written."""
    return Who(
        str(record.get("user", "?")), str(record.get("host", "?")), int(record.get("pid", 0)), str(record.get("born"))
    )


def _born(pid: int) -> str:
    """When a process began, '' where it does not run."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return _without_proc(pid)
    return f"{text.rpartition(')')[2].split()[19]}@{boot}"


def _without_proc(pid: int) -> str:
    """Where there is no /proc (macOS): only whether the number is taken."""
    if Path("/proc/self").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "running"
