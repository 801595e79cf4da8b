"""What runs that were killed have left: the next run says that it is there, and how it stands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from migops.core.errors import Unavailable
from migops.docker import Engine, compose_labels, execs
from migops.docker.containers import inspect, name_of
from migops.state import owner
from migops.state.owner import life_of
from migops.state.process import Life, Who


@dataclass(frozen=True, slots=True)
class StaleContainer:
    """A one-off container of a run that was killed, or may have been (``owner`` tells), and how it stands."""

    name: str
    owner: Who
    is_running: bool
    sentence: str


def stale_containers(engine: Engine, project: str, service: str) -> Iterator[StaleContainer]:
    """Each one-off container of migops whose migops is not known to live."""
    for container in engine.containers(compose_labels.filters(project, service)):
        who = owner.of_one_off(container.get("Labels"))
        if who is None or who.life is Life.LIVES:
            continue
        name = name_of(container)
        status = str(container.get("Status") or container.get("State"))
        verb = "still runs" if container.get("State") == "running" else "is left"
        look = f"docker logs {name}" if verb == "is left" else f"docker attach --no-stdin {name}"
        whose = "an earlier run that was killed" if who.life is Life.GONE else f"another run ({who}; {life_of(who)})"
        sentence = f"{name} of {whose} {verb} ({status}): {look}; docker rm -f -v {name}"
        yield StaleContainer(name, who, container.get("State") == "running", sentence)


def at_work(engine: Engine, container: str, program: Sequence[str]) -> bool:
    """Whether ``program`` (its first words) runs in the container already, by someone else or by a killed run."""
    for exec_id in (inspect(engine, container) or {}).get("ExecIDs") or ():
        with suppress(Unavailable):  # it has ended meanwhile
            state = execs.exec_state(engine, exec_id)
            if state.running and state.words[: len(program)] == tuple(program):
                return True
    return False
