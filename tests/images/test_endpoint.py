"""Which engine is meant, and how it is reached: as the docker CLI does it."""

from __future__ import annotations

import hashlib
import json
import shlex
import socket
import sys
from pathlib import Path

import pytest

from migops.engine import connect
from migops.engine.endpoint import DEFAULT_HOST, Endpoint, resolve
from migops.engine.transport import open_connection
from migops.errors import MigopsError, NoVerdict
from tests.engine.fixtures import SecondEngines
from tests.images.fake_engine import IMAGE_ID, serve


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with two contexts, ``prod`` with certificates and ``plain`` without; none is current."""
    for name, host in {"prod": "tcp://prod.example:2376", "plain": "unix:///run/other.sock"}.items():
        key = hashlib.sha256(name.encode()).hexdigest()
        meta = tmp_path / ".docker/contexts/meta" / key
        meta.mkdir(parents=True)
        endpoint = {"docker": {"Host": host, "SkipTLSVerify": name == "plain"}}
        (meta / "meta.json").write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": endpoint}))
        if name == "prod":
            (tmp_path / ".docker/contexts/tls" / key / "docker").mkdir(parents=True)
    return tmp_path


def use(home: Path, name: str) -> None:
    (home / ".docker/config.json").write_text(json.dumps({"currentContext": name}))


def test_the_default(home: Path) -> None:
    assert resolve({"HOME": str(home)}) == Endpoint(DEFAULT_HOST, "the default")
    use(home, "default")
    assert resolve({"HOME": str(home)}).host == DEFAULT_HOST


def test_docker_host_wins_over_all(home: Path) -> None:
    use(home, "prod")
    environment = {"HOME": str(home), "DOCKER_HOST": "unix:///x.sock", "DOCKER_CONTEXT": "plain"}
    assert resolve(environment) == Endpoint("unix:///x.sock", "DOCKER_HOST")


def test_docker_context_wins_over_the_current_one(home: Path) -> None:
    use(home, "prod")
    assert resolve({"HOME": str(home), "DOCKER_CONTEXT": "plain"}).host == "unix:///run/other.sock"
    assert resolve({"HOME": str(home), "DOCKER_CONTEXT": "default"}).host == DEFAULT_HOST


def test_the_current_context(home: Path) -> None:
    use(home, "prod")
    endpoint = resolve({"HOME": str(home)})
    assert (endpoint.host, endpoint.tls, endpoint.verify) == ("tcp://prod.example:2376", True, True)
    assert endpoint.certificates is not None
    assert endpoint.certificates.is_dir()
    assert "prod" in endpoint.origin
    assert resolve({"DOCKER_CONFIG": str(home / ".docker")}) == endpoint


def test_tls_from_the_environment(home: Path) -> None:
    base = {"HOME": str(home), "DOCKER_HOST": "tcp://h:2376"}
    assert not resolve(base).tls
    assert not resolve(base | {"DOCKER_TLS_VERIFY": "", "DOCKER_CERT_PATH": "/certs"}).tls
    verified = resolve(base | {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs"})
    assert (verified.tls, verified.verify, verified.certificates) == (True, True, Path("/certs"))
    assert resolve(base | {"DOCKER_TLS": "1"}) == Endpoint(
        "tcp://h:2376", "DOCKER_HOST", tls=True, verify=False, certificates=home / ".docker"
    )


def test_contexts_that_do_not_work(home: Path) -> None:
    with pytest.raises(MigopsError, match="'gone', set by DOCKER_CONTEXT, does not exist"):
        resolve({"HOME": str(home), "DOCKER_CONTEXT": "gone"})
    (home / ".docker/config.json").write_text("{")
    with pytest.raises(MigopsError, match="cannot be read") as caught:
        resolve({"HOME": str(home)})
    assert caught.value.at is not None
    assert caught.value.at.file == str(home / ".docker/config.json")
    key = hashlib.sha256(b"plain").hexdigest()
    (home / ".docker/contexts/meta" / key / "meta.json").write_text('{"Endpoints": {"kubernetes": {}}}')
    with pytest.raises(MigopsError, match="names no engine"):
        resolve({"HOME": str(home), "DOCKER_CONTEXT": "plain"})


@pytest.mark.parametrize(
    "host", ["npipe:////./pipe/docker", "tcp://", "tcp://h:port", "/run/docker.sock", "ssh://h/x", ""]
)
def test_addresses_that_cannot_be_used(host: str) -> None:
    with pytest.raises(MigopsError, match="cannot be used") as caught:
        open_connection(Endpoint(host, "a test"), 1)
    assert caught.value.hint == "see where it comes from: a test"


def test_certificates_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    endpoint = Endpoint("tcp://127.0.0.1:2376", "a test", tls=True, certificates=tmp_path)
    with pytest.raises(MigopsError, match=r"certificates in .* cannot be read"):
        open_connection(endpoint, 1)


DIAL_STDIO = """
import os, socket, sys, threading
with open({log!r}, "a") as log:
    print(*sys.argv[1:], file=log)
engine = socket.socket(socket.AF_UNIX)
engine.connect({engine!r})
def forward():
    while data := engine.recv(65536):
        os.write(1, data)
threading.Thread(target=forward, daemon=True).start()
while data := os.read(0, 65536):
    engine.sendall(data)
"""


def test_over_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for ssh that connects to the engine at once, as ``docker system dial-stdio`` does over there."""
    with serve(tmp_path) as (_, host):
        log = tmp_path / "log"
        script = DIAL_STDIO.format(log=str(log), engine=host.removeprefix("unix://"))
        (tmp_path / "dial.py").write_text(script)
        ssh = tmp_path / "ssh"
        ssh.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {tmp_path / "dial.py"} "$@"\n')
        ssh.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        with connect(10, {"DOCKER_HOST": "ssh://ops@prod.example:2222", "HOME": str(tmp_path)}) as engine:
            assert engine.image("app:1")["Id"] == IMAGE_ID
            assert engine.containers({}) == []
    assert log.read_text() == "-T -l ops -p 2222 -- prod.example docker system dial-stdio\n"  # one connection for all


def test_ssh_that_fails_is_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoVerdict, match="ssh://prod"):
        connect(2, {"DOCKER_HOST": "ssh://prod", "HOME": str(tmp_path)})
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\nexit 255\n")
    ssh.chmod(0o755)
    with pytest.raises(NoVerdict, match="ssh://prod"):
        connect(2, {"DOCKER_HOST": "ssh://prod", "HOME": str(tmp_path)})


def test_a_port_where_nobody_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(NoVerdict, match=r"did not answer within 0\.2 s"):
            connect(0.2, {"DOCKER_HOST": host, "HOME": str(tmp_path)})


@pytest.mark.engine
def test_over_tls(second_engine: SecondEngines, tmp_path: Path) -> None:
    second = second_engine(tls=True)
    changes = dict(second.engine.changes)
    assert changes["DOCKER_HOST"].startswith("tcp://127.0.0.1:")
    with connect(10, changes) as engine:
        assert engine.containers({}) == []
        assert not engine.is_local
    with pytest.raises(NoVerdict, match="HTTPS"):
        connect(5, {"DOCKER_HOST": changes["DOCKER_HOST"], "HOME": str(tmp_path)})
    with pytest.raises(NoVerdict, match="certificate"):
        connect(5, {**changes, "DOCKER_CERT_PATH": str(tmp_path)})
