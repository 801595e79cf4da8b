"""What the user asks of Alembic: its verb, options and revisions, read as Alembic's own command line reads them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from migops.core.options import ALEMBIC, FLASK_MIGRATE, split

ROWS = ("upgrade", "downgrade", "stamp")
"""The verbs that change the database."""
FILES = ("revision", "migrate", "merge")
"""The verbs that write a script; ``migrate`` is Flask-Migrate's ``revision --autogenerate``."""

_VALUED = {
    **ALEMBIC, **FLASK_MIGRATE, "-m": "--message", "-r": "--rev-range",
    **{name: name for name in (
        "--message", "--rev-range", "--head", "--branch-label", "--version-path", "--rev-id", "--depends-on", "--tag",
    )},
}  # fmt: skip
_FLAGS = ("--sql", "--autogenerate", "--splice", "--purge", "--help", "--verbose", "--raiseerr", "--quiet")
_RELATIVE = re.compile(r"-\d+")
_DEFAULTS = {"upgrade": "head", "downgrade": "-1", "stamp": "head"}
HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of Alembic: ``words`` are what follows the verb and is no option, ``options`` by their long names."""

    verb: str = ""
    words: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_guarded(self) -> bool:
        """Whether it changes the database or writes a script: not with ``--sql``, and not for asking how it goes.

        A verb that wants a revision and has none is Alembic's to refuse.
        """
        changes = self.verb in FILES or (self.verb in ROWS and bool(self.words))
        return changes and "--help" not in self.options and "--sql" not in self.options

    @property
    def autogenerates(self) -> bool:
        """Whether models are compared with the database."""
        return self.verb == "migrate" or "--autogenerate" in self.options


def read(arguments: Sequence[str], program: Sequence[str] = ("alembic",)) -> Call:
    """Read the words after ``program``. Flask-Migrate has a revision for each verb where none is named."""
    found = [word for word in _parts(arguments) if isinstance(word, str)]
    options = dict(word for word in _parts(arguments) if isinstance(word, tuple))
    verb, words = (found[0], found[1:]) if found else ("", [])
    if not words and program[:1] == ("flask",) and verb in _DEFAULTS:
        words = [_DEFAULTS[verb]]
    return Call(verb, tuple(words), options)


def _parts(arguments: Sequence[str]) -> Iterator[str | tuple[str, str]]:
    """Words as they are, options as pairs of their long name and their value."""
    words = iter(arguments)
    for word in words:
        if word == "--":
            yield from words
        elif not word.startswith("-") or word == "-" or _RELATIVE.fullmatch(word):
            yield word
        elif word.startswith("--"):
            typed, value = split(word)
            name = _long(typed)
            yield _VALUED.get(name, name), value if value is not None else next(words, "") if name in _VALUED else ""
        elif word[:2] in _VALUED:
            yield _VALUED[word[:2]], word[2:] or next(words, "")
        else:
            yield {"-h": "--help", "-v": "--verbose", "-q": "--quiet"}.get(word[:2], word[:2]), ""


def _long(name: str) -> str:
    """An option's whole name: argparse takes any beginning of it that only one has."""
    known = [each for each in (*_VALUED, *_FLAGS) if each.startswith("--")]
    fitting = [each for each in known if each.startswith(name)]
    return fitting[0] if name not in known and len(fitting) == 1 else name


def redacted(arguments: Sequence[str]) -> tuple[str, ...]:
    """The arguments as they may be written down: what ``-x`` passes to env.py may be a secret."""
    kept: list[str] = []
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        if word == "-x" or (word.startswith("--x") and not equals and _long(word) == "--x-arg"):
            kept += [word, _hidden(next(words, ""))]
        elif name.startswith("--x") and _long(name) == "--x-arg":
            kept.append(f"{name}={_hidden(value)}")
        elif word.startswith("-x"):
            kept.append(f"-x{_hidden(word[2:])}")
        else:
            kept.append(word)
    return tuple(kept)


def _hidden(text: str) -> str:
    name, equals, _ = text.partition("=")
    return f"{name}={HIDDEN}" if equals else HIDDEN
