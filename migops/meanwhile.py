"""Work that goes on in a thread of its own while this one waits, and what such threads must not do at the same time."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock, Thread
from typing import Generic, TypeVar

T = TypeVar("T")

_FILTERS = Lock()


class Meanwhile(Generic[T]):
    """Work whose result is wanted later. It is done while the caller waits for something else, if that comes to pass.

    A thread that nobody waits for any more (because of an error, or Ctrl-C) ends with the process: the work may read,
    and must not leave anything behind.
    """

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._thread: Thread | None = None
        self._results: list[T] = []
        self._error: BaseException | None = None

    def begin(self) -> None:
        """Begin in a thread of its own."""
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def result(self) -> T:
        """What the work gave, or raised. Where it was never begun, it is done here and now."""
        if self._thread is not None:
            self._thread.join()
        elif not self._results and self._error is None:
            self._run()
        if self._error is not None:
            raise self._error
        return self._results[0]

    def _run(self) -> None:
        try:
            self._results.append(self._work())
        except BaseException as error:  # noqa: BLE001 - raised again by whoever asks for the result
            self._error = error


@contextmanager
def no_warnings() -> Iterator[None]:
    """Without what Python says about other people's text. Its filters are the whole process's: one thread at a time."""
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
