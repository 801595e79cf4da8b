"""What is said, and printed as a command, where Alembic could not be stopped: a container that is gone is not named."""

from __future__ import annotations

import signal
from typing import Any, cast

import pytest

from migops.commands.alembic import call
from migops.core.errors import ManualActionRequired, Unavailable
from migops.docker import Engine
from migops.runner.running import Ended
from migops.runner.signals import LOST
from migops.target import Target

NAME = "migops-1a2b3c"
TOP = f"docker top {NAME}"


def answered(monkeypatch: pytest.MonkeyPatch, state: dict[str, Any] | Unavailable | None) -> tuple[Any, list[str]]:
    """A call whose container the engine describes as ``state``, and what it says."""

    def inspect(engine: Engine, container: str) -> dict[str, Any] | None:
        if isinstance(state, Unavailable):
            raise state
        return state

    monkeypatch.setattr(call, "inspect", inspect)
    monkeypatch.setattr(call.AlembicCall, "words", lambda self: "alembic")
    said: list[str] = []
    return call.AlembicCall(cast(Target, None), ("upgrade", "head"), cast(Engine, None), said.append), said


@pytest.mark.parametrize(
    ("state", "is_there"),
    [
        pytest.param({"State": {"Running": True}}, True, id="still there"),
        pytest.param(None, False, id="removed"),
        pytest.param(Unavailable("the engine did not answer"), True, id="not known"),
    ],
)
def test_docker_top_is_printed_only_for_a_container_that_may_be_there(
    monkeypatch: pytest.MonkeyPatch, state: dict[str, Any] | Unavailable | None, is_there: bool
) -> None:
    stopped, said = answered(monkeypatch, state)
    assert stopped._code(Ended(1, signal.SIGTERM, is_over=False), NAME, []) == 128 + signal.SIGTERM
    assert (TOP in " ".join(said)) == is_there
    assert ("was removed" in " ".join(said)) == (not is_there)
    with pytest.raises(ManualActionRequired) as caught:
        stopped._code(Ended(1, LOST, is_over=False), NAME, [])
    assert (("docker", "top", NAME) in caught.value.commands) == is_there
    assert ("was removed" in caught.value.message) == (not is_there)
