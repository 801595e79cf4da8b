"""MIG808 and MIG809: what lets a service of the application have one container only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from migops.analysis.evidence import Evidence
from migops.core.model import Remedy, Severity, Subject
from migops.rules.application import startups_of
from migops.rules.lines import line_of
from migops.rules.rule import Match, Rule

if TYPE_CHECKING:
    from migops.compose import Service


def fixed_container_name(evidence: Evidence) -> Iterator[Match]:
    """A service of the application has a container_name.

    What: it can have one container only. `docker compose up --scale` refuses it, and a second copy of the project on
    the same machine fails with "container name is already in use".

    Why: the name was set for `docker logs` and `docker exec`; `docker compose logs SERVICE` needs none.

    Fix: remove the line. Other containers reach the service by its own name.

    With migops: `migops doctor --fix MIG808` removes it, unless a file of the project uses the name.
    """
    for service in _ours(evidence):
        if service.container_name:
            at = _at(evidence, service, "container_name")
            yield Match(
                Subject(path=at),
                f"{service.name} can have one container only: container_name: {service.container_name}",
                f"{at} gives its container a fixed name",
                None,
                {"service": service.name, "container_name": service.container_name},
                (Remedy(f"remove container_name from {service.name}", at=line_of(at)),),
            )


def fixed_port(evidence: Evidence) -> Iterator[Match]:
    """A service that has a proxy in the project publishes a fixed port as well.

    What: the port belongs to one container, so the service can neither have a second one nor be replaced without a
    gap; and it can be reached past the proxy, without its TLS, its limits and its log.

    Why: the port was published before there was a proxy.

    Fix: remove the port from `ports`. It is reported only where the configuration of a proxy of the same project
    (nginx, Caddy, Traefik, HAProxy) was read to pass requests on to this very port.

    With migops: `migops doctor --fix MIG809` removes it, unless a file of the project uses the port on this machine.
    """
    proxies = evidence.setup.proxies if evidence.setup else ()
    for service in _ours(evidence):
        for port in service.ports:
            published, target = str(port.get("published") or ""), int(port.get("target") or 0)
            by = next((each for each in proxies if (each.service, each.port) == (service.name, target)), None)
            if by is None or not published.isdecimal() or published == "0":
                continue
            at = _at(evidence, service, "ports")
            yield Match(
                Subject(path=at),
                f"{service.name} publishes port {published} of this machine, although {by.by} passes requests on to it",
                f"{at} publishes {published}:{target}; {by.at} has {service.name}:{target}",
                None,
                {"service": service.name, "published": published, "target": target, "proxy": by.by, "at": str(by.at)},
                (Remedy(f"remove the port {published}:{target} from {service.name}", at=line_of(at)),),
            )


RULES = (
    Rule("MIG808", "fixed-container-name", Severity.INFO, (), fixed_container_name, lint=True),
    Rule("MIG809", "fixed-port", Severity.INFO, (), fixed_port, lint=True),
)


def _ours(evidence: Evidence) -> Iterator[Service]:
    """The checked service, and the running services with the same code."""
    project = evidence.setup.project if evidence.setup else None
    names = dict.fromkeys((evidence.commands.service, *(each.service for each in startups_of(evidence))))
    yield from (project.services[name] for name in names if project and name in project.services)


def _at(evidence: Evidence, service: Service, key: str) -> str:
    """The line of the service's key."""
    project = evidence.setup.project if evidence.setup else None
    marks = project.tree["services"][service.name].marks if project else {}
    return str(marks[key].location if key in marks else service.location)
