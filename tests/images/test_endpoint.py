"""Which engine is meant, and how it is reached: as the docker CLI does it."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path

import pytest

from migops.core.errors import MigopsError, Unavailable
from migops.docker import connect
from migops.docker.endpoint import DEFAULT_HOST, Endpoint, resolve
from migops.docker.http import Http
from tests.engine.fixtures import SecondEngines


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
    with pytest.raises(MigopsError, match="cannot read Docker's configuration") as caught:
        resolve({"HOME": str(home)})
    assert caught.value.at is not None
    assert caught.value.at.file == str(home / ".docker/config.json")
    key = hashlib.sha256(b"plain").hexdigest()
    (home / ".docker/contexts/meta" / key / "meta.json").write_text('{"Endpoints": {"kubernetes": {}}}')
    with pytest.raises(MigopsError, match="has no engine address"):
        resolve({"HOME": str(home), "DOCKER_CONTEXT": "plain"})


@pytest.mark.parametrize("host", ["npipe:////./pipe/docker", "tcp://", "tcp://h:port", "/run/docker.sock", "ssh://h/x"])
def test_addresses_that_cannot_be_used(host: str) -> None:
    with pytest.raises(MigopsError, match="cannot use the Docker address") as caught:
        Http(Endpoint(host, "a test"), 1)
    assert caught.value.hint.startswith("address: a test")


def test_certificates_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    endpoint = Endpoint("tcp://127.0.0.1:2376", "a test", tls=True, certificates=tmp_path)
    with pytest.raises(MigopsError) as caught:
        Http(endpoint, 1)
    assert "127.0.0.1:2376" in str(caught.value)


def test_ssh_without_the_sdks_extra_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(MigopsError, match="ssh://prod") as caught:
        connect(2, {"DOCKER_HOST": "ssh://prod", "HOME": str(tmp_path)})
    assert "migops[ssh]" in caught.value.hint


def test_a_port_where_nobody_answers(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(Unavailable, match=r"did not answer within 0\.2 s"):
            connect(0.2, {"DOCKER_HOST": host, "HOME": str(tmp_path)})


@pytest.mark.engine
def test_over_tls(second_engine: SecondEngines, tmp_path: Path) -> None:
    second = second_engine(tls=True)
    changes = dict(second.engine.changes)
    assert changes["DOCKER_HOST"].startswith("tcp://127.0.0.1:")
    with connect(10, changes) as engine:
        assert engine.containers({}) == []
        assert not engine.is_local
    with pytest.raises(Unavailable, match="HTTPS"):
        connect(5, {"DOCKER_HOST": changes["DOCKER_HOST"], "HOME": str(tmp_path)})
    with pytest.raises(Unavailable, match="certificate"):
        connect(5, {**changes, "DOCKER_CERT_PATH": str(tmp_path)})
