"""What an explanation may look at, and the causes that need more than a finding of a rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from migops.analysis.evidence import Evidence
from migops.core.model import PlaceName
from migops.rules.history import LONGEST_ID
from migops.sources.database_url import Variables, own_container
from migops.target import Target


@dataclass(frozen=True, slots=True)
class FailureInputs:
    """The places at the time of the failure.

    ``evidence`` is None where they could not be read (``unread`` says why) or where the failure is not about them.
    ``containers`` tells for each service of the project how its containers stand, in the engine's words.
    """

    target: Target
    arguments: Sequence[str]
    evidence: Evidence | None = None
    unread: str = ""
    containers: Mapping[str, Sequence[str]] = field(default_factory=dict)


Cause = Callable[["re.Match[str]", FailureInputs], str]
"""What of the scene explains the match, as a sentence; '' where nothing does."""


def holders(found: re.Match[str], inputs: FailureInputs) -> str:
    """Which places have the revision that could not be found, and which do not."""
    revision = found["revision"]
    if inputs.evidence is None:
        return ""
    having: list[str] = []
    lacking: list[str] = []
    for place, graph in inputs.evidence.graphs.items():
        known = any(each.startswith(revision) for each in graph.by_id)
        (having if known else lacking).append(place.value)
    if not having:
        asked = " It was named on the command line: see that it is spelt right." if revision in inputs.arguments else ""
        return f"none of the places that were read has {revision} ({', '.join(lacking)}).{asked}"
    if not lacking:
        return f"{', '.join(having)} have {revision}, so what ran was something else: a folder that -c or -n names, say"
    return f"{', '.join(having)} has {revision}, {', '.join(lacking)} has not"


def called_otherwise(found: re.Match[str], inputs: FailureInputs) -> str:
    """With which options Alembic finds its configuration here."""
    if any(word.startswith(("-c", "--config")) for word in inputs.arguments):
        return "the file that -c names is not there, seen from the service's working directory, or lacks the section"
    words = inputs.evidence.alembic if inputs.evidence else ("alembic",)
    if words[0] == "flask":
        return "this is Flask-Migrate's folder: its own command, `flask db`, says where the scripts are"
    if len(words) > 1:
        return f"in the image Alembic finds its configuration as `{' '.join(words)}`"
    return ""


def long_ids(found: re.Match[str], inputs: FailureInputs) -> str:
    """The revision ids that do not fit into the version table."""
    graphs = inputs.evidence.graphs.values() if inputs.evidence else ()
    ids = sorted({name for graph in graphs for name in graph.by_id if len(name) > LONGEST_ID})
    return f"longer than {LONGEST_ID} characters: {', '.join(ids)}" if ids else ""


def server(found: re.Match[str], inputs: FailureInputs) -> str:
    """How the service stands that the address names, if it names one."""
    host = (found.groupdict().get("host") or "").strip("\"'")
    if host in ("localhost", "127.0.0.1", "::1"):
        why = _falls_back(inputs)
        return why or f"{host} is the container that Alembic runs in, not the machine and not the database's container"
    services = inputs.target.model.services if inputs.target.model else {}
    if host not in services:
        if host and services:
            return f"no service of the project is called {host}: there are {', '.join(services)}"
        position = {name: states for name, states in inputs.containers.items() if name != inputs.target.service}
        return "; ".join(f"{name}: {', '.join(states)}" for name, states in position.items())
    states = inputs.containers.get(host, ())
    return f"service {host}: {', '.join(states)}" if states else f"service {host} has no container: it was not started"


def _falls_back(inputs: FailureInputs) -> str:
    """Whether env.py takes localhost because the service does not say where the database is; '' where not."""
    held = inputs.evidence.chain.held(PlaceName.HOST) if inputs.evidence else None
    env = held.environment.get("env.py") if held else None
    model = inputs.target.model
    if env is None or model is None:
        return ""
    service = model.services[inputs.target.service]
    values = Variables(model, service).values()
    return own_container(service, values, env.content.decode("utf-8", "replace"))


def parent(found: re.Match[str], inputs: FailureInputs) -> str:
    """Whether another place has the script that is missing."""
    revision = found["revision"]
    graphs = inputs.evidence.graphs if inputs.evidence else {}
    having = [place.value for place, graph in graphs.items() if revision in graph.by_id]
    return f"{', '.join(having)} has a script for {revision}" if having else ""


def image_user(found: re.Match[str], inputs: FailureInputs) -> str:
    """As whom the service runs, where the compose file says so."""
    service = inputs.target.model.services.get(inputs.target.service) if inputs.target.model else None
    return f"the service runs as user {service.user}" if service and service.user else ""
