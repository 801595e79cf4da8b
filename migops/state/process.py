"""Identity of a run's process, by which a later run determines if it is still alive."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any

INITIAL = "pid:[4026531836]"
"""Linux's initial PID namespace, a constant of the kernel. A process in any other namespace is in a container."""
_MACHINE_ID = ("/etc/machine-id", "/var/lib/dbus/machine-id")
_ENDED = ("Z", "X", "x")  # the kernel's states of a process that has ended but has not been reaped


class Life(Enum):
    """The state of a process as seen from here: alive, gone, or unknown."""

    LIVES = "lives"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Who:
    """A process. Unknown values are ''. Records of 0.1.0 have neither ``machine`` nor ``namespace``."""

    user: str
    host: str
    pid: int
    born: str  # its start in the kernel's ticks with the boot's ID, because process numbers are reused
    machine: str = ""  # the machine's ID, because host names are not unique: containers get any
    namespace: str = ""  # the PID namespace of ``pid``

    @property
    def life(self) -> Life:
        """The process's state. Never guessed from its age: ``UNKNOWN`` if this machine cannot know it."""
        here = ourselves()
        same = (self.host, self.machine, self.namespace) == (here.host, here.machine, here.namespace)
        if not same or not self.namespace or not self.boot or not here.boot:
            return Life.UNKNOWN
        if self.boot != here.boot:
            # A container may have any machine's ID, and its namespace's number is reused after a reboot.
            return Life.GONE if self.machine and self.namespace == INITIAL else Life.UNKNOWN
        born = _born(self.pid)
        if born is None:
            return Life.UNKNOWN
        return Life.LIVES if born == self.born else Life.GONE

    @property
    def is_alive(self) -> bool:
        """True if the process is alive or its state is unknown."""
        return self.life is not Life.GONE

    @property
    def is_there(self) -> bool:
        """True if any process has this number now, possibly another one."""
        return _born(self.pid) != ""

    @property
    def boot(self) -> str:
        """The ID of the machine's boot in which it started."""
        return self.born.partition("@")[2]

    def __str__(self) -> str:
        return f"{self.user}@{self.host}, process {self.pid}"

    def record(self) -> dict[str, Any]:
        """The record of the process, which ``known`` reads back."""
        return asdict(self)


def ourselves() -> Who:
    """The current process."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user may lack a name
        user = str(os.geteuid())
    return Who(user, socket.gethostname(), os.getpid(), _born(os.getpid()) or "", _machine(), _namespace())


def known(record: Mapping[str, Any]) -> Who:
    """A process from ``Who.record``."""
    pid = str(record.get("pid", ""))
    return Who(
        str(record.get("user", "?")), str(record.get("host", "?")), int(pid) if pid.isdecimal() else 0,
        str(record.get("born") or ""), str(record.get("machine") or ""), str(record.get("namespace") or ""),
    )  # fmt: skip


def _machine() -> str:
    """The machine's ID, '' if it has none (in most containers)."""
    return next((text for path in _MACHINE_ID if (text := _text(path))), "")


def _namespace() -> str:
    """Our PID namespace; '' if /proc is missing or shows another namespace."""
    try:
        if os.readlink("/proc/self") != str(os.getpid()):  # noqa: PTH115 - a number, not a path
            return ""
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - a name, not a path
    except OSError:
        return ""


def _born(pid: int) -> str | None:
    """The start of a process; '' if there is none, or it is a zombie; None if it is unknown."""
    boot = _text("/proc/sys/kernel/random/boot_id")
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None if _exists(pid) else ""  # hidepid keeps other users' processes out of /proc
    except (OSError, ValueError):
        return None
    return "" if state in _ENDED else f"{fields[18]}@{boot}"


def _exists(pid: int) -> bool:
    if pid <= 0:  # would mean a process group
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _text(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
