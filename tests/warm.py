"""Processes of migops that have it imported already: half of a command's CPU is the import, and tests start hundreds.

``Popen`` and ``run`` are those of `subprocess` for ``(sys.executable, "-m", "migops", …)`` or a script that runs it.
The process is a real one, a child of the caller: it has its own number, folder, environment and streams, and is
signalled, killed and waited for as any. But it is forked from a server that has imported migops and nothing else.

What only the start of an interpreter reads (LD_PRELOAD, PYTHON…, the locale) the server cannot give: a process that
wants another value than the server has is started in the ordinary way, and so is all that writes to a terminal.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import pkgutil
import runpy
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Any

_AT_START = ("LD_", "PYTHON", "LC_", "LANG")
"""How the variables begin that are read before the first line of a program."""
_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of prctl(2): orphans below this process become its children."""
_LOCK = threading.Lock()
_PROGRAMS_OF_CONTAINERS = ("migops.commands.adopt.inside",)


class Popen(subprocess.Popen[str]):
    """`subprocess.Popen` of a program that begins with ``sys.executable``, without the import of migops."""

    def _execute_child(self, args: Any, executable: Any, preexec_fn: Any, close_fds: Any, *rest: Any) -> None:
        _, cwd, env, _, _, _, *streams_and_rest = rest
        read_in, _, _, write_out, _, write_error = streams_and_rest[:6]
        streams = [given if given != -1 else number for number, given in enumerate((read_in, write_out, write_error))]
        wanted = dict(os.environ if env is None else env)
        if not _serves(args, wanted, streams):
            super()._execute_child(args, executable, preexec_fn, close_fds, *rest)  # type: ignore[misc]
            return
        try:
            told = {"argv": [*map(str, args[1:])], "cwd": str(Path(cwd or ".").absolute()), "env": wanted}
            self.pid = _Server.running().fork(told, streams)
            self._child_created = True
        finally:
            self._close_pipe_fds(*streams_and_rest[:6])  # type: ignore[attr-defined]


def run(argv: Any, *, timeout: float | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """`subprocess.run` with both streams captured as text, and nothing to read."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with Popen(argv, **{**streams, **options}) as process:
        try:
            out, error = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(argv, process.returncode, out, error)


def _serves(argv: Any, env: dict[str, str], streams: list[int]) -> bool:
    """Whether the server can start this program as the interpreter itself would."""
    known = tuple(argv[1:3]) == ("-m", "migops") or str(argv[1]).endswith(".py")
    known = known and argv[0] == sys.executable and sys.platform == "linux"
    return known and _at_start(env) == _at_start(dict(os.environ)) and not any(map(os.isatty, streams))


def _at_start(env: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(_AT_START)}


class _Server:
    """This process's own server. It ends with it."""

    _own: _Server | None = None

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._prctl = ctypes.CDLL(None, use_errno=True).prctl
        self._socket, other = socket.socketpair()
        with other:
            self._process = subprocess.Popen(
                (sys.executable, "-m", "tests.warm", str(other.fileno())), cwd=Path(__file__).parents[1],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=(other.fileno(),),
            )  # fmt: skip
        atexit.register(self.stop)

    @classmethod
    def running(cls) -> _Server:
        with _LOCK:
            if cls._own is None or cls._own._pid != os.getpid():
                cls._own = cls()
            return cls._own

    def fork(self, told: dict[str, Any], streams: list[int]) -> int:
        """Start the program; return its number. The server's child ends at once, so that its own becomes ours."""
        text = json.dumps(told).encode()
        with _LOCK:
            self._prctl(_SUBREAPER, 1, 0, 0, 0)
            try:
                socket.send_fds(self._socket, [struct.pack("=I", len(text))], streams)
                self._socket.sendall(text)
                answer = _read(self._socket, 4)
            finally:
                self._prctl(_SUBREAPER, 0, 0, 0, 0)
        if not answer:
            raise AssertionError(f"the server of processes has ended: {self._process.wait()}")
        pid: int = struct.unpack("=I", answer)[0]
        return pid

    def stop(self) -> None:
        if self._pid == os.getpid():
            self._socket.close()
            self._process.wait()


def _read(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size and (more := connection.recv(size - len(found))):
        found += more
    return found


def _serve(connection: socket.socket) -> list[str]:
    """Fork for each request, until there are none (SystemExit). Returns the words of the program in its process."""
    while True:
        head, streams, _, _ = socket.recv_fds(connection, 4, 3)
        if not head:
            raise SystemExit(0)
        told = json.loads(_read(connection, struct.unpack("=I", head)[0]))
        reading, writing = os.pipe()
        between = os.fork()
        if not between:
            own = os.getpid()
            if pid := os.fork():
                os.write(writing, struct.pack("=I", pid))
                os._exit(0)
            while os.getppid() == own:  # until it is the caller's child
                time.sleep(0.001)
            connection.detach()
            return _become(told, streams)
        os.waitpid(between, 0)
        connection.sendall(os.read(reading, 4))
        for each in (reading, writing, *streams):
            os.close(each)


def _become(told: dict[str, Any], streams: list[int]) -> list[str]:
    """Take the folder, the environment and the streams of the program that was asked for."""
    for number, given in enumerate(streams):
        os.dup2(given, number)
    os.closerange(3, 1024)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(told["env"])
    os.chdir(told["cwd"])
    time.tzset()
    words: list[str] = told["argv"]
    return words


def _import_all() -> None:
    import migops

    for module in pkgutil.walk_packages(migops.__path__, "migops."):
        if not module.name.endswith("__main__") and module.name not in _PROGRAMS_OF_CONTAINERS:
            import_module(module.name)
    gc.collect()
    gc.freeze()


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started us
    connection = socket.socket(fileno=int(sys.argv[1]))
    _import_all()
    program, *words = _serve(connection)
    if program == "-m":
        sys.path[0] = os.getcwd()
        sys.argv = words
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = str(Path(program).parent)
        sys.argv = [program, *words]
        runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    _main()
