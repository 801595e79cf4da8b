"""Open TCP ports of a container's processes, read from its /proc."""

from __future__ import annotations

import re

from migops.core.errors import Unavailable
from migops.docker import Engine, execs

_SILENCE = 5.0  # seconds after which a container does not answer
_INODE = re.compile(r"socket:\[(\d+)\]")
_LINE = re.compile(r"^\s*\d+:\s+[0-9A-F]+:([0-9A-F]{4})\s+[0-9A-F]+:[0-9A-F]{4}\s+[0-9A-F]{2}\s+(.*)$", re.MULTILINE)
_SHELL = (
    'for p in /proc/[0-9]*; do if grep -q MARK "$p/environ" 2>/dev/null; '
    'then ls -l "$p/fd"; cat "$p/net/tcp" "$p/net/tcp6"; fi; done 2>/dev/null; exit 0'
)
_PYTHON = """
import glob, os
for path in glob.glob("/proc/[0-9]*"):
    try:
        if b"MARK" in open(path + "/environ", "rb").read():
            for name in os.listdir(path + "/fd"):
                print(os.readlink(path + "/fd/" + name))
            for name in ("tcp", "tcp6"):
                print(open(path + "/net/" + name).read())
    except OSError:
        pass
"""
SCRIPTS = (("sh", "-c", _SHELL), ("python3", "-c", _PYTHON), ("python", "-c", _PYTHON))
"""Commands that list the open files of processes with MARK in their environment, and all TCP sockets. The first one
that can be run is used."""


def client_ports(engine: Engine, container: str, mark: str) -> frozenset[int]:
    """The local ports of open TCP sockets of processes with ``mark`` in their environment.

    ``mark`` consists of letters, digits and ``-_=``. Processes of another user that may not be inspected are skipped.
    Raises ``Unavailable`` if the engine does not answer, or the container has neither a shell nor Python.
    """
    for script in SCRIPTS:
        exec_id = execs.create_exec(engine, container, [word.replace("MARK", mark) for word in script], {})
        with execs.output(engine, exec_id, silence=_SILENCE) as written:
            output = b"".join(piece for stream, piece in written if stream == execs.STDOUT).decode("utf-8", "replace")
        if execs.exec_state(engine, exec_id).code == 0 and not output.startswith(execs.REFUSED.decode()):
            return ports_of(output)
    raise Unavailable(f"the container {container[:12]} has no program that could list its connections")


def ports_of(output: str) -> frozenset[int]:
    """The ports in /proc/net/tcp of the sockets that the processes have open."""
    inodes = set(_INODE.findall(output))
    lines = ((port, rest.split()) for port, rest in _LINE.findall(output))
    return frozenset(int(port, 16) for port, rest in lines if len(rest) > 5 and rest[5] in inodes)
