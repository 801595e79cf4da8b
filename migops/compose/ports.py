"""The short form of a published port, ``[[IP:]HOST:]CONTAINER[/PROTOCOL]`` with ranges. Source: Docker's ``nat``."""

from __future__ import annotations

import re
from typing import Any

from migops.compose.tree import Mark, refuse

_PORT = re.compile(r"[0-9]+\Z")


def parse_port(spec: str, mark: Mark) -> list[dict[str, Any]]:
    """One long form for each container port, sorted by text. Raises MigopsError for a malformed port."""
    address, host, container = _split(spec)
    container, _, protocol = container.partition("/")
    protocol = (protocol.partition("/")[0] or "tcp") if container else ""
    address = _address(address, mark)
    if not container:
        raise refuse(f"No port specified: {spec}<empty>", mark)
    first, last = _range(container, f"Invalid containerPort: {container}", mark)
    host_first, host_last = _range(host, f"Invalid hostPort: {host}", mark) if host else (0, 0)
    if host and last - first != host_last - host_first and first != last:
        raise refuse(f"Invalid ranges specified for container and host Ports: {container} and {host}", mark)
    if protocol.lower() not in ("tcp", "udp", "sctp"):
        raise refuse(f"Invalid proto: {protocol}", mark)
    ports = []
    for offset in range(last - first + 1):
        published = str(host_first + offset) if host else ""
        if first == last and host_first != host_last:
            published = f"{published}-{host_last}"
        made = {"mode": "ingress", "host_ip": address, "target": first + offset, "published": published}
        ports.append({key: value for key, value in made.items() if value} | {"protocol": protocol.lower()})
    # As in Go, a port 0 is left out like any zero value; the check for a missing target then refuses it.
    return sorted(ports, key=lambda port: f"{port.get('target', 0)}/{port['protocol']}")


def _split(spec: str) -> tuple[str, str, str]:
    parts = spec.split(":")
    if len(parts) < 3:
        return "", parts[0] if len(parts) == 2 else "", parts[-1]
    return ":".join(parts[:-2]), parts[-2], parts[-1]


def _address(text: str, mark: Mark) -> str:
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if bare == text and ":" in text:
        raise refuse(f"Invalid ip address {text}: address {text}:: too many colons in address", mark)
    if bare and not is_ip(bare):
        raise refuse(f"Invalid ip address: {bare}", mark)
    return bare


def is_ip(text: str) -> bool:
    """True if the text is an IPv4 or IPv6 address."""
    import socket

    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, text)
        except (OSError, ValueError):
            continue
        return True
    return False


def _range(text: str, message: str, mark: Mark) -> tuple[int, int]:
    start, dash, end = text.partition("-")
    end = end.partition("-")[0] if dash else start
    if not _PORT.match(start) or not _PORT.match(end) or max(int(start), int(end)) > 65535 or int(end) < int(start):
        raise refuse(message, mark)
    return int(start), int(end)
