"""Who a run is, so that a later one can tell whether it still goes on."""

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
"""Linux's first PID namespace, by a number that the kernel never changes. A process in any other is in a container."""
_MACHINE_ID = ("/etc/machine-id", "/var/lib/dbus/machine-id")
_ENDED = ("Z", "X", "x")  # the kernel's states of a process that has ended, and that nobody has waited for yet


class Life(Enum):
    """What is known of a process here: it lives, it has gone, or neither can be told."""

    LIVES = "lives"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Who:
    """A process. A record that 0.1.0 wrote has neither ``machine`` nor ``namespace``.

    ``born`` is its start in the kernel's ticks with the boot's ID, since numbers are given again; ``machine`` is the
    machine's own ID (a host's name alone says little: containers get any), ``namespace`` the PID namespace in which
    the process has its number. '' is what the machine did not tell.
    """

    user: str
    host: str
    pid: int
    born: str
    machine: str = ""
    namespace: str = ""

    @property
    def life(self) -> Life:
        """Whether it lives. Never judged by age: what this machine cannot know is ``UNKNOWN``."""
        here = ourselves()
        same = (self.host, self.machine, self.namespace) == (here.host, here.machine, here.namespace)
        if not same or not self.namespace or not self.boot or not here.boot:
            return Life.UNKNOWN
        if self.boot != here.boot:
            # A container may have any machine's ID, and its namespace's number is given again after a reboot.
            return Life.GONE if self.machine and self.namespace == INITIAL else Life.UNKNOWN
        born = _born(self.pid)
        if born is None:
            return Life.UNKNOWN
        return Life.LIVES if born == self.born else Life.GONE

    @property
    def is_alive(self) -> bool:
        """Whether it has to be taken for alive: it lives, or that is not known here."""
        return self.life is not Life.GONE

    @property
    def is_there(self) -> bool:
        """Whether any process has this number now, be it another one."""
        return _born(self.pid) != ""

    @property
    def boot(self) -> str:
        """The boot of the machine on which it runs."""
        return self.born.partition("@")[2]

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
    return Who(user, socket.gethostname(), os.getpid(), _born(os.getpid()) or "", _machine(), _namespace())


def known(record: Mapping[str, Any]) -> Who:
    """A process by what ``Who.record`` has written."""
    pid = str(record.get("pid", ""))
    return Who(
        str(record.get("user", "?")), str(record.get("host", "?")), int(pid) if pid.isdecimal() else 0,
        str(record.get("born") or ""), str(record.get("machine") or ""), str(record.get("namespace") or ""),
    )  # fmt: skip


def _machine() -> str:
    """The machine's ID, '' where it has none (in most containers)."""
    return next((text for path in _MACHINE_ID if (text := _text(path))), "")


def _namespace() -> str:
    """The PID namespace whose numbers /proc shows; '' where it shows another one's than ours, or there is none."""
    try:
        if os.readlink("/proc/self") != str(os.getpid()):  # noqa: PTH115 - a number, not a path
            return ""
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - a name, not a path
    except OSError:
        return ""


def _born(pid: int) -> str | None:
    """When a process began; '' where there is none, or it is a zombie; None where that cannot be told."""
    boot = _text("/proc/sys/kernel/random/boot_id")
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None if _exists(pid) else ""  # hidepid keeps other users' processes out of /proc
    except (OSError, ValueError):
        return None
    return "" if state in _ENDED else f"{fields[18]}@{boot}"


def _exists(pid: int) -> bool:
    if pid <= 0:  # which would mean a group of processes
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
