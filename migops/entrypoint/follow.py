"""Follows what a container runs when it starts, from its entrypoint into the scripts and programs that this names."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from migops.core.errors import MigopsError
from migops.core.model import Location
from migops.database import redact
from migops.entrypoint import program
from migops.entrypoint.failing import ASSIGNED, Frame, Shell, passed_over
from migops.entrypoint.known import assign, assigned, expanded, is_endless, set_options, taken, under_what, value
from migops.entrypoint.shell import Compound, NotRead, Script, Simple, parse
from migops.entrypoint.words import Does, Meaning, meaning

DEEPEST = 4  # files that one another start
MOST = 5000  # commands that are followed: functions that call one another can make any number
LARGEST = 256 * 1024  # bytes of a script that is followed; a larger one is a program

_PASSING = frozenset(
    (
        *("[", "[[", ":", "chmod", "chown", "cd", "date", "echo", "exit", "export", "false", "mkdir", "printf", "read"),
        *("return", "set", "shift", "sleep", "test", "trap", "true", "ulimit", "umask", "unset", "wait"),
    )
)
"""Commands that are no reason for a container to be there."""

_OF_SCRIPT = re.compile(r"^\$\(dirname (?:-- )?\"?(?:\$0|\$\{0\}|\$\{?BASH_SOURCE(?:\[0\])?\}?)\"?\)(/[\w./-]*)?$")
"""The folder of the script itself, as scripts find it."""
_LONG = 600.0  # seconds from which on a `sleep` is what the container is there for, and no pause
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

_WAITS = re.compile(r"^(pg_isready|mysqladmin|dockerize|nc)$|wait|pre_?start", re.IGNORECASE)
"""Names of programs, scripts and modules that wait for a server."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that the start names: its bytes, and where they were read (``at`` the path, ``place`` whose it is)."""

    content: bytes
    at: str
    place: str


@dataclass(frozen=True, slots=True)
class Change:
    """A command of the start that changes the schema: an upgrade, or else ``create_all``.

    ``at`` is the line that has it, in a file of ``place`` (``image``, ``host``, or in words where the command itself is
    written); ``text`` the command, or the program's line. ``condition`` is what it runs under, as it is written, where
    that could not be told.
    ``swallowed`` says how the start goes on when it fails, '' where it does not.
    """

    at: Location
    place: str
    text: str
    upgrade: bool
    condition: str = ""
    swallowed: str = ""


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that mentions Alembic: its words, the folder it runs in, and the variables that are known by then.

    ``unknown`` are those that the script sets to what only a running shell knows.
    """

    words: tuple[str, ...]
    cwd: str
    environment: Mapping[str, str] = field(repr=False)
    unknown: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Here:
    """Where the text that is being followed is written. Text inside of a line keeps that line (``fixed``)."""

    at: Location
    place: str
    fixed: bool = True
    depth: int = 0

    def line(self, number: int) -> Location:
        return self.at if self.fixed else Location(self.at.file, number)


@dataclass(slots=True)
class Follower:
    """What was found so far. ``changes`` in order; ``ran`` are the calls of Alembic; ``last`` is the last command that
    is more than talk; ``waits`` says that one waits for a server; ``unread`` what could not be followed, and why."""

    files: Callable[[str], File | None]
    path: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    changes: list[Change] = field(default_factory=list)
    last: str = ""
    waits: bool = False
    steps: int = 0
    unread: list[str] = field(default_factory=list)
    ran: list[Ran] = field(default_factory=list)

    def start(self, words: Sequence[str], cwd: str, at: Location, place: str) -> None:
        """Follow a container's command, which is written at ``at``."""
        shell = Shell(cwd=cwd, environment=self.environment)
        self._command(Simple(tuple(words), 0), shell, _Here(at, place), (), "")

    def _script(self, script: Script, shell: Shell, here: _Here, frames: tuple[Frame, ...], condition: str) -> None:
        shell.functions.update(script.functions)
        for number, chain in enumerate(script.chains):
            if shell.gone:
                return
            outer = (*frames, Frame(script, number, shell))
            for at, pipeline in enumerate(chain.pipelines):
                joined = (*outer, Frame(chain, at, shell))
                under = under_what(chain, at, shell)
                if under is None:
                    continue
                held = condition or under
                for index, part in enumerate(pipeline.parts):
                    inner = (*joined, Frame(pipeline, index, shell))
                    if isinstance(part, Simple):
                        self._simple(part, shell, here, inner, held)
                    else:
                        self._compound(part, shell, here, inner, held)

    def _compound(self, node: Compound, shell: Shell, here: _Here, frames: tuple[Frame, ...], condition: str) -> None:
        inside = shell
        if node.kind == "(":
            inside = replace(shell, functions=dict(shell.functions), known=dict(shell.known))
        for test in node.tests:
            self._script(test, inside, here, (*frames, Frame(node, 0, shell, test=True)), condition)
        for number, (branch, told) in enumerate(taken(node, shell)):
            under = condition or ("" if told else branch.condition)
            self._script(branch.body, inside, here, (*frames, Frame(node, number, shell)), under)
        if is_endless(node):
            self.last = f"{node.kind} loop without an end"

    def _simple(self, command: Simple, shell: Shell, here: _Here, frames: tuple[Frame, ...], condition: str) -> None:
        self.steps += 1
        if self.steps == MOST:
            self.unread.append(f"{here.at.file}: more than {MOST} commands, the rest was not followed")
        if self.steps >= MOST:
            return
        words = tuple(expanded(command.words, shell))
        name, rest = (words[0], words[1:]) if words else ("", ())
        if words and all(ASSIGNED.match(word) for word in words):
            assign(words, shell, sure=not condition)
        elif name in ("export", "local", "readonly", "declare"):
            assign(rest, shell, sure=not condition)
        elif name == "set":
            set_options(rest, shell)
        elif name == "trap" and "ERR" in rest:
            shell.errexit = True
        elif name == "shift":
            shell.arguments = shell.arguments[int(rest[0]) if rest and rest[0].isdigit() else 1 :]
        elif name in ("cd", "pushd") and rest:
            folder = _OF_SCRIPT.sub(lambda found: posixpath.dirname(here.at.file) + (found[1] or ""), rest[-1])
            known = value(folder, shell)
            if known is not None:
                shell.cwd = posixpath.normpath(posixpath.join(shell.cwd, known))
        elif name in shell.functions:
            body = shell.functions[name]
            if any(frame.node is body for frame in frames):  # it calls itself: nothing new is in it
                return
            before, shell.arguments = shell.arguments, rest
            self._script(body, shell, here, frames, condition)
            shell.arguments = before
        elif words:
            self._command(replace(command, words=words), shell, here, frames, condition)
            # Only what is told to run ends the script; under a condition, what follows may run too.
            shell.gone = shell.gone or (not condition and (name == "exit" or (name == "exec" and bool(rest))))

    def _command(self, command: Simple, shell: Shell, here: _Here, frames: tuple[Frame, ...], condition: str) -> None:
        found = meaning(command.words)
        if found.does not in (Does.SHELL_TEXT, Does.SHELL_FILE) and any(_is_alembic(each) for each in command.words):
            given = {**self.environment, **shell.known}
            self.ran.append(Ran(command.words, shell.cwd, given, shell.assigned - shell.known.keys()))
        self.waits = self.waits or any(_WAITS.search(posixpath.basename(word)) for word in command.words)
        where = (here, frames, condition)
        if found.does is Does.UPGRADE:
            text = " ".join(command.words)
            self._note(here.line(command.line), here.place, text, True, condition, passed_over(frames))
            self.last = "upgrade"
        elif found.does in (Does.SHELL_TEXT, Does.PYTHON_TEXT):
            inner = replace(here, fixed=True, at=here.line(command.line), depth=here.depth + 1)
            self._text(found, found.what, shell, (inner, frames, condition))
        elif found.does is Does.OTHER:
            name = posixpath.basename(found.words[0]) if found.words else ""
            if name and (name not in _PASSING or (name == "sleep" and _is_long(found.words[1:]))):
                self.last = " ".join(found.words)
        elif found.does is Does.OF_A_FILE:
            self.last = found.what
            self.unread.append(f"`{redact(found.what)}` runs commands from a file of its own, which was not followed")
        elif found.does is not Does.STAMP:
            self.last = " ".join(found.words)
            self._file(found, shell, *where)

    def _file(self, found: Meaning, shell: Shell, here: _Here, frames: tuple[Frame, ...], condition: str) -> None:
        if here.depth >= DEEPEST:
            self.unread.append(f"{found.what}: more than {DEEPEST} files call one another")
            return
        if "$" in found.what:
            self.unread.append(f"{here.at}: `{redact(found.what)}` names a file that is known only at runtime")
            return
        for path in self._candidates(found, shell):
            try:
                file = self.files(path)
            except MigopsError as error:
                self.unread.append(f"{path}: {error}")
                return
            if file is not None:
                break
        else:
            if found.does is not Does.PYTHON_MODULE:  # most of those are installed, and no part of the application
                self.unread.append(f"{found.what} was not found")
            return
        if len(file.content) > LARGEST or b"\0" in file.content[:1024]:
            return
        text = file.content.decode("utf-8", "replace")
        inner = _Here(Location(file.at), file.place, fixed=False, depth=here.depth + 1)
        self._text(_by_first_line(found, text), text, shell, (inner, frames, condition))

    def _text(self, found: Meaning, text: str, shell: Shell, where: tuple[_Here, tuple[Frame, ...], str]) -> None:
        here, frames, condition = where
        if found.does in (Does.PYTHON_FILE, Does.PYTHON_MODULE, Does.PYTHON_TEXT):
            tree = program.parsed(text)
            if tree is None:
                self.unread.append(f"{here.at} is not readable as Python")
                return
            for call in program.at_start(tree, text, found.callee):
                swallowed = call.swallowed or passed_over(frames)
                self._note(here.line(call.line), here.place, call.text, call.upgrade, condition, swallowed)
            self.last = " ".join(found.words)
            return
        if found.does is Does.PROGRAM:  # neither a shell script nor Python
            return
        try:
            script = parse(text)
        except NotRead as error:
            self.unread.append(f"{here.at} cannot be followed: {error}")
            return
        if found.does is not Does.SOURCE:
            shell = Shell(found.arguments, shell.cwd, environment=shell.environment)
            set_options(found.options.split(), shell)
        shell.assigned |= assigned(script)
        self._script(script, shell, here, frames, condition)

    def _candidates(self, found: Meaning, shell: Shell) -> Iterator[str]:
        """The paths at which a file that is named so may be."""
        if found.does is Does.PYTHON_MODULE:
            paths = (each for each in self.environment.get("PYTHONPATH", "").split(":") if each)
            for folder in (found.folder, *paths):
                below = posixpath.normpath(posixpath.join(shell.cwd, folder, *found.what.split(".")))
                yield from (f"{below}.py", f"{below}/__main__.py", f"{below}/__init__.py")
        elif found.does is Does.PROGRAM and "/" not in found.what:
            yield from (posixpath.join(folder, found.what) for folder in self.path)
        else:
            yield posixpath.normpath(posixpath.join(shell.cwd, found.what))

    def _note(self, at: Location, place: str, text: str, upgrade: bool, condition: str, swallowed: str) -> None:
        change = Change(at, place, redact(text), upgrade, redact(condition), redact(swallowed))
        if change not in self.changes:
            self.changes.append(change)


def _is_alembic(word: str) -> bool:
    return posixpath.basename(word) in ("alembic", "alembic.config", "db")


def _is_long(durations: Sequence[str]) -> bool:
    """Whether a ``sleep`` of these (``90``, ``1.5h``, ``infinity``) is what the container is there for."""
    seconds = 0.0
    for each in durations:
        number, unit = (each[:-1], _UNITS[each[-1]]) if each[-1:] in _UNITS else (each, 1)
        try:
            seconds += float(number) * unit
        except ValueError:
            return False  # a variable, say
    return seconds >= _LONG


def _by_first_line(found: Meaning, text: str) -> Meaning:
    """What the file is where only its first line tells; the shell's options that this line gives it."""
    first = text.split("\n", 1)[0] if text.startswith("#!") else ""
    words = first[2:].split()
    if words and posixpath.basename(words[0]) == "env":
        words = [word for word in words[1:] if word != "-S"]
    if found.does is Does.PROGRAM:
        named = meaning((*words, found.what))
        does = named.does if named.does in (Does.SHELL_FILE, Does.PYTHON_FILE) else Does.PROGRAM
        if not words and found.what.endswith((".sh", ".bash")):
            does = Does.SHELL_FILE
        return replace(found, does=does, options=" ".join(words[1:]))
    return found  # `sh FILE` passes the first line by
