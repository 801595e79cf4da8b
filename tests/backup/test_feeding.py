"""A command's standard input over a socket, and over TLS, which cannot end one direction alone."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence

import pytest

from migops.docker import Engine, connect, execs
from migops.docker.feeding import conversation, limited
from tests.engine.fixtures import SecondEngines
from tests.engine.sandbox import Sandbox

pytestmark = pytest.mark.engine

DATA = os.urandom(1 << 16) * 96  # 6 MB: more than all buffers on the way hold
IMAGE = "postgres:15"


def run(engine: Engine, container: str, command: Sequence[str], data: bytes) -> tuple[int | None, bytes]:
    """The exit code and the output of a command that is given ``data``."""
    exec_id = execs.create_exec(engine, container, limited(command, len(data)), {}, stdin=True)
    given = (data[at : at + 100_000] for at in range(0, len(data), 100_000))
    with conversation(engine, exec_id, given, 20.0) as pieces:
        out = b"".join(piece for _, piece in pieces)
    return execs.exec_state(engine, exec_id).code, out


def check(engine: Engine, container: str) -> None:
    """What every way must carry: all of the input, all of the output at the same time, and an end of either."""
    expected = hashlib.sha256(DATA).hexdigest()
    assert run(engine, container, ("sha256sum",), DATA) == (0, f"{expected}  -\n".encode())
    code, out = run(engine, container, ("cat",), DATA)
    assert (code, hashlib.sha256(out).hexdigest()) == (0, expected)
    assert run(engine, container, ("sh", "-c", "head -c 5; exit 3"), DATA) == (3, DATA[:5])
    assert run(engine, container, ("wc", "-c"), b"") == (0, b"0\n")
    code, out = run(engine, container, ("no-such-program",), b"x")
    assert code == 127
    assert b"not found" in out


def waiting(box: Sandbox) -> str:
    return box.docker("run", "-d", "--name", f"{box.name}-waits", "--entrypoint", "sleep", IMAGE, "600").strip()


def test_over_the_engines_socket(sandbox: Sandbox) -> None:
    with connect(20.0, sandbox.env) as engine:
        check(engine, waiting(sandbox))


def test_over_tls(second_engine: SecondEngines) -> None:
    second = second_engine(images=(IMAGE,), tls=True).engine
    with connect(20.0, second.env) as engine:
        name = second.docker("run", "-d", "--network", "none", "--entrypoint", "sleep", IMAGE, "600").strip()
        check(engine, name)
