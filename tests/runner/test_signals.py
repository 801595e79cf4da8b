"""Waiting for what runs elsewhere: what it is sent, and when."""

from __future__ import annotations

import os
import signal
from queue import SimpleQueue

import pytest

from migops.runner import signals
from migops.runner.signals import ENDED, attend, caught
from migops.runner.streams import Output


class Fake:
    """Ends when it gets the signal ``ends_by``; notes all it was sent."""

    def __init__(self, events: signals.Events, ends_by: str = "") -> None:
        self.events, self.ends_by = events, ends_by
        self.sent: list[str] = []

    def send(self, name: str) -> None:
        self.sent.append(name)
        if name == self.ends_by:
            self.events.put(ENDED)


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = tuple((after / 100, name) for after, name in signals.STEPS)
    monkeypatch.setattr(signals, "STEPS", steps)


def test_nothing_happens_until_it_ends() -> None:
    events: signals.Events = SimpleQueue()
    running = Fake(events)
    events.put(ENDED)
    assert attend(running, events) == (0, True)
    assert running.sent == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    ("ends_by", "sent"), [("INT", ["INT"]), ("TERM", ["INT", "INT", "TERM"]), ("KILL", ["INT", "INT", "TERM", "KILL"])]
)
def test_it_is_asked_first_and_killed_last(number: int, ends_by: str, sent: list[str]) -> None:
    events: signals.Events = SimpleQueue()
    running = Fake(events, ends_by)
    events.put(number)
    assert attend(running, events) == (number, True)
    assert running.sent == sent


def test_what_cannot_be_stopped_is_given_up() -> None:
    events: signals.Events = SimpleQueue()
    running = Fake(events)
    events.put(signal.SIGTERM)
    assert attend(running, events) == (signal.SIGTERM, False)
    assert running.sent == ["INT", "INT", "TERM", "KILL"]


def test_a_second_signal_kills() -> None:
    events: signals.Events = SimpleQueue()
    running = Fake(events, "KILL")
    events.put(signal.SIGTERM)
    events.put(signal.SIGINT)
    assert attend(running, events) == (signal.SIGTERM, True)
    assert running.sent == ["KILL"]


def test_signals_are_caught_and_then_as_before() -> None:
    events: signals.Events = SimpleQueue()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    with caught(events):
        for number in before:
            os.kill(os.getpid(), number)
    assert [events.get_nowait() for _ in before] == list(before)
    assert {number: signal.getsignal(number) for number in before} == before


def test_the_end_of_the_output_is_kept_and_no_more(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    output = Output()
    for number in range(100):
        output.take(1 + number % 2, b"%d" % (number % 10) * 10_000)
    assert output.tail().endswith("9" * 10_000)
    assert 64 * 1024 <= len(output.tail()) < 64 * 1024 + 10_000
    shown = capfdbinary.readouterr()
    assert (len(shown.out), len(shown.err)) == (500_000, 500_000)


def test_a_reader_that_has_gone_does_not_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", buffering=1) as gone:
        monkeypatch.setattr("sys.stdout", gone)
        output = Output()
        output.take(1, b"one\n")
        output.take(1, b"two\n")
        assert output.tail() == "one\ntwo\n"
        gone.buffer.flush()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a full disk to write to")
def test_output_that_is_lost_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr("sys.stdout", full)
        output = Output()
        output.take(1, b"one")
        output.take(1, b"two")
    assert (output.tail(), output.lost) == ("onetwo", "No space left on device")
