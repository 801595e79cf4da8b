"""Published ports: which of them is taken, by whom, and which become free with the containers that are replaced."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import Any

import pytest

from migops.commands.deploy.ports import Port, listening, occupied
from tests.deploy.made import inputs

OWN = {"com.docker.compose.project": "shop", "com.docker.compose.service": "app"}


def said(
    *entries: dict[str, Any],
    containers: tuple[dict[str, Any], ...] = (),
    listens: tuple[Port, ...] = (),
    count: int = 1,
) -> list[str]:
    service = replace(inputs().service, ports=entries)
    return list(occupied("shop", [("app", service, count)], containers, listens))


def entry(published: str, host_ip: str = "", protocol: str = "tcp") -> dict[str, Any]:
    return {"target": 80, "published": published, "host_ip": host_ip, "protocol": protocol, "mode": "ingress"}


def container(name: str, port: int, labels: dict[str, str], ip: str = "0.0.0.0") -> dict[str, Any]:
    ports = [{"IP": ip, "PrivatePort": 80, "PublicPort": port, "Type": "tcp"}]
    return {"Names": [f"/{name}"], "Labels": labels, "Ports": ports}


def test_own_containers_make_room_and_others_do_not() -> None:
    own, other = container("shop-app-1", 8080, OWN), container("web", 8080, {})
    proxy = Port(8080, "tcp", "0.0.0.0", "a process of this host")
    assert said(entry("8080"), containers=(own,), listens=(proxy,)) == []
    assert said(entry("8080"), containers=(other,)) == [
        "app publishes the port 8080/tcp, which is taken by the container web"
    ]
    one_off = container("shop-app-run-1", 8080, {**OWN, "com.docker.compose.oneoff": "True"})
    assert said(entry("8080"), containers=(one_off,)) != [], "what `run` has made is not replaced"
    assert said(entry("8080"), containers=(container("x", 8080, OWN | {"com.docker.compose.project": "y"}),)) != []


@pytest.mark.parametrize(
    ("wanted", "listens", "free"),
    [
        (entry("80"), "127.0.0.1", False),
        (entry("80", "127.0.0.1"), "0.0.0.0", False),
        (entry("80", "127.0.0.1"), "::", False),
        (entry("80", "127.0.0.1"), "127.0.0.2", True),
        (entry("80", "127.0.0.1"), "::1", True),
        (entry("80", protocol="udp"), "127.0.0.1", True),
        (entry("81"), "127.0.0.1", True),
        (entry(""), "127.0.0.1", True),
    ],
)
def test_addresses_that_meet(wanted: dict[str, Any], listens: str, free: bool) -> None:
    assert (said(wanted, listens=(Port(80, "tcp", listens, "a process of this host"),)) == []) is free


def test_a_range_has_room_for_as_many_as_are_free() -> None:
    other = (container("web", 8001, {}),)
    assert said(entry("8000-8002"), containers=other, count=2) == []
    assert len(said(entry("8000-8002"), containers=other, count=3)) == 1
    assert said(entry("8000"), count=2) == ["app is to run in 2 containers, and all of them publish the port 8000/tcp"]


def test_the_kernel_tells_who_listens() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as four,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as six,
    ):
        numbers = {four.getsockname()[1]: "127.0.0.1", six.getsockname()[1]: "::1"}
        found = {each.number: each.address for each in listening() if each.number in numbers}
        assert found == numbers
