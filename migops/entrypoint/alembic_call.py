"""How Alembic is called in a container: the options and variables that decide which configuration it reads.

Alembic's own order is ``-c``, then ``ALEMBIC_CONFIG``, then ``alembic.ini`` and ``pyproject.toml`` of the folder that
it is started in. Two calls in one container may read different files: what the container runs when it starts, and
what somebody types there.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?-([^${}]*))?\})")

Text = Callable[[str], bytes | None]
"""The bytes of a file of the container by its absolute path; None where there is none."""


@dataclass(frozen=True, slots=True)
class Process:
    """What a container starts with. ``environment`` is the container's, ``words`` are entrypoint and command."""

    working_dir: str
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    words: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of Alembic: the folder it is started in, ``-c`` as typed, ``-n``, ``ALEMBIC_CONFIG``.

    ``directory`` is the folder that Flask-Migrate is told, '' for Alembic itself. ``module``: ``python -m alembic``,
    which has the working directory on its path. ``by`` says in words who calls it so. ``undecided`` is why the files
    cannot be known without running anything, '' where they are.
    """

    cwd: str
    by: str
    configs: tuple[str, ...] = ()
    section: str = "alembic"
    variable: str = ""
    directory: str = ""
    module: bool = False
    undecided: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether nothing but the working directory decides."""
        return not (self.configs or self.variable or self.directory or self.undecided) and self.section == "alembic"


def typed(process: Process) -> Call:
    """A plain ``alembic`` that somebody types in the container (``docker compose exec app alembic …``)."""
    variable = process.environment.get("ALEMBIC_CONFIG", "")
    by = f"ALEMBIC_CONFIG={variable}" if variable else "a plain `alembic`"
    return Call(posixpath.normpath(process.working_dir or "/"), by, variable=variable)


def call_of(words: Sequence[str], cwd: str, environment: Mapping[str, str], *, module: bool = False) -> Call | None:
    """The call of Alembic (or of Flask-Migrate) that a command's words are; None where they are none.

    ``words`` begin with the program; ``environment`` is what the command gets, its own assignments included.
    """
    name = posixpath.basename(words[0]) if words else ""
    variable = environment.get("ALEMBIC_CONFIG", "")
    if name == "alembic":
        options, unread = _options(
            words[1:], {"-c": "config", "--config": "config", "-n": "name", "--name": "name", "-x": "x"}, environment
        )
        configs, section = tuple(options.get("config", ())), (options.get("name") or ["alembic"])[-1]
        return Call(cwd, _shown(configs, section), configs, section, variable, "", module, unread)
    if "db" in words[1:4] and name in ("flask", "quart"):
        rest = words[words.index("db") + 2 :]
        options, unread = _options(
            rest, {"-d": "directory", "--directory": "directory", "-x": "x"}, environment, every=True
        )
        folder = (options.get("directory") or [""])[-1]
        if not folder:
            return None  # what the application's code says of the folder holds
        return Call(cwd, f"`{name} db --directory {folder}`", (), "alembic", "", folder, True, unread)
    return None


def _shown(configs: Sequence[str], section: str) -> str:
    """The call in words, without what else it is given: that may hold secrets."""
    words = ["alembic", *(word for each in configs for word in ("-c", each))]
    return f"`{' '.join(words + (['-n', section] if section != 'alembic' else []))}`"


def _options(
    words: Sequence[str], valued: Mapping[str, str], environment: Mapping[str, str], *, every: bool = False
) -> tuple[dict[str, list[str]], str]:
    """The options before the verb (``every``: all of them) with their values, and what of them cannot be known."""
    found: dict[str, list[str]] = {}
    unread = ""
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            if every:
                continue
            break
        option, equals, value = word.partition("=") if word.startswith("--") else (word[:2], word[2:], word[2:])
        if option not in valued:
            continue
        given = value if equals else next(rest, "")
        known = _expanded(given, environment)
        if known is None and valued[option] != "x":
            unread = f"it is called with {option} {given}, whose value is known only at runtime"
        found.setdefault(valued[option], []).append(known or given)
    return found, unread


def _expanded(word: str, environment: Mapping[str, str]) -> str | None:
    """The word with variables of the container's environment put in; None where one is not known."""
    missing = False

    def value(found: re.Match[str]) -> str:
        nonlocal missing
        name, default = found[1] or found[2], found[3]
        given = environment.get(name) or default
        missing = missing or given is None
        return given or ""

    text = _VARIABLE.sub(value, word)
    return None if missing or "$" in text or "`" in text else text


def is_toml(name: str) -> bool:
    """True if the configuration file is a pyproject.toml."""
    return posixpath.basename(name) == "pyproject.toml"
