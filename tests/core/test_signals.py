"""Signals handled otherwise for a while."""

from __future__ import annotations

import signal

import pytest

from migops.core.signals import ENDING, handled


@pytest.mark.parametrize("number", ENDING)
def test_a_signal_is_handed_over_and_the_handler_of_before_put_back(number: signal.Signals) -> None:
    before, came = signal.getsignal(number), list[int]()
    with handled(came.append):
        signal.raise_signal(number)
        signal.raise_signal(number)
    assert came == [number, number]
    assert signal.getsignal(number) is before


def test_what_the_handler_raises_comes_out_and_only_the_chosen_are_handled() -> None:
    others = {number: signal.getsignal(number) for number in ENDING}

    def handle(number: int) -> None:
        raise InterruptedError(number)

    def interrupted() -> None:
        with handled(handle, [signal.SIGHUP]):
            assert signal.getsignal(signal.SIGTERM) is others[signal.SIGTERM]
            signal.raise_signal(signal.SIGHUP)

    with pytest.raises(InterruptedError):
        interrupted()
    assert {number: signal.getsignal(number) for number in ENDING} == others
