"""Signals while a deploy goes on: noted, and acted on where that leaves the old state or the new one, never half."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from migops.core.signals import handled


@dataclass(slots=True)
class Stop:
    """The first signal that came (0: none). ``hurry`` ends what is being waited for; None where it must not be ended.

    ``tell`` is called for every signal with its name.
    """

    came: int = 0
    hurry: Callable[[], None] | None = None
    tell: Callable[[str], None] = field(default=lambda name: None)

    @property
    def name(self) -> str:
        return signal.Signals(self.came).name if self.came else ""

    @contextmanager
    def ending(self, hurry: Callable[[], None]) -> Iterator[None]:
        """While something runs that may be ended at once."""
        self.hurry = hurry
        try:
            yield
        finally:
            self.hurry = None

    @contextmanager
    def caught(self) -> Iterator[None]:
        """Note INT, TERM and HUP instead of dying of them."""

        def handle(number: int) -> None:
            self.came = self.came or number
            self.tell(signal.Signals(number).name)
            if self.hurry is not None:
                self.hurry()

        with handled(handle):
            yield
