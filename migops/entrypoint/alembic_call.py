"""Calls of Alembic in a container: the options and variables that select the configuration.

Alembic's order is ``-c``, then ``ALEMBIC_CONFIG``, then ``alembic.ini`` and ``pyproject.toml`` in the working
directory. Two calls in one container may read different files: the one in the container's start, and one that a user
types there.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from migops.core.options import ALEMBIC, FLASK_MIGRATE, Option, with_value

PROGRAM = re.compile(r"alembic(-?[0-9]+(\.[0-9]+)*)?")
"""Alembic's program by its name: Debian and Fedora add Python's version."""

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?-([^${}]*))?\})")

Text = Callable[[str], bytes | None]
"""From an absolute path to the file's bytes in the container; None if there is none."""


@dataclass(frozen=True, slots=True)
class Process:
    """A container's start. ``environment`` is the container's, ``words`` are entrypoint and command."""

    working_dir: str
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    words: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of Alembic."""

    cwd: str  # the working directory
    by: str  # the call in words, for messages
    configs: tuple[str, ...] = ()  # ``-c`` as typed
    section: str = "alembic"  # ``-n``
    variable: str = ""  # ``ALEMBIC_CONFIG``
    directory: str = ""  # Flask-Migrate's ``--directory``; '' for Alembic itself
    module: bool = False  # ``python -m alembic``, which has the working directory on its path
    arguments: tuple[str, ...] = field(default=(), repr=False)  # of ``-x``, which env.py may choose a database by
    undecided: str = ""  # the reason why the files cannot be known without running something

    @property
    def is_plain(self) -> bool:
        """True if only the working directory selects the configuration."""
        return not (self.configs or self.variable or self.directory or self.undecided) and self.section == "alembic"


def typed(process: Process) -> Call:
    """A plain ``alembic`` that a user types in the container (``docker compose exec app alembic …``)."""
    variable = process.environment.get("ALEMBIC_CONFIG", "")
    by = f"ALEMBIC_CONFIG={variable}" if variable else "a plain `alembic`"
    return Call(posixpath.normpath(process.working_dir or "/"), by, variable=variable)


def call_of(words: Sequence[str], cwd: str, environment: Mapping[str, str], *, module: bool = False) -> Call | None:
    """The call of Alembic (or Flask-Migrate) in a command; None for any other command.

    ``words`` start with the program; ``environment`` is the command's, its own assignments included.
    """
    name = posixpath.basename(words[0]) if words else ""
    variable = environment.get("ALEMBIC_CONFIG", "")
    if PROGRAM.fullmatch(name):
        options, unread = _values(with_value(words[1:], ALEMBIC), environment)
        configs, section = tuple(options.get("--config", ())), (options.get("--name") or ["alembic"])[-1]
        arguments = tuple(options.get("-x", ()))
        return Call(cwd, _shown(configs, section), configs, section, variable, "", module, arguments, unread)
    if "db" in words[1:4] and name in ("flask", "quart"):
        rest = words[words.index("db") + 2 :]
        options, unread = _values(with_value(rest, FLASK_MIGRATE, anywhere=True), environment)
        folder = (options.get("--directory") or [""])[-1]
        if not folder:
            return None  # the application's code sets the folder
        by, arguments = f"`{name} db --directory {folder}`", tuple(options.get("-x", ()))
        return Call(cwd, by, (), "alembic", "", folder, True, arguments, unread)
    return None


def _shown(configs: Sequence[str], section: str) -> str:
    """The call without its other arguments, which may contain secrets."""
    words = ["alembic", *(word for each in configs for word in ("-c", each))]
    return f"`{' '.join(words + (['-n', section] if section != 'alembic' else []))}`"


def _values(options: Iterable[Option], environment: Mapping[str, str]) -> tuple[dict[str, list[str]], str]:
    """The values of each option by its name, and the reason if one is unknown ('' if none is)."""
    values: dict[str, list[str]] = {}
    unread = ""
    for typed, name, given in options:
        known = _expanded(given, environment)
        if known is None and name != "-x":
            unread = f"it is called with {typed} {given}, whose value is known only at runtime"
        values.setdefault(name, []).append(known or given)
    return values, unread


def _expanded(word: str, environment: Mapping[str, str]) -> str | None:
    """The word with variables replaced from the container's environment; None if one is unknown."""
    missing = False

    def value(match: re.Match[str]) -> str:
        nonlocal missing
        name, default = match[1] or match[2], match[3]
        given = environment.get(name) or default
        missing = missing or given is None
        return given or ""

    text = _VARIABLE.sub(value, word)
    return None if missing or "$" in text or "`" in text else text


def is_toml(name: str) -> bool:
    """True if ``name`` is a pyproject.toml."""
    return posixpath.basename(name) == "pyproject.toml"
