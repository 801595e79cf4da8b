"""Commands by which Alembic writes: which configuration they read, where they go, and what the text leaves open."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from migops.core.options import ALEMBIC, FLASK_MIGRATE, split
from migops.core.redaction import redact
from migops.core.text import listed
from migops.entrypoint import written
from migops.entrypoint.alembic_call import PROGRAM, Call
from migops.entrypoint.failing import Frame, Shell
from migops.entrypoint.known import value
from migops.entrypoint.model import Migrating, Ran
from migops.entrypoint.ran import call_in
from migops.entrypoint.tree import Chain, Compound
from migops.entrypoint.variables import changed_in_front, strange_in
from migops.entrypoint.words import unwrapped

WRITES = frozenset(("upgrade", "downgrade", "stamp", "revision", "merge", "migrate"))
"""Verbs of Alembic and Flask-Migrate that write to the database or to the versions folder."""
_QUIET = frozenset(("--raiseerr", "-q", "--quiet"))
_PRINTS = frozenset(("echo", "printf", "logger", "#", "test", "[", "[[", "exit", "grep", "trap"))
_LOOPS = ("for", "while", "until")
_PYTHON = re.compile(r"(python|pypy)[0-9.]*")


def of(
    words: Sequence[str], environment: Mapping[str, str], shell: Shell, frames: Sequence[Frame]
) -> Migrating | None:  # fmt: skip
    """The command as one by which Alembic writes; None for any other command, and for one that only prints SQL."""
    known = tuple(_known(word, shell) for word in words)
    plain = _named(unwrapped(known))
    parts = _parts(plain)
    if parts is None:
        return _through_another(known)
    options, verb, goal = parts
    strange = next((word for word in options if word not in ALEMBIC and word not in _QUIET), "")
    if verb not in WRITES and strange and (later := next((word for word in goal if word in WRITES), "")):
        # An option that is not known, such as the abbreviation `--conf`, may take the next word with it.
        return Migrating(redact(" ".join(words)), later, doubt=f"it is called with {strange}")
    if verb not in WRITES or "--sql" in plain:
        return None
    given = known[: len(known) - len(unwrapped(known))]
    ran = Ran(known, shell.cwd, {**environment, **shell.known}, shell.assigned - shell.known.keys())
    call = call_in(ran)
    doubts = (
        *_of_frames(frames), *_of_shell(shell, given, call), *_of_wrappers(given), *_of_words(options, goal, call)
    )  # fmt: skip
    text = redact(" ".join(words))
    doubt = next(iter(doubts), "")
    return Migrating(text, verb, _goal(plain, verb, goal), _program(plain), shell.cwd, call, doubt)


def program_of(words: Sequence[str]) -> tuple[str, ...]:
    """The words that call Alembic, without wrappers and options: ``alembic``, ``flask db``; () for another program."""
    plain = _named(unwrapped(words))
    return _program(plain) if _parts(plain) is not None else ()


def of_program(text: str) -> Migrating:
    """An upgrade that a Python program calls (``text``: its line)."""
    return Migrating(redact(text), "upgrade", doubt="a program calls it, whose configuration and database are not read")


def _known(word: str, shell: Shell) -> str:
    return value(word, shell) or word


def _named(words: tuple[str, ...]) -> tuple[str, ...]:
    """The command with ``python -m alembic`` written as ``alembic``."""
    if len(words) > 2 and _PYTHON.fullmatch(posixpath.basename(words[0])) and words[1] == "-m":
        return (words[2].removesuffix(".config"), *words[3:])
    return words


def _parts(words: Sequence[str]) -> tuple[tuple[str, ...], str, tuple[str, ...]] | None:
    """Alembic's own options, its verb and the words after it; None for another program."""
    at = _start(words)
    if at is None:
        return None
    options: list[str] = []
    while at < len(words) and words[at].startswith("-"):
        typed, given = split(words[at])
        options.append(typed)
        at += 2 if typed in ALEMBIC and given is None else 1
    return tuple(options), words[at] if at < len(words) else "", tuple(words[at + 1 :])


def _start(words: Sequence[str]) -> int | None:
    """The position after the program: ``alembic``, ``flask … db``, ``python manage.py db``."""
    if words and _is_alembic(words[0]):
        return 1
    name = posixpath.basename(words[0]) if words else ""
    is_another = name in ("flask", "quart") or bool(_PYTHON.fullmatch(name))
    return words.index("db") + 1 if is_another and "db" in words else None


def _is_alembic(word: str) -> bool:
    return PROGRAM.fullmatch(posixpath.basename(word)) is not None


def _program(words: Sequence[str]) -> tuple[str, ...]:
    return ("alembic",) if _is_alembic(words[0]) else tuple(words[: _start(words)])


def _goal(words: Sequence[str], verb: str, goal: tuple[str, ...]) -> tuple[str, ...]:
    """What it goes to; Flask-Migrate's upgrade goes to ``head`` where nothing else is said."""
    if _is_alembic(words[0]):
        return goal
    rest: list[str] = []
    left = iter(goal)
    for word in left:
        typed, given = split(word) if word.startswith("-") else (word, "")
        if typed not in FLASK_MIGRATE:
            rest.append(word)
        elif given is None:
            next(left, "")
    return tuple(rest) or (("head",) if verb == "upgrade" else ())


def _through_another(words: Sequence[str]) -> Migrating | None:
    """Alembic behind a program that is not known: it may set variables, or run it elsewhere."""
    at = next((number for number, word in enumerate(words) if number and _is_alembic(word)), None)
    if at is None or posixpath.basename(words[0]) in _PRINTS:
        return None
    after = words[at + 1 :]
    verb = next((word for word in after if word in WRITES), "")
    if not verb or "--sql" in after:
        return None
    return Migrating(redact(" ".join(words)), verb, doubt=f"`{words[0]}` runs it, which may change its variables")


def _of_frames(frames: Sequence[Frame]) -> Iterator[str]:
    for frame in frames:
        if isinstance(frame.node, Compound) and frame.node.kind in _LOOPS:
            yield "it runs in a loop"
        if isinstance(frame.node, Chain) and frame.node.background:
            yield "it runs in the background"


def _of_shell(shell: Shell, given: Sequence[str], call: Call | None) -> Iterator[str]:
    changed = sorted({*shell.changed, *changed_in_front(given, shell)})
    if changed:
        yield f"the start sets {redact(listed(changed))} before it, so that it may use another database"
    if files := written.of_alembic(shell.written, call):
        what = "fetches the code with git" if files == ["git"] else f"writes {redact(listed(files))}"
        yield f"the start {what} before it, so that it may use another database"
    if shell.lost:
        yield f"the folder that it runs in is not known after `{redact(shell.lost)}`"


def _of_wrappers(given: Sequence[str]) -> Iterator[str]:
    """Wrappers that may hand on other variables than the container's."""
    for strange in strange_in(given):
        yield f"`{strange}` {'may change' if ' ' in strange else 'runs it, which may change'} its variables"


def _of_words(options: Sequence[str], goal: Sequence[str], call: Call | None) -> Iterator[str]:
    strange = [word for word in options if word not in ALEMBIC and word not in _QUIET]
    if strange:
        yield f"it is called with {strange[0]}"
    if any("$" in word or "`" in word for word in goal):
        yield f"where it goes (`{' '.join(goal)}`) is known only at runtime"
    if call is None and any(split(word)[0] in FLASK_MIGRATE for word in goal if word.startswith("-")):
        yield f"it is called with {' '.join(goal)}"
    if call is not None and any("$" in each or "`" in each for each in call.arguments):
        yield "the value of its -x is known only at runtime"
    if call is not None and call.undecided:
        yield call.undecided
