"""A second daemon that a test may stop, freeze or kill, beside the one that the other tests share."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.engine import debian, host, layout, processes, releases, standins
from tests.engine.daemon import Daemon
from tests.engine.engine import Engine, client, programs
from tests.engine.errors import EngineUnavailable
from tests.engine.tls import make_certificates


@dataclass(frozen=True)
class SecondEngine:
    """An engine of one test's own. Its networks and published ports work; nothing outside it notices when it dies."""

    engine: Engine
    daemon: Daemon

    def freeze(self) -> None:
        """Stop the daemon's clock (SIGSTOP): it takes connections and never answers."""
        processes.freeze(self._pid(), patience=30)

    def thaw(self) -> None:
        os.kill(self._pid(), signal.SIGCONT)

    def kill(self) -> None:
        """Kill the daemon (SIGKILL) and return when it is gone, and its containerd with it. Its containers run on."""
        pid = self._pid()
        containerd = int(self.daemon.containerd_pid.read_text())
        os.kill(pid, signal.SIGKILL)
        for process in (pid, containerd):  # the kernel ends containerd with its parent
            if not processes.wait_gone(process, 5):
                raise EngineUnavailable(f"process {process} survived the daemon's SIGKILL")

    def restart(self) -> None:
        """Start the killed daemon again, over what it left running."""
        self.daemon.start(sweep=False)

    def _pid(self) -> int:
        if (pid := self.daemon.pid) is None:
            raise EngineUnavailable("the second dockerd does not run")
        return pid


@contextmanager
def second_engine(
    version: str | None = None, *, images: Sequence[str] = (), tls: bool = False, data: Path | None = None
) -> Iterator[SecondEngine]:
    """Start a daemon and end it with all that it ran.

    *images* are the stand-ins it shall have ("python:3.11-slim"); it begins empty. With *tls* it is reached over
    TCP on loopback with certificates on both sides. *data* is its data folder, for example on a small file system;
    by default one in the cache that is removed afterwards.
    """
    debian.require()
    release = releases.release(version or releases.DEFAULT)
    with layout.locked(f"migops-{release.name}"):
        unpacked = programs(release)
    with ExitStack() as after:
        name = f"mt-{secrets.token_hex(4)}"
        if data is None:
            data = layout.cache() / "second" / name
            after.callback(shutil.rmtree, data, ignore_errors=True)
        listen, changes = _tls(after, name) if tls else ((), {})
        after.callback(host.remove_bridge, name)
        with layout.locked("subnets"):  # other processes may be choosing right now
            subnet = _free_subnet()
            host.bridge(name, f"{subnet}.0.1/24")
        after.callback(host.remove_bridges_in, subnet)
        daemon = Daemon(name, unpacked, data, _settings(release, name, subnet), listen)
        after.callback(shutil.rmtree, daemon.folder, ignore_errors=True)
        after.callback(daemon.stop, patience=0)
        daemon.start()
        host.let_through(f"{subnet}.0.0/16", daemon.folder / "bin")
        after.callback(host.block_again, f"{subnet}.0.0/16", daemon.folder / "bin")
        engine = Engine(
            changes.get("DOCKER_HOST", daemon.host), {**client(daemon.host, unpacked), **changes}, private=True
        )
        standins.provide(engine, images)
        yield SecondEngine(engine, daemon)


def _settings(release: releases.Release, bridge: str, subnet: str) -> dict[str, object]:
    return {
        "bridge": bridge,
        "default-address-pools": [{"base": f"{subnet}.128.0/17", "size": 24}],
        # a daemon that writes its own rules would flush those of the shared one
        "iptables": False,
        "features": dict.fromkeys(("buildkit", *release.features), True),
        "shutdown-timeout": 1,
    }


def _free_subnet() -> str:
    """The first two numbers of a network that no interface of this machine has."""
    routes = Path("/proc/net/route").read_text().splitlines()[1:]
    used = {bytes.fromhex(line.split()[1])[::-1][:2] for line in routes}
    candidates = [number for number in range(240, 256) if bytes((10, number)) not in used]
    if not candidates:
        raise EngineUnavailable("no private network is free for a second engine")
    return f"10.{candidates[0]}"


def _tls(after: ExitStack, name: str) -> tuple[tuple[str, ...], dict[str, str]]:
    debian.install({"openssl": "openssl"})
    folder = layout.run() / f"{name}-tls"
    after.callback(shutil.rmtree, folder, ignore_errors=True)
    make_certificates(folder)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    files = {"--tlscacert": "ca.pem", "--tlscert": "server-cert.pem", "--tlskey": "server-key.pem"}
    listen = ["--host", address, "--tlsverify"]
    for option, file in files.items():
        listen += [option, str(folder / file)]
    return tuple(listen), {"DOCKER_HOST": address, "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder)}
