"""What the engine's events tell of a container that it may be stopping, and how its times are read."""

from __future__ import annotations

import pytest

from migops.commands.deploy import settle
from migops.docker.events import Events, seconds


@pytest.mark.parametrize(
    ("actions", "is_signalled"),
    [
        ([], False),
        (["kill"], True),
        (["start", "exec_start: true", "kill", "exec_die"], True),
        (["kill", "kill"], True),  # SIGTERM, and after the grace period SIGKILL
        (["kill", "die", "stop"], False),
        (["kill", "die", "stop", "start"], False),
        (["kill", "die", "start", "kill"], True),
    ],
)
def test_a_stop_that_is_under_way(actions: list[str], is_signalled: bool) -> None:
    of_another = {"Action": "kill", "Actor": {"ID": "b" * 64}}
    told = Events((*({"Action": each, "Actor": {"ID": "a" * 64}} for each in actions), of_another), True)
    assert told.actions("a" * 64) == actions
    assert settle._is_signalled(told.actions("a" * 64)) is is_signalled


@pytest.mark.parametrize(("code", "was_killed"), [(0, False), (1, False), (125, False), (-9, True), (137, True)])
def test_whether_compose_was_killed(code: int, was_killed: bool) -> None:
    assert settle.was_killed(code) is was_killed


def test_the_engines_times() -> None:
    assert seconds("1970-01-01T00:00:01.5Z") == 1.5
    assert seconds("1970-01-01T00:00:01Z") == 1.0
    assert seconds("1970-01-01T01:00:01.123456789+01:00") == pytest.approx(1.123456789)
    for text in ("", "None", "soon", "1970-01-01T00:00:01.Z."):
        with pytest.raises(ValueError):
            seconds(text)
