"""What to do about a server that does not answer, with the names that the compose file has for it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from migops.commands.failures.database_place import database_place, is_server, psql
from migops.commands.failures.failure import Step
from migops.commands.failures.inputs import FailureInputs
from migops.sources.database_url import LOOPBACK, Variables, own_container, servers

_WHO = (
    "SELECT usename, application_name, client_addr, state, count(*) FROM pg_stat_activity "
    "WHERE backend_type = $$client backend$$ GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC"
)


def start_server(match: re.Match[str], inputs: FailureInputs) -> Iterator[Step]:
    """Have the server of the project waited for."""
    place, compose = database_place(inputs), inputs.target.commands.compose
    if place is None or place.server is None or not compose:
        return
    wait = (*compose, "up", "-d", "--wait", "--no-recreate", place.server.name)
    yield Step("wait until it accepts connections", wait)
    if "healthcheck" not in place.server.raw and is_server(place.server, "postgresql"):
        yield Step(
            f"give service {place.server.name} a healthcheck with pg_isready: without one, nothing is waited for"
        )


def clients(match: re.Match[str], inputs: FailureInputs) -> Iterator[Step]:
    """See who is connected."""
    if command := psql(inputs, _WHO, admin=True):
        yield Step("see who holds the connections", command)
        yield Step("then lower their number (pool_size × workers × containers), or raise the server's max_connections")


def name_server(match: re.Match[str], inputs: FailureInputs) -> Iterator[Step]:
    """Of an address that is the container itself: where the project's server is to be named instead."""
    model = inputs.target.model
    service = model.services.get(inputs.target.service) if model else None
    if (match["host"] or "").strip("\"'") not in LOOPBACK or model is None or service is None:
        return
    known = list(servers(model, service))
    if len(known) != 1:
        return
    fallen = own_container(service, Variables(model, service).values(), inputs.env_py)
    if variable := re.search(r"takes (\w+) from", fallen):
        yield Step(f"under service {service.name} ({service.location}), set environment: {variable[1]}: {known[0]}")
        return
    place = database_place(inputs)
    if place is not None and place.origin:
        yield Step(f"in {place.origin}, write the service {known[0]} as the URL's host")
