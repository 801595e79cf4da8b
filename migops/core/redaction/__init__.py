"""Takes secrets out of text that others wrote: what a build, a migration, an app, a driver or a server printed.

Two ways. By form: what follows ``password=``, stands in a URL before the ``@``, … is hidden whoever wrote it. By value:
what a run has met under a name or in a place that says secret (``learn``) is hidden wherever it stands. The rule for
values is in ``redactor``: a short one, or a word that PostgreSQL's own messages are made of, cannot be told from those
by value, and is hidden by form alone.

The command line opens a ``scope`` for each run. What is learnt there lives as long as the run; outside of a scope
nothing is learnt. Text of migops's own, and commands that are to be typed, are never passed through here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from migops.core.redaction.known import HIDDEN as HIDDEN
from migops.core.redaction.known import Known

if TYPE_CHECKING:
    from migops.core.redaction.redactor import Redactor


@dataclass(slots=True)
class _Run:
    """What one run has learnt. Sources are asked when something is redacted for the first time after they came."""

    sources: list[Callable[[], Known]] = field(default_factory=list)
    variables: set[str] = field(default_factory=set, repr=False)
    secrets: set[str] = field(default_factory=set, repr=False)
    public: set[str] = field(default_factory=set)
    made: Redactor | None = None
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def redactor(self) -> Redactor:
        from migops.core.redaction.redactor import Redactor

        with self.lock:  # the watch on a migration redacts in a thread of its own
            while self.sources:
                found = self.sources.pop()()
                self.secrets |= found.secrets
                self.public |= found.public
                self.made = None
            if self.made is None:
                self.made = Redactor.of(self.secrets, self.public)
            return self.made


_run: _Run | None = None


@contextmanager
def scope() -> Iterator[None]:
    """A run of its own: it begins with nothing learnt, and what it learns is forgotten when it ends."""
    global _run  # one process is one run: every place that shows foreign text must hide the same values
    before, _run = _run, _Run()
    try:
        yield
    finally:
        _run = before


def learn(source: Callable[[], Known]) -> None:
    """Have a source asked before the next text is redacted. It must not raise."""
    if _run is not None:
        _run.sources.append(source)


def learn_environment(variables: Iterable[object]) -> None:
    """Learn from an environment, each variable as ``NAME=VALUE``: cheap where all of them are known already."""
    if _run is None:
        return
    new = {str(each) for each in variables} - _run.variables
    if new:
        _run.variables |= new
        learn(lambda: _of_variables(new))


def _of_variables(variables: Iterable[str]) -> Known:
    from migops.core.redaction.naming import of_environment

    pairs = [each.partition("=") for each in variables]
    return of_environment({name: value for name, _, value in pairs})


def redact(text: str) -> str:
    """``text`` without what looks like a secret, and without the secrets that this run has met."""
    from migops.core.redaction.forms import hide

    return hide(_run.redactor().hide(text) if _run is not None else text)
