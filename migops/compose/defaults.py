"""Values that compose always drops or fills in. Source: compose-go's ``transform`` and ``loader``."""

from __future__ import annotations

from typing import Any

from migops.compose.tree import Map, Mark, Seq


def omit_empty(document: Map) -> None:
    """Drop empty entries of ``dns``, which mean nothing."""
    for service in _services(document):
        dns = service.get("dns")
        if isinstance(dns, Seq):
            service["dns"] = Seq.of(item for item in dns.marked() if item[0] not in (None, ""))


def set_defaults(document: Map) -> None:
    """Fill in the defaults that do not depend on other values."""
    for service in _services(document):
        build = service.get("build")
        if isinstance(build, Map) and "context" not in build:
            build.put("context", ".", service.marks["build"])
        for secret, mark in _items(service.get("secrets")):
            _default(secret, mark, "target", f"/run/secrets/{secret.get('source')}")
        for port, mark in _items(service.get("ports")):
            _default(port, mark, "protocol", "tcp")
            _default(port, mark, "mode", "ingress")
        deploy: Any = service
        for step in ("deploy", "resources", "reservations", "devices"):
            deploy = deploy.get(step) if isinstance(deploy, Map) else None
        for device, mark in (*_items(deploy), *_items(service.get("gpus"))):
            if "device_ids" not in device:
                _default(device, mark, "count", "all")


def _default(entry: Map, mark: Mark, key: str, value: Any) -> None:
    if key not in entry:
        entry.put(key, value, mark)


def _services(document: Map) -> list[Map]:
    services = document.get("services")
    return [service for service in services.values() if isinstance(service, Map)] if isinstance(services, Map) else []


def _items(value: Any) -> list[tuple[Map, Mark]]:
    return [item for item in value.marked() if isinstance(item[0], Map)] if isinstance(value, Seq) else []
