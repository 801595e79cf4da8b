"""Values with a grammar of their own."""

from __future__ import annotations

import pytest

from migops.compose.ports import parse_port
from migops.compose.tree import Mark
from migops.compose.units import add_hosts, duration, shell_words, show_duration, size
from migops.compose.volumes import parse_volume
from migops.core.errors import MigopsError

HERE = Mark("f.yaml", 7)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("90s", "1m30s"), ("1h", "1h0m0s"), ("1.5s", "1.5s"), ("300ms", "300ms"), ("2d", "48h0m0s"), ("1w", "168h0m0s"),
     ("0", "0s"), ("-1s", "-1s"), ("100us", "100µs"), ("1ns", "1ns"), ("1m0.25s", "1m0.25s"), (".5s", "500ms")],
)  # fmt: skip
def test_durations(text: str, wanted: str) -> None:
    assert show_duration(duration(text)) == wanted


@pytest.mark.parametrize("text", ["", "10", "1y", "s", "1.s.2", "x"])
def test_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("1024", 1024), ("1k", 1024), ("1.5m", 1572864), ("1 GiB", 2**30), ("2T", 2**41), ("9e30g", -(2**63))],
)
def test_sizes(text: str, wanted: int) -> None:
    assert size(text) == wanted


@pytest.mark.parametrize("text", ["", "k", "1x", "-1", "1kibi", "one"])
def test_no_size(text: str) -> None:
    with pytest.raises(ValueError):
        size(text)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [("a 'b c' \"d e\"", ["a", "b c", "d e"]), ("a\\ b", ["a b"]), ("a ''", ["a", ""]), ("a && b", ["a"]), ("", []),
     ("echo $(a b) c", ["echo", "$(a b)", "c"]), ("a 2>&1", ["a"]), ("a'b'c", ["abc"]), ("a\tb\nc", ["a", "b", "c"])],
)  # fmt: skip
def test_shell_words(line: str, wanted: list[str]) -> None:
    assert shell_words(line) == wanted


@pytest.mark.parametrize("line", ["a 'b", 'a "b', "a\\", "(a)", "a `b"])
def test_no_shell_words(line: str) -> None:
    with pytest.raises(ValueError, match="invalid command line string"):
        shell_words(line)


def test_hosts() -> None:
    assert add_hosts([("b", ["[::1]"]), ("a", ["1.1.1.1", "2.2.2.2"])]) == ["a=1.1.1.1", "a=2.2.2.2", "b=::1"]
    with pytest.raises(ValueError, match="bad host name"):
        add_hosts([("a:b", ["1.1.1.1"])])


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ("./a:/b", {"type": "bind", "source": "./a", "target": "/b", "bind": {"create_host_path": True}}),
        ("data/sub:/b", {"type": "volume", "source": "data/sub", "target": "/b", "volume": {}}),
        ("/cache", {"type": "volume", "target": "/cache", "volume": {}}),
        ("/b", {"type": "volume", "target": "/b"}),
        ("vol:/b:ro,nocopy", {
            "type": "volume", "source": "vol", "target": "/b", "read_only": True, "volume": {"nocopy": True},
        }),
        ("C:\\a:/b", {"type": "bind", "source": "C:\\a", "target": "/b", "bind": {"create_host_path": True}}),
        ("${A:-./x}:/b", {"type": "volume", "source": "${A:-./x}", "target": "/b", "volume": {}}),
    ],
)  # fmt: skip
def test_short_mounts(spec: str, wanted: dict[str, object]) -> None:
    assert parse_volume(spec, HERE) == wanted


@pytest.mark.parametrize("spec", ["", ":/b", "vol:", "vol:/b:ro:rw"])
def test_no_mount(spec: str) -> None:
    with pytest.raises(MigopsError, match="invalid") as refused:
        parse_volume(spec, HERE)
    assert str(refused.value.at) == "f.yaml:7"


def test_ports() -> None:
    assert parse_port("127.0.0.1:8000-8001:80-81/udp", HERE) == [
        {"mode": "ingress", "host_ip": "127.0.0.1", "target": 80, "published": "8000", "protocol": "udp"},
        {"mode": "ingress", "host_ip": "127.0.0.1", "target": 81, "published": "8001", "protocol": "udp"},
    ]
    assert parse_port("8000-8002:80", HERE)[0]["published"] == "8000-8002"


@pytest.mark.parametrize("spec", ["", "x", "80:x", "x:80", "localhost:80:80", "80/bad", "1-2:3-5", "65536"])
def test_no_port(spec: str) -> None:
    with pytest.raises(MigopsError):
        parse_port(spec, HERE)
