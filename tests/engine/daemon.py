"""One private dockerd: started, asked, stopped, and swept up after, all within its own folders."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.engine import debian, host, layout, processes
from tests.engine.errors import EngineUnavailable

_BOOT_SECONDS = 60


@dataclass(frozen=True)
class Daemon:
    """A dockerd that is nobody else's: its own data, sockets, networks and control group."""

    name: str
    """Unique in this cache, and short, for it is in a socket's path."""
    programs: Path
    """Where the packages are unpacked."""
    data: Path
    """Images, containers, volumes."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """daemon.json; the machine's own /etc/docker is never read."""
    arguments: Sequence[str] = ()
    """More arguments for dockerd."""

    @property
    def folder(self) -> Path:
        return layout.run() / self.name

    @property
    def cgroup(self) -> str:
        """Its control group. Unique on this machine: whatever runs in it is ended with the daemon."""
        return f"{self.folder.parent.name}-{self.name}"

    @property
    def socket(self) -> Path:
        return self.folder / "docker.sock"

    @property
    def host(self) -> str:
        return f"unix://{self.socket}"

    @property
    def log(self) -> Path:
        return self.folder / "dockerd.log"

    @property
    def containerd_pid(self) -> Path:
        """The pid file that dockerd keeps of its own containerd, which the kernel ends with it."""
        return self.folder / "exec/containerd/containerd.pid"

    @property
    def pid(self) -> int | None:
        """The pid of the running dockerd that we started, or None."""
        return processes.read_pid(self.folder / "pid.json")

    def alive(self) -> bool:
        """Whether our dockerd runs and answers."""
        return self.pid is not None and answers(self.socket)

    def start(self, *, sweep: bool = True) -> None:
        """Start it and wait until it answers. Raises `EngineUnavailable` with the end of its log.

        A killed one may have left containers running. They end first, unless *sweep* is false.
        """
        if self.alive():
            return
        if sweep:
            self.stop()
        # a zombie that nobody has reaped counts as a running containerd, whose answer dockerd then awaits in vain
        self.containerd_pid.unlink(missing_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data.mkdir(parents=True, exist_ok=True)
        shims = self.folder / "bin"
        shims.mkdir(exist_ok=True)
        host.prepare(shims)
        (self.folder / "daemon.json").write_text(json.dumps(dict(self.settings)))
        path = debian.search_path(shims, self.programs / "usr/bin", self.programs / "usr/sbin")
        env = {"PATH": path, "HOME": str(Path.home())}
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                self._command(), env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        processes.write_pid(self.folder / "pid.json", process.pid)
        process.returncode = 0  # it outlives us on purpose: keep Popen from warning about that
        self.wait_ready(_BOOT_SECONDS)

    def wait_ready(self, seconds: float) -> None:
        """Wait until it answers; raise `EngineUnavailable` with the end of its log if it ends or stays silent."""
        deadline = time.monotonic() + seconds
        while not answers(self.socket):
            pid = self.pid
            if pid is None or time.monotonic() > deadline:
                tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-12:])
                self.stop()
                raise EngineUnavailable(f"the private dockerd {'ended' if pid is None else 'is silent'}:\n{tail}")
            time.sleep(0.05)

    def stop(self, *, patience: float = 20) -> None:
        """End it, its helpers and its containers, and unmount what they had mounted. No harm if it does not run.

        Within *patience* seconds it may end its containers itself; with 0 all is killed.
        """
        if (pid := self.pid) is not None:
            processes.end(pid, patience=patience)
        for _ in range(3):  # a shim may start something while the first round runs
            # containerd and its shims carry this path; a docker CLI or a `tail` of the log does not
            strays = [*processes.mentioning(f"{self.folder}/exec/"), *processes.in_cgroup(self.cgroup)]
            for stray in strays:
                processes.end(stray, patience=0)
            if not strays:
                break
        processes.remove_cgroup(self.cgroup)
        host.unmount_below(self.folder)
        host.unmount_below(self.data)
        for redundant_rows in ("pid.json", "docker.pid", "docker.sock"):
            (self.folder / redundant_rows).unlink(missing_ok=True)

    def _command(self) -> list[str]:
        return [
            str(self.programs / "usr/sbin/dockerd"),
            *("--config-file", str(self.folder / "daemon.json")),
            *("--data-root", str(self.data)),
            *("--exec-root", str(self.folder / "exec")),
            *("--pidfile", str(self.folder / "docker.pid")),
            *("--host", self.host),
            *("--group", "root"),
            *("--cgroup-parent", f"/{self.cgroup}"),
            *("--exec-opt", "native.cgroupdriver=cgroupfs"),
            *("--log-level", "warn"),
            *self.arguments,
        ]


def answers(path: Path | str, *, seconds: float = 20.0) -> bool:
    """Whether an engine answers `GET /_ping` on the unix socket *path* within *seconds*."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(seconds)
        try:
            connection.connect(os.fspath(path))
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")
            return b" 200 " in connection.recv(64)
        except OSError:
            return False
