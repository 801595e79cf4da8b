"""The installed compose CLI, asked before anything is changed: its refusal, in its words and at our line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from migops.compose.model import Project
from migops.compose.tree import Map, Mark, Seq
from migops.core.errors import MigopsError, Unavailable
from migops.core.location import Location
from migops.core.process import CommandError, run
from migops.core.redaction import redact

_PATH = re.compile(r"\b(?:services|volumes|networks|secrets|configs|models|jobs)\b(?:[.\[][\w./\]-]*)?")
_KEY = re.compile(r"['\"]([\w.-]+)['\"]|property ([\w.-]+) is")
_SERVICE = re.compile(r"service ['\"]([\w.-]+)['\"]")
_LOGGED = re.compile(r"time=|WARN\[|DEBU\[|INFO\[")


def find_compose() -> tuple[str, ...]:
    """The command of the compose CLI on this machine. Raises ``Unavailable`` if there is none."""
    for words in (("docker", "compose"), ("docker-compose",)):
        with suppress(CommandError):
            if run([*words, "version"], check=False, timeout=20).code == 0:
                return words
    raise Unavailable("found no compose CLI to compare with", hint="install docker's compose plugin")


def ask(project: Project | None, options: Sequence[str], cwd: Path) -> None:
    """Have the installed CLI read the project with the user's ``options`` (``-f``, ``-p``, …); nothing is changed.

    Raises MigopsError if it refuses. Nothing is asked without a project or a CLI, nor for a file from standard input.
    """
    if project is None or "-" in project.files:
        return
    try:
        program = find_compose()
    except Unavailable:
        return  # nobody here runs compose on it
    done = run([*program, *options, "config", "-q"], cwd=cwd, check=False)
    if done.code != 0:
        raise refused(project, program, done.stderr)


def refused(project: Project, program: Sequence[str], stderr: bytes) -> MigopsError:
    """The error for a project that the CLI refuses: its words, at the line of our reading that they are about."""
    lines = redact(stderr.decode(errors="replace").strip()).splitlines()
    words = "\n".join(line for line in lines if not _LOGGED.match(line)).strip() or "it gives no reason"
    hint = "correct that line; if a newer compose reads it, update the compose plugin (see `docker compose version`)"
    return MigopsError(
        f"`{' '.join(program)}` rejects the project, although migops accepts it: {words}", at=place_of(project, words),
        hint=hint,
    )  # fmt: skip


def place_of(project: Project, words: str) -> Location:
    """The line that compose's words are about: the deepest path that they name, or the first key that is unknown."""
    marks = list(_named(project.tree, words))
    if marks:
        return max(marks, key=lambda found: found[0])[1].location
    if project.unknown_keys:
        return project.unknown_keys[0].mark.location
    return Location(project.files[0], 1)


def _named(tree: Map, words: str) -> Iterator[tuple[int, Mark]]:
    """The depth and the mark of each place in the document that the words name."""
    paths = [match.group() for match in _PATH.finditer(words)]
    paths += [f"services.{name}" for name in _SERVICE.findall(words)]
    for path in paths:
        depth, value, mark = _down(tree, path.replace("[", ".").replace("]", ""))
        if mark is None:
            continue
        yield depth, mark
        for key in _KEY.finditer(words):
            name = key[1] or key[2]
            if isinstance(value, Map) and name in value.marks:
                yield depth + 1, value.marks[name]


def _down(tree: Map, path: str) -> tuple[int, object, Mark | None]:
    """As far down the path as the document goes; a key may contain dots."""
    value: object = tree
    mark: Mark | None = None
    depth, steps = 0, [step for step in path.split(".") if step]
    while steps:
        if isinstance(value, Seq) and steps[0].isdecimal() and int(steps[0]) < len(value):
            mark, value, used = value.marks[int(steps[0])], value[int(steps[0])], 1
        elif isinstance(value, Map):
            keys = [count for count in range(len(steps), 0, -1) if ".".join(steps[:count]) in value]
            if not keys:
                break
            key, used = ".".join(steps[: keys[0]]), keys[0]
            mark, value = value.marks[key], value[key]
        else:
            break
        depth, steps = depth + 1, steps[used:]
    return depth, value, mark
