"""Whose ports are whose: of the lines of /proc/net/tcp only those of sockets that the processes hold."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

from migops.docker.sockets import SCRIPTS, ports_of


def test_the_ports_of_a_process_and_of_no_other() -> None:
    """The scripts that run in containers, run here on a process that is connected."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()[:2]
        code = f"import socket, sys; s = socket.create_connection({address!r}); sys.stdin.read()"
        mark = f"migops-sockets-{os.getpid()}"
        child = subprocess.Popen(
            (sys.executable, "-c", code), env={**os.environ, "PGAPPNAME": mark}, stdin=subprocess.PIPE
        )
        try:
            accepted, theirs = server.accept()
            with accepted:
                for script in SCRIPTS:
                    words = (sys.executable if script[0].startswith("python") else script[0], *script[1:])
                    said = subprocess.run(
                        [word.replace("MARK", mark) for word in words], capture_output=True, text=True, check=True
                    ).stdout
                    assert ports_of(said) == {theirs[1]}, script[0]
        finally:
            child.communicate()
