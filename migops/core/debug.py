"""``--debug``: requests to the Docker Engine, commands and SQL, with result and time, on standard error, a line each.

``timed`` surrounds one of them. While debugging is off it writes nothing, and ``logging`` is not imported. Lines are
written when the work ends, also when it fails, and are redacted by form and by value (``migops.core.redaction``).

Loggers: ``migops.engine`` (requests), ``migops.exec`` (commands in containers), ``migops.command`` (commands on this
machine), ``migops.sql`` (connections and statements).
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from migops.core.redaction import HIDDEN, redact

if TYPE_CHECKING:
    import logging

_FORMAT = "%(asctime)s.%(msecs)03dZ %(name)-14s %(message)s"
_LONGEST_WORD = 160  # characters of one argument: scripts for `sh -c` and `python -c` are longer
_STATEMENT_WORDS = 8
_FULL_ID = re.compile("[0-9a-f]{64}")  # a container is named by its ID or by its name
_COMMANDS = frozenset({"command", "exec"})
_ASSIGNMENTS = frozenset({"-e", "--env", "--build-arg"})
_ASSIGNMENT = re.compile(r"(?P<head>(?:-e|--env=|--build-arg=)?(?P<name>[A-Za-z_]\w*)=)(?P<value>.+)", re.DOTALL)

_handler: logging.Handler | None = None
_execs: dict[str, Timed] = {}
"""Commands in containers that have not been seen to end, by the exec's ID."""


@contextmanager
def scope() -> Iterator[None]:
    """A run of the command line: debugging that is started inside ends with it."""
    try:
        yield
    finally:
        _stop()


def start() -> None:
    """Write debug lines to standard error until the ``scope`` ends. A second call changes nothing."""
    global _handler  # one process is one run, as in migops.core.redaction
    if _handler is not None:
        return
    import logging
    import platform

    from migops import __version__

    formatter = logging.Formatter(_FORMAT, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    _handler = logging.StreamHandler()
    _handler.setFormatter(formatter)
    logger = logging.getLogger("migops")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(_handler)
    logger.debug("version %s, Python %s, %s", __version__, platform.python_version(), platform.platform())


def _stop() -> None:
    global _handler
    if _handler is None:
        return
    import logging

    for line in tuple(_execs.values()):
        line.end("its end was not asked for")
    _execs.clear()
    logger = logging.getLogger("migops")
    logger.removeHandler(_handler)
    logger.setLevel(logging.NOTSET)
    logger.propagate = True
    _handler = None


def enabled() -> bool:
    """True between ``start`` and the end of the ``scope``."""
    return _handler is not None


class Timed:
    """One piece of work, from now until ``end``: ``kind`` names the logger, ``words`` say what is done.

    The words of a command (kinds ``command`` and ``exec``) are quoted as a shell needs them.
    """

    __slots__ = ("_began", "_ended", "kind", "words")

    def __init__(self, kind: str, *words: str) -> None:
        self.kind = kind
        self.words = words
        self._began = time.monotonic()
        self._ended = False

    def end(self, result: str) -> None:
        """Write the line, with the time that has passed. Only the first call counts."""
        if not self._ended and _handler is not None:
            import logging

            text = command_line(self.words) if self.kind in _COMMANDS else redact(" ".join(self.words))
            milliseconds = (time.monotonic() - self._began) * 1000
            logging.getLogger(f"migops.{self.kind}").debug("%s: %s, %.0f ms", _one_line(text), result, milliseconds)
        self._ended = True

    def __enter__(self) -> Timed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end("done" if kind is None else f"failed ({kind.__name__})")


timed = Timed
"""``with timed("engine", "GET", path) as line: …; line.end("200")``; without ``end`` the line says done or failed."""


def exec_started(exec_id: str, container: str, command: Sequence[str]) -> None:
    """A command was prepared in a container. Its line is written by ``exec_ended``, or when the run ends."""
    if enabled():
        _execs[exec_id] = Timed("exec", container[:12] if _FULL_ID.fullmatch(container) else container, *command)


def exec_ended(exec_id: str, code: int | None) -> None:
    """The engine was seen to say that the command has ended. ``code`` is None if it does not say how."""
    if (line := _execs.pop(exec_id, None)) is not None:
        line.end(f"exit code {'unknown' if code is None else code}")


def command_line(words: Sequence[str]) -> str:
    """``words`` as a shell would be given them, without secrets; long ones are shortened.

    Values of ``-e NAME=VALUE`` and ``--build-arg NAME=VALUE`` are hidden whatever their name is. Each word is redacted
    before it is quoted or shortened, since half a secret is not recognised any more.
    """
    hidden = (_short(redact(word)) for word in _without_values(words))
    return redact(" ".join(word if HIDDEN in word and " " not in word else shlex.quote(word) for word in hidden))


def statement(text: str) -> str:
    """The first words of an SQL statement, up to the first literal."""
    words = re.split(r"['$]", text, maxsplit=1)[0].split()
    return " ".join([*words[:_STATEMENT_WORDS], *(["…"] if len(words) > _STATEMENT_WORDS else [])])


def _without_values(words: Sequence[str]) -> Iterator[str]:
    from migops.core.redaction.naming import says_secret

    before = ""
    for word in words:
        assigned = _ASSIGNMENT.fullmatch(word)
        if assigned and (before in _ASSIGNMENTS or word.startswith("-") or says_secret(assigned["name"])):
            yield assigned["head"] + HIDDEN
        elif before.startswith("--") and "=" not in before and not word.startswith("-"):
            yield HIDDEN if says_secret(before[2:]) else word
        else:
            yield word
        before = word


def _short(word: str) -> str:
    return word if len(word) <= _LONGEST_WORD else f"{word[:_LONGEST_WORD]}…"


def _one_line(text: str) -> str:
    """Nothing in it ends the line or acts on a terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
