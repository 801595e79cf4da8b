"""Inputs of an explanation, and the causes that need more than a finding of a rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from migops.analysis.evidence import Evidence
from migops.core.model import MigrationSet, PlaceName
from migops.core.text import did_you_mean, listed
from migops.rules.history import LONGEST_ID
from migops.sources.database_url import Variables, own_container
from migops.target import Target


class Data(Enum):
    """The database that the failed Alembic ran on."""

    LIVE = "live"
    COPY = "copy"
    """A disposable copy with the live database's rows."""
    EMPTY = "empty"
    """A disposable database without rows."""


@dataclass(frozen=True, slots=True)
class FailureInputs:
    """The places at the time of the failure.

    ``evidence``: None if they could not be read (see ``unread``), or if the failure is not about them. ``containers``:
    the status of each service's containers, in the engine's words.
    """

    target: Target
    arguments: Sequence[str]
    evidence: Evidence | None = None
    unread: str = ""
    containers: Mapping[str, Sequence[str]] = field(default_factory=dict)
    host: MigrationSet | None = None
    """The migrations on the host; None if they were not read."""
    data: Data = Data.LIVE
    """The database that Alembic ran on."""

    programs: tuple[str, ...] = ()
    """Paths of Alembic's program in the image, of the usual ones; () if none was found or looked for."""

    again: tuple[str, ...] = ()
    """The command that failed, as it can be typed again; () if there is none."""

    @property
    def scripts(self) -> MigrationSet | None:
        """The migrations on the host, from wherever they were read."""
        return self.host or (self.evidence.chain.held(PlaceName.HOST) if self.evidence else None)

    @property
    def env_py(self) -> str:
        """The text of the host's env.py; '' if it was not read."""
        files = self.scripts.environment.values() if self.scripts else ()
        return next((each.content.decode("utf-8", "replace") for each in files if each.name.endswith("env.py")), "")


Cause = Callable[["re.Match[str]", FailureInputs], str]
"""The cause of the match in the current state, as a sentence; '' if unknown."""


def holders(found: re.Match[str], inputs: FailureInputs) -> str:
    """The places that have the missing revision, and those that do not."""
    revision = found["revision"]
    if inputs.evidence is None:
        return ""
    having: list[str] = []
    lacking: list[str] = []
    for place, graph in inputs.evidence.graphs.items():
        known = any(each.startswith(revision) for each in graph.by_id)
        (having if known else lacking).append(place.value)
    if not having:
        graphs = inputs.evidence.graphs.values()
        near = did_you_mean(revision, dict.fromkeys(name for graph in graphs for name in graph.by_id))
        check = near.capitalize() or "Check the spelling."
        typed = f" You named it on the command line. {check}" if revision in inputs.arguments else ""
        return f"{revision} is in none of the places read ({', '.join(lacking)}).{typed}"
    if not lacking:
        return f"{revision} is in {listed(having)}, so Alembic ran with other files, such as a folder named by -c or -n"
    return f"{revision} is in {listed(having)} but not in {listed(lacking)}"


def called_otherwise(found: re.Match[str], inputs: FailureInputs) -> str:
    """The options with which Alembic finds its configuration here."""
    if any(word.startswith(("-c", "--config")) for word in inputs.arguments):
        return (
            "the file given with -c does not exist (relative to the service's working directory), or lacks the section"
        )
    words = inputs.evidence.alembic if inputs.evidence else ("alembic",)
    if words[0] == "flask":
        return "this folder belongs to Flask-Migrate: only its own command, `flask db`, knows where the scripts are"
    if len(words) > 1:
        return f"in the image, Alembic finds its configuration with `{' '.join(words)}`"
    return ""


def long_ids(found: re.Match[str], inputs: FailureInputs) -> str:
    """The revision ids that do not fit into the version table."""
    graphs = inputs.evidence.graphs.values() if inputs.evidence else ()
    names = {name for graph in graphs for name in graph.by_id}
    names |= {each.id for each in inputs.scripts.revisions} if inputs.scripts else set()
    ids = sorted(name for name in names if len(name) > LONGEST_ID)
    return f"longer than {LONGEST_ID} characters: {', '.join(ids)}" if ids else ""


def server(found: re.Match[str], inputs: FailureInputs) -> str:
    """The state of the service that the address names, if it names one."""
    host = (found.groupdict().get("host") or "").strip("\"'")
    if host in ("localhost", "127.0.0.1", "::1"):
        why = _falls_back(inputs)
        return why or f"{host} is the container that Alembic runs in, neither the host nor the database's container"
    services = inputs.target.model.services if inputs.target.model else {}
    if host not in services:
        if host and services:
            return f"the project has no service {host}, only {', '.join(services)}"
        position = {name: states for name, states in inputs.containers.items() if name != inputs.target.service}
        return "; ".join(f"{name}: {', '.join(states)}" for name, states in position.items())
    states = inputs.containers.get(host, ())
    return f"service {host}: {', '.join(states)}" if states else f"service {host} has no container: it is not started"


def _falls_back(inputs: FailureInputs) -> str:
    """Whether env.py falls back to localhost because the service does not set the database's address; '' if not."""
    model = inputs.target.model
    if not inputs.env_py or model is None:
        return ""
    service = model.services[inputs.target.service]
    values = Variables(model, service).values()
    return own_container(service, values, inputs.env_py)


def parent(found: re.Match[str], inputs: FailureInputs) -> str:
    """Whether another place has the missing script."""
    revision = found["revision"]
    graphs = inputs.evidence.graphs if inputs.evidence else {}
    having = [place.value for place, graph in graphs.items() if revision in graph.by_id]
    return f"{revision} has a script in {listed(having)}" if having else ""


def image_user(found: re.Match[str], inputs: FailureInputs) -> str:
    """The user of the service, if the compose file sets one."""
    service = inputs.target.model.services.get(inputs.target.service) if inputs.target.model else None
    return f"the service runs as user {service.user}" if service and service.user else ""
