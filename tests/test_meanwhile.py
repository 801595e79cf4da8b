from __future__ import annotations

import threading

import pytest

from migops.meanwhile import Meanwhile


def test_it_goes_on_in_a_thread_and_is_done_once() -> None:
    where: list[threading.Thread] = []

    def work() -> int:
        where.append(threading.current_thread())
        return 7

    begun, later = Meanwhile(work), Meanwhile(work)
    begun.begin()
    assert (begun.result(), begun.result(), later.result(), later.result()) == (7, 7, 7, 7)
    assert len(where) == 2
    assert where[0] is not threading.main_thread()
    assert where[1] is threading.main_thread(), "what was never begun is done where it is asked for"


@pytest.mark.parametrize("begins", [True, False])
def test_what_it_raises_is_raised_where_it_is_asked_for(begins: bool) -> None:
    def work() -> None:
        raise LookupError("gone")

    found = Meanwhile(work)
    if begins:
        found.begin()
    for _ in range(2):
        with pytest.raises(LookupError, match="gone"):
            found.result()
