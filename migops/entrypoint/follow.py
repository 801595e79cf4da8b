"""Follows a container's start from its entrypoint into the scripts and programs that it names."""

from __future__ import annotations

import contextlib
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from migops.compose.unread import ALL_READ, Unread
from migops.core.errors import MigopsError
from migops.core.model import Location
from migops.core.redaction import redact
from migops.entrypoint import migrating, python_start, unfollowed, variables, written
from migops.entrypoint.alembic_call import PROGRAM
from migops.entrypoint.conditions import is_endless, possible_branches, under_what
from migops.entrypoint.failing import ASSIGNED, Frame, Shell, is_apart, passed_over
from migops.entrypoint.known import assign, assigned, expanded, set_options, substitutions, value
from migops.entrypoint.model import Executed, File, Ran
from migops.entrypoint.own_folder import in_own_folder
from migops.entrypoint.purpose import is_purpose
from migops.entrypoint.record import StartRecord
from migops.entrypoint.shell import NotRead, parse
from migops.entrypoint.tree import Compound, Pipeline, Script, Simple
from migops.entrypoint.version_writes import (
    Writes,
    in_here_documents,
    in_program,
    in_statements,
    kind_of,
    sql_file,
)
from migops.entrypoint.waiting import is_wait, is_waiter, seems_to_wait, words_of
from migops.entrypoint.words import Does, Meaning, behind, by_first_line, meaning, reads_input, unwrapped

DEEPEST = 4  # levels of files that start one another
MOST = 5000  # commands that are followed; functions that call one another can produce any number
LARGEST = 256 * 1024  # bytes of a script; a larger file is a program

_HANDS_ON = frozenset(("busybox", "chpst", "dockerize", "flock", "ionice", "s6-setuidgid", "setpriv", "stdbuf"))
"""Programs that hand the variables on as they are to what they run."""
_DEFAULT = re.compile(r"\$\{(\w+):?=.*\}")


@dataclass(frozen=True, slots=True)
class _Here:
    """The location of the text that is being followed. Text inside a line keeps that line (``fixed``)."""

    at: Location
    place: str
    fixed: bool = True
    depth: int = 0
    script: str = ""  # the script's path in the container

    def line(self, number: int) -> Location:
        return self.at if self.fixed else Location(self.at.file, number)


@dataclass(slots=True)
class Follower:
    """Follows one start; ``record`` has what was found so far."""

    files: Callable[[str], File | None]
    path: Sequence[str]  # the folders of PATH
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    env_files: Unread = ALL_READ  # what they leave unknown
    record: StartRecord = field(default_factory=StartRecord)
    steps: int = 0  # commands followed so far
    complete: bool = False  # ``environment`` has every variable of the container
    deep: bool = True  # imports of Python modules are followed
    first: str = ""  # the first word of the container's command

    def start(self, words: Sequence[str], cwd: str, at: Location, place: str) -> None:
        """Follow a container's command, located at ``at`` in ``place``."""
        self.first = words[0]
        shell = Shell(cwd=cwd, environment=self.environment, unread=self.env_files, complete=self.complete)
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
            inside = shell.copy()
        if is_wait(node):
            self.record.waits.append(" ".join(words_of(node)))
        for test in node.tests:
            self._script(test, inside, here, (*frames, Frame(node, 0, shell, test=True)), condition)
        before, ends = self.record.last, []
        for number, (branch, certain) in enumerate(possible_branches(node, shell)):
            under = condition or ("" if certain else branch.condition)
            self._script(branch.body, inside, here, (*frames, Frame(node, number, shell)), under)
            ends.append(self.record.last)
        if (
            node.kind in ("if", "case")
            and self.record.last == "upgrade"
            and any(e not in ("upgrade", before) for e in ends)
        ):
            self.record.stays = True
        if is_endless(node):
            self.record.last = f"{node.kind} loop without an end"

    def _simple(self, command: Simple, shell: Shell, here: _Here, frames: tuple[Frame, ...], condition: str) -> None:
        self.steps += 1
        if self.steps == MOST:
            self.record.unread.append(f"{here.at.file}: more than {MOST} commands, the rest was not followed")
        if self.steps >= MOST:
            return
        for text in substitutions(command.words) if any("upgrade" in word for word in command.words) else ():
            self._substituted(text, shell, replace(here, at=here.line(command.line), fixed=True), (frames, condition))
        words = tuple(expanded(command.words, shell))
        words = tuple(in_own_folder(word, here.script) for word in words)
        name, rest = (words[0], words[1:]) if words else ("", ())
        variables.change(words, shell)
        shell.written |= written.by_command(words)
        if words and all(ASSIGNED.match(word) for word in words):
            assign(words, shell, sure=not condition)
        elif name in ("export", "local", "readonly", "declare"):
            assign(rest, shell, sure=not condition)
        elif name == ":":  # `: ${NAME:=default}`
            given = (match for word in rest if (match := _DEFAULT.fullmatch(word)))
            assign([f"{match[1]}={match[0]}" for match in given], shell, sure=not condition)
        elif name == "set":
            set_options(rest, shell)
            if "--" in rest:
                shell.arguments = tuple(rest[rest.index("--") + 1 :])
        elif name == "trap":
            shell.errexit = shell.errexit or "ERR" in rest
            self._unread(unfollowed.by_trap(words, shell.functions))
        elif name == "shift":
            shell.arguments = shell.arguments[int(rest[0]) if rest and rest[0].isdigit() else 1 :]
        elif name in ("cd", "pushd") and rest:
            known = value(rest[-1], shell) if rest[-1] != "-" else None
            if condition or not known:  # an empty one leads home
                shell.lost = " ".join(words)
            elif known.startswith("/"):
                shell.lost = ""
            if known is not None:
                shell.cwd = posixpath.normpath(posixpath.join(shell.cwd, known))
        elif name in shell.functions:
            body = shell.functions[name]
            if any(frame.node is body for frame in frames):  # recursion: already followed
                return
            before, shell.arguments = shell.arguments, rest
            self._script(body, shell, here, frames, condition)
            shell.arguments = before
        elif words:
            held = self.record.last
            self._command(replace(command, words=words), shell, here, frames, condition)
            # Only a command that certainly runs ends the script; under a condition, the rest may run too.
            ends = name == "exit" or (name == "exec" and bool(rest))
            shell.gone = shell.gone or (ends and not condition and not is_apart(frames, shell))
            serves = self.record.last not in (held, "upgrade") and not shell.gone
            self.record.behind = self.record.behind or (serves and is_apart(frames, shell, piped=False))
            self.record.stays = (
                self.record.stays or (serves and name == "exec") or (name in ("wait", "fg") and self.record.behind)
            )

    def _substituted(
        self, text: str, shell: Shell, here: _Here, under: tuple[tuple[Frame, ...], str]
    ) -> None:  # fmt: skip
        """Follow the commands of a ``$(…)``, which runs in a shell of its own."""
        try:
            script = parse(text)
        except NotRead:
            return  # the word is only a text
        self._script(script, shell.copy(), here, *under)

    def _command(self, command: Simple, shell: Shell, here: _Here, frames: tuple[Frame, ...], condition: str) -> None:
        called = meaning(command.words)
        if called.does not in (Does.SHELL_TEXT, Does.SHELL_FILE) and any(_is_alembic(word) for word in command.words):
            given = {**self.environment, **shell.known}
            self.record.ran.append(Ran(command.words, shell.cwd, given, shell.assigned - shell.known.keys()))
        if is_waiter(command.words):
            self.record.waits.append(" ".join(command.words))
        if (writes := migrating.of(command.words, self.environment, shell, frames)) is not None:
            self.record.migrating.append(writes.located(here.line(command.line), here.place))
        piped = any(isinstance(each.node, Pipeline) and each.index < len(each.node.parts) - 1 for each in frames)
        self._unread(unfollowed.by_printed_sql(command.words, piped=piped))
        if kind := kind_of(command.words, piped=piped):
            self.record.write(here.line(command.line), here.place, " ".join(command.words), kind, condition)
        self._sql_file(sql_file(command.words), shell, condition)
        if called.does in (Does.OTHER, Does.PYTHON_MODULE):
            called = python_start.of_framework(called, {**self.environment, **shell.known})
        where = (here, frames, condition)
        wrapping = command.words[: len(command.words) - len(unwrapped(command.words))]
        if called.does is Does.SOURCE:
            shell.changed |= set(variables.changed_in_front(wrapping, shell))
        else:
            shell = variables.handed_on(wrapping, shell)
        if called.does is Does.UPGRADE:
            text = " ".join(command.words)
            self.record.change(here.line(command.line), here.place, text, True, condition, passed_over(frames))
            self.record.last = "upgrade"
        elif called.does in (Does.SHELL_TEXT, Does.PYTHON_TEXT):
            inner = replace(here, fixed=True, at=here.line(command.line), depth=here.depth + 1)
            self._text(called, called.what, shell, (inner, frames, condition))
        elif frames and reads_input(called.words):
            self.record.unread.append(
                f"`{' '.join(called.words)}` reads its commands from its input, which was not followed"
            )
        elif called.does is Does.OTHER:
            if is_purpose(called.words):
                self.record.last = " ".join(called.words)
                self._behind(replace(command, words=called.words), shell, *where)
        elif called.does is Does.OF_A_FILE:
            self.record.last = called.what
            self.record.unread.append(
                f"`{redact(called.what)}` runs commands from a file of its own, which was not followed"
            )
        elif called.does is Does.STAMP:
            if not condition:  # what was created before is now known to Alembic
                self.record.stamp()
        else:
            self.record.last = " ".join(called.words)
            self._file(called, shell, *where)

    def _behind(
        self, command: Simple, shell: Shell, here: _Here, frames: tuple[Frame, ...], condition: str
    ) -> None:  # fmt: skip
        """Follow what a program that is not known is handed to run, with variables that it may change."""
        inner = behind(command.words)
        name = posixpath.basename(command.words[0])
        if not inner or here.depth >= DEEPEST or name in ("git", "psql", "mysql"):
            return
        changes = name not in _HANDS_ON or "-env" in command.words
        handed = replace(shell, changed=shell.changed | ({f"what `{name}` sets"} if changes else set()))
        deeper = replace(here, at=here.line(command.line), fixed=True, depth=here.depth + 1)
        if not any(_is_alembic(word) for word in inner):  # else the command itself was noted
            self._command(replace(command, words=inner), handed, deeper, frames, condition)

    def _file(self, called: Meaning, shell: Shell, here: _Here, frames: tuple[Frame, ...], condition: str) -> None:
        if here.depth >= DEEPEST:
            self.record.unread.append(f"{called.what}: more than {DEEPEST} files call one another")
            return
        if "$" in called.what:
            called = replace(called, what=value(called.what, shell) or called.what)
        if "$" in called.what:
            self.record.unread.append(f"{here.at}: `{redact(called.what)}` names a file that is known only at runtime")
            return
        for path in self._candidates(called, shell):
            try:
                file = self.files(path)
            except MigopsError as error:
                self.record.unread.append(f"{path}: {error}")
                shell.open = shell.open or called.does is Does.SOURCE
                return
            if file is not None:
                break
        else:
            self._missing(called)
            shell.open = shell.open or called.does is Does.SOURCE
            return
        if called.what == called.words[0] and called.does in (Does.PROGRAM, Does.PYTHON_FILE) and not condition:
            self.record.executed.append(Executed(path, file, alone=not frames and called.what == self.first))
        if len(file.content) > LARGEST or b"\0" in file.content[:1024]:
            return
        text = file.content.decode("utf-8", "replace")
        inner = _Here(Location(file.at), file.place, fixed=False, depth=here.depth + 1, script=path)
        self._text(by_first_line(called, text), text, shell, (inner, frames, condition), path)

    def _missing(self, called: Meaning) -> None:
        """Note a file that is not there. Most modules are installed packages, not the application's."""
        if seems_to_wait(called.words):
            self.record.waits.append(" ".join(called.words))
        if called.does is not Does.PYTHON_MODULE:
            self.record.unread.append(f"{called.what} was not found")
        elif called.callee:
            self.record.unfound.append(
                f"the module {called.what} that it starts was not found among the project's files"
            )

    def _text(
        self, called: Meaning, text: str, shell: Shell, where: tuple[_Here, tuple[Frame, ...], str], path: str = ""
    ) -> None:
        here, frames, condition = where
        if called.does in (Does.PYTHON_FILE, Does.PYTHON_MODULE, Does.PYTHON_TEXT):
            self._python(called, text, shell, where, path or posixpath.join(shell.cwd, "-c"))
            return
        if called.does is Does.PROGRAM:  # neither a shell script nor Python
            return
        self._unread(unfollowed.by_bash(called.words, text, {**self.environment, **shell.known}))
        try:
            script = parse(text)
        except NotRead as error:
            self.record.unread.append(f"{here.at} cannot be followed: {error}")
            return
        for line, statement in in_here_documents(text):
            self.record.write(here.line(line), here.place, statement, Writes.SQL, condition)
        if called.does is not Does.SOURCE:
            changed = variables.inherited(called.words, shell)
            shell = Shell(
                called.arguments, shell.cwd, environment=shell.environment, changed=changed, lost=shell.lost,
                unread=shell.unread, complete=shell.complete, open=shell.open,
                written=set(shell.written),
            )  # fmt: skip
            set_options(called.options.split(), shell)
        shell.assigned |= assigned(script)
        shell.written |= written.by_redirection(text)
        self._script(script, shell, here, frames, condition)

    def _python(
        self, called: Meaning, text: str, shell: Shell, where: tuple[_Here, tuple[Frame, ...], str], path: str
    ) -> None:
        here, frames, condition = where
        environment = {**self.environment, **shell.known}
        container = python_start.Container(
            self.files, shell.cwd, environment, shell.assigned - shell.known.keys(), self.complete, self.deep
        )
        reach = python_start.reach(called, text, path, (here.at.file, here.place), container)
        if reach is None:
            self.record.unread.append(f"{here.at} is not readable as Python")
            return
        for reached in reach.found:
            call, module = reached.call, reached.module
            at = here.line(call.line) if module.path == path else Location(module.at, call.line)
            swallowed = call.swallowed or passed_over(frames)
            of_setting = bool(condition) or any(one.is_flag for one in reached.conditions)
            under = condition or reached.condition
            self.record.change(at, module.place, call.text, call.upgrade, under, swallowed, of_setting=of_setting)
            if call.upgrade:
                self.record.migrating.append(migrating.of_program(call.text).located(at, module.place))
        if reach.main is not None:
            for line, statement, kind in in_program(reach.main.tree, text, called.callee):
                self.record.write(here.line(line), here.place, statement, kind, condition)
        self.record.unread += reach.modules.unread
        self.record.waits += reach.waits
        if not reach.waits and (seems_to_wait(called.arguments) or (seems_to_wait([path]) and "sleep" not in text)):
            self.record.waits.append(" ".join(called.words))
        self.record.last = " ".join(called.words)

    def _unread(self, reason: str) -> None:
        if reason:
            self.record.unread.append(reason)

    def _candidates(self, called: Meaning, shell: Shell) -> Iterator[str]:
        """The possible paths of the file that the command names."""
        if called.does is Does.PYTHON_MODULE:
            names = (".py", "/__main__.py", "/__init__.py") if python_start.is_main(called) else ("/__init__.py", ".py")
            for folder in python_start.roots(called, "", shell.cwd, {**self.environment, **shell.known}):
                for dotted in python_start.modules_of(called):
                    below = posixpath.normpath(posixpath.join(folder, *dotted.split(".")))
                    yield from (f"{below}{name}" for name in names)
        elif called.does is Does.PROGRAM and "/" not in called.what:
            yield from (posixpath.join(folder, called.what) for folder in self.path)
        else:
            yield posixpath.normpath(posixpath.join(shell.cwd, called.what))

    def _sql_file(self, name: str, shell: Shell, condition: str) -> None:
        """The statements of a file that an SQL client runs."""
        if not name or "$" in name:
            return
        with contextlib.suppress(MigopsError):  # whether it can be read is of no concern to any other reader
            file = self.files(posixpath.normpath(posixpath.join(shell.cwd, name)))
            for line, statement in in_statements(file.content.decode("utf-8", "replace")) if file else ():
                self.record.write(Location(file.at if file else "", line), file.place if file else "", statement,
                            Writes.SQL, condition)  # fmt: skip


def _is_alembic(word: str) -> bool:
    name = posixpath.basename(word)
    return name in ("alembic.config", "db") or PROGRAM.fullmatch(name) is not None
