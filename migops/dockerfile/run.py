"""Possible effects of a ``RUN`` on files, derived from the paths in its text and from known commands.

A RUN can change anything, but assuming that would make every answer unknown. So the rule is: a command may change the
paths that it names (and folders above or below them), unless it is one that does not change files' content
(``chown``, ``mkdir``, ``pip install -r …``). Paths that are not named count as unchanged.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from migops.dockerfile.paths import clean
from migops.dockerfile.tree import Origin

# They read, change owner, mode or time, or create something empty; they never change an existing file's content.
_HARMLESS = """
    : [ adduser addgroup apk apt apt-get cat cd chgrp chmod chown command dpkg du echo env exit export false file
    groupadd head id ldconfig locale-gen ls printf pwd set sha256sum source stat tail test touch true type umask unset
    update-ca-certificates useradd usermod wc which whoami
"""
_REMOVERS = frozenset(("rm", "rmdir", "unlink"))
_WRAPPERS = frozenset(("sudo", "exec", "time", "nice", "then", "do", "else", "if", "!", "{", "(", "command", "env"))
_INSTALLERS = frozenset(("pip", "pip3", "pipx", "poetry", "uv", "pdm", "pipenv", "easy_install", "conda", "mamba"))
_TARGET_OPTIONS = ("-t", "--target", "--prefix", "--root", "--python", "-p")
_ENDS = frozenset(("&&", "||", ";", "|", "&", ";;", "|&", "(", ")"))
_COPIERS = frozenset(("cp", "install", "ln", "rsync"))
# A wildcard that contains none of these does not concern migrations: `*.pyc`, `*.sh`, `test*`.
_SAMPLE_NAMES = (
    *("0001_x.py", "a1b2c3d4e5f6_x.py", "env.py", "alembic.ini", "models.py", "x.mako"),
    *("versions", "migrations", "alembic", "database", "db", "app", "src", "backend", "server"),
)


@dataclass(frozen=True, slots=True)
class Effect:
    """Possible changes by one command: of ``paths`` and everything above and below them, of installed ``packages``."""

    origin: Origin = Origin.RUN
    paths: tuple[str, ...] = ()
    removes: bool = False
    packages: bool = False


def made_folders(script: str, workdir: str) -> tuple[str, ...]:
    """The folders that the script makes with ``mkdir``."""
    folders = []
    for words, cwd in _commands(script, workdir):
        if words[0] == "mkdir":
            folders += [path for word in words[1:] if (path := _path(word, cwd))]
    return tuple(folders)


def effects(script: str, workdir: str) -> tuple[Effect, ...]:
    """The effects of a shell script that starts in ``workdir``; its known variables are already substituted."""
    changing = []
    for words, cwd in _commands(script, workdir):
        effect = _effect(words, cwd)
        if effect and (effect.paths or effect.packages):
            changing.append(effect)
    return tuple(changing)


def _commands(script: str, workdir: str) -> Iterator[tuple[list[str], str]]:
    """The simple commands of a script, each with its working directory (as far as a literal ``cd`` sets it)."""
    cwd = workdir
    for line in re.split(r"\n", script.replace("\\\n", " ")):
        command: list[str] = []
        for word in [*_words(line), ";"]:
            if word not in _ENDS:
                command.append(word)
                continue
            while command and (command[0] in _WRAPPERS or re.fullmatch(r"[A-Za-z_]\w*=.*", command[0])):
                command.pop(0)
            if not command:
                continue
            name = posixpath.basename(command[0])
            if name in ("sh", "bash", "ash", "dash") and any(re.fullmatch(r"-[a-z]*c", one) for one in command[1:-1]):
                yield from _commands(command[-1], cwd)
            elif name == "cd":
                cwd = (_path(command[1], cwd) if len(command) > 1 else None) or cwd
            else:
                yield [name, *command[1:]], cwd
            command = []


def _words(line: str) -> list[str]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:  # a quote that closes on another line: splitting at spaces still finds the names
        return re.sub(r"['\"]", " ", line).split()


def _effect(words: list[str], cwd: str) -> Effect | None:
    name, arguments = words[0], words[1:]
    written = _redirections(arguments, cwd)
    if name == "git" and "clone" in arguments:
        return Effect(Origin.GIT, (_cloned(arguments, cwd), *written))
    installer = _installer(words)
    if installer is not None:
        return Effect(Origin.PACKAGE, (*_options(installer, cwd), *written), packages=True)
    if (
        name == "mkdir"
        or name in _HARMLESS.split()
        or (name.startswith("python") and arguments[:2] == ["-m", "compileall"])
    ):
        return Effect(paths=written)
    if name == "find":
        return _find(arguments, cwd)
    if name in _COPIERS:
        arguments = _copied_to(arguments)
    paths = tuple(path for word in arguments if (path := _path(word, cwd)))
    return Effect(paths=(*paths, *written), removes=name in _REMOVERS and not written)


def _copied_to(arguments: list[str]) -> list[str]:
    """The words of a copying command that it may write to: the last one, and the argument of ``-t``."""
    named = [after for word, after in pairwise(arguments) if re.fullmatch(r"-[a-zA-Z]*t", word)]
    named += [word.partition("=")[2] for word in arguments if word.startswith("--target-directory=")]
    return [*named, *[word for word in arguments if not word.startswith("-")][-1:]]


def _installer(words: list[str]) -> list[str] | None:
    """The arguments of a package installer; None for any other command."""
    if words[0].startswith("python") and words[1:3] == ["-m", "pip"]:
        words = words[2:]
    known = words[0] in _INSTALLERS or re.fullmatch(r"pip3?\.\d+", words[0])
    return words[1:] if known and {"install", "sync", "add"} & set(words[1:4]) else None


def _cloned(arguments: list[str], cwd: str) -> str:
    """The work tree of ``git clone``."""
    plain = [word for word in arguments[arguments.index("clone") + 1 :] if not word.startswith("-")]
    where = next((index for index, word in enumerate(plain) if re.search(r"://|@.+:|\.git$|/", word)), None)
    if where is None:
        return cwd
    folder = plain[where + 1] if where + 1 < len(plain) else posixpath.basename(plain[where].rstrip("/"))
    return _path(folder.removesuffix(".git"), cwd) or cwd


def _options(arguments: list[str], cwd: str) -> tuple[str, ...]:
    """The target folders in an installer's options."""
    folders = []
    for index, word in enumerate(arguments):
        name, equals, value = word.partition("=")
        if name in _TARGET_OPTIONS[:4]:
            value = value if equals else "".join(arguments[index + 1 : index + 2])
            folders += [path for path in (_path(value, cwd),) if path]
    return tuple(folders)


def _find(arguments: list[str], cwd: str) -> Effect | None:
    if not {"-delete", "-exec", "-execdir", "-ok"} & set(arguments):
        return None
    names = [arguments[i + 1] for i, word in enumerate(arguments[:-1]) if word in ("-name", "-iname", "-path")]
    if names and not any(map(_about_migrations, names)):
        return None
    starts = []
    for word in arguments:
        if word[:1] in ("-", "(", "!"):
            break
        starts.append(word)
    paths = tuple(path for word in starts or ["."] if (path := _path(word, cwd)))
    return Effect(paths=paths, removes="-delete" in arguments)


def _about_migrations(pattern: str) -> bool:
    """True if a wildcard may match a migration, a file beside it, or a folder that contains it."""
    return "$" in pattern or any(fnmatch.fnmatch(sample, pattern) for sample in _SAMPLE_NAMES)


def _redirections(arguments: list[str], cwd: str) -> tuple[str, ...]:
    targets = [arguments[i + 1] for i, word in enumerate(arguments[:-1]) if word in (">", ">>", ">|", "&>")]
    return tuple(path for word in targets if (path := _path(word, cwd)) and not path.startswith("/dev/"))


def _path(word: str, cwd: str) -> str | None:
    """The path that a word names: its part before any wildcard or unknown variable. None if it names none."""
    if word.startswith("-"):
        word = word.partition("=")[2]
    if not word or "://" in word or word[0] in "$~<>&" or "\0" in word:
        return None
    wild = re.search(r"[*?\[{$`]", word)
    if wild:
        last = posixpath.basename(word)
        if last == "__pycache__" or (wild.start() > word.rfind("/") and not _about_migrations(last)):
            return None
        word = posixpath.dirname(word[: wild.start()]) if wild.start() else "."
    path = clean(posixpath.join(cwd, word or "."))
    return path if path.startswith("/") else None
