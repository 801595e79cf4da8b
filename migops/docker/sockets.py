"""Which TCP ports the processes of a container have open, read from its /proc: nothing is changed for it."""

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
"""Commands that list what processes with MARK in their environment have open, and all TCP sockets. The first that can
be run counts."""


def client_ports(engine: Engine, container: str, mark: str) -> frozenset[int]:
    """The local ports of the TCP sockets that processes with ``mark`` in their environment have open.

    ``mark`` is of letters, digits and ``-_=`` alone. None are found where another user's processes may not be looked
    at. Raises ``Unavailable`` where the engine does not answer, or the container has neither a shell nor Python.
    """
    for script in SCRIPTS:
        exec_id = execs.create_exec(engine, container, [word.replace("MARK", mark) for word in script], {})
        with execs.output(engine, exec_id, silence=_SILENCE) as written:
            said = b"".join(piece for stream, piece in written if stream == execs.STDOUT).decode("utf-8", "replace")
        if execs.exec_state(engine, exec_id).code == 0 and not said.startswith(execs.REFUSED.decode()):
            return ports_of(said)
    raise Unavailable(f"the container {container[:12]} has no program that could list its connections")


def ports_of(said: str) -> frozenset[int]:
    """By the sockets that processes hold, the ports of the lines of /proc/net/tcp that are theirs."""
    inodes = set(_INODE.findall(said))
    lines = ((port, rest.split()) for port, rest in _LINE.findall(said))
    return frozenset(int(port, 16) for port, rest in lines if len(rest) > 5 and rest[5] in inodes)
