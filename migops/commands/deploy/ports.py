"""Published ports: which of them another container or a process of this host has already."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migops.compose import Service
from migops.docker.compose_labels import PROJECT, is_one_off, read, service_of
from migops.docker.containers import name_of

_ANY = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not bound to
_LISTENS = {"tcp": "0A", "udp": "07"}  # the kernel's numbers for a socket that others cannot share the port with
_PROC = Path("/proc/net")


@dataclass(frozen=True, slots=True)
class Port:
    """A port of the host: ``address`` is '' for all of both families. ``owner`` says in words who has it."""

    number: int
    protocol: str
    address: str = ""
    owner: str = ""

    def meets(self, other: Port) -> bool:
        """Whether both cannot be bound at once."""
        if (self.number, self.protocol) != (other.number, other.protocol):
            return False
        one, two = self.address, other.address
        if one and two and (":" in one) is not (":" in two):
            # a socket on :: usually takes the port of IPv4, too
            return "::" in (one, two)
        return one in _ANY or two in _ANY or one == two


def occupied(
    project: str, needs: Sequence[tuple[str, Service, int]], containers: Iterable[Mapping[str, Any]],
    listening: Sequence[Port],
) -> Iterator[str]:  # fmt: skip
    """A sentence for each port that the services need and cannot get. ``needs`` are (name, service, containers).

    What the services' own containers have is free: these are replaced. ``containers`` are as the engine lists them.
    """
    names = {name for name, _, _ in needs}
    own, foreign = _of_containers(project, names, containers)
    claimed: list[Port] = []
    for name, service, count in needs:
        if service.raw.get("network_mode") == "host":
            continue
        for entry in service.ports:
            wanted = _wanted(entry, name)
            held = [one for each in wanted if (one := _holder(each, own, [*foreign, *claimed], listening))]
            if wanted and len(wanted) - len(held) < count:
                yield _said(name, entry, wanted, held, count)
            claimed += wanted if len(wanted) == 1 else ()


def listening() -> list[Port]:
    """The ports that processes of this host listen on, as its kernel tells; none where it is no Linux."""
    return [port for protocol in _LISTENS for suffix in ("", "6") for port in _read(protocol, suffix)]


def _wanted(entry: Mapping[str, Any], name: str) -> list[Port]:
    """The ports of one entry of ``ports``, any of which will do; none where the engine chooses one."""
    first, _, last = str(entry.get("published") or "").partition("-")
    if not first.isdecimal() or int(first) == 0:
        return []
    protocol, address = str(entry.get("protocol") or "tcp"), str(entry.get("host_ip") or "")
    numbers = range(int(first), int(last if last.isdecimal() else first) + 1)
    return [Port(number, protocol, address, f"the service {name}") for number in numbers]


def _holder(wanted: Port, own: Sequence[Port], foreign: Sequence[Port], listening: Sequence[Port]) -> Port | None:
    """Who has the port; None where it is free, or becomes free when the services' own containers go."""
    if found := next((each for each in foreign if each.meets(wanted)), None):
        return found
    if any(each.meets(wanted) for each in own):
        return None  # the engine itself listens for them
    return next((each for each in listening if each.meets(wanted)), None)


def _said(name: str, entry: Mapping[str, Any], wanted: Sequence[Port], held: Sequence[Port], count: int) -> str:
    address = f"{entry['host_ip']}:" if entry.get("host_ip") else ""
    shown = f"{address}{entry['published']}/{wanted[0].protocol}"
    if not held:
        return f"{name} is to run in {count} containers, and all of them publish the port {shown}"
    return f"{name} publishes the port {shown}, which is taken by {held[0].owner}"


def _of_containers(
    project: str, names: set[str], containers: Iterable[Mapping[str, Any]]
) -> tuple[list[Port], list[Port]]:
    """The ports of the containers that are replaced, and those of all others."""
    own, foreign = list[Port](), list[Port]()
    for container in containers:
        ours = read(container, PROJECT) == project and service_of(container) in names
        owner = f"the container {name_of(container)}"
        found = [
            Port(int(port["PublicPort"]), str(port.get("Type") or "tcp"), str(port.get("IP") or ""), owner)
            for port in container.get("Ports") or () if port.get("PublicPort")
        ]  # fmt: skip
        (own if ours and not is_one_off(container) else foreign).extend(found)
    return own, foreign


def _read(protocol: str, suffix: str) -> Iterator[Port]:
    try:
        lines = (_PROC / f"{protocol}{suffix}").read_text().splitlines()[1:]
    except OSError:
        return
    for line in lines:
        _, local, _, state, *_ = line.split()
        address, _, number = local.rpartition(":")
        if state == _LISTENS[protocol]:
            yield Port(int(number, 16), protocol, _address(address), "a process of this host")


def _address(text: str) -> str:
    """An address as the kernel prints it: words of 32 bits in the machine's own order."""
    words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    packed = b"".join(struct.pack("=I", word) for word in words)
    if len(packed) == 16 and packed.startswith(bytes(10) + b"\xff\xff"):
        packed = packed[12:]  # IPv4, by a socket of IPv6
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)
