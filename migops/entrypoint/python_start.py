"""A command that starts a Python program: the module that it loads, and the folders in which Python looks for it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from migops.entrypoint.flags import Flags
from migops.entrypoint.model import File
from migops.entrypoint.modules import Modules, of_text
from migops.entrypoint.reach import Reach
from migops.entrypoint.words import Does, Meaning

_PYTHON = re.compile(r"(python|pypy)[0-9.]*")
_FACTORY = "create_app"  # Flask calls it where the module has no application object


@dataclass(frozen=True, slots=True)
class Container:
    """The surroundings of a program: ``unknown`` are variables that a script sets to a value that is not known."""

    files: Callable[[str], File | None]
    cwd: str
    environment: Mapping[str, str] = field(repr=False)
    unknown: frozenset[str] = frozenset()
    complete: bool = True  # ``environment`` has every other variable
    deep: bool = True  # imports are followed


def reach(called: Meaning, text: str, path: str, at: tuple[str, str], container: Container) -> Reach | None:
    """What the program runs; None if its text is not Python. ``at``: its file and place for messages."""
    module = of_text(text, path, *at)
    if module is None:
        return None
    folders = roots(called, path, container.cwd, container.environment)
    modules = Modules(container.files, folders, deep=container.deep)
    flags = Flags(modules, container.environment, container.files, container.cwd, container.unknown, container.complete)
    reached = Reach(modules, flags, called.arguments, module)
    for parent in modules.parents(called.what) if called.does is Does.PYTHON_MODULE else ():
        reached.start(parent)
    reached.start(module, called.callee, main=is_main(called))
    return reached


def is_main(called: Meaning) -> bool:
    """True if the module runs as ``__main__``, not for a server that only imports it."""
    return (
        not called.callee and bool(called.words) and _PYTHON.fullmatch(posixpath.basename(called.words[0])) is not None
    )


def modules_of(called: Meaning) -> tuple[str, ...]:
    """The module that the command names, and for celery the one before the last dot, which may name an object."""
    parent = called.what.rpartition(".")[0]
    is_celery = bool(called.words) and posixpath.basename(called.words[0]) == "celery"
    return (called.what, parent) if is_celery and parent else (called.what,)


def roots(called: Meaning, path: str, cwd: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    """The folders in which the program's modules lie: as Python looks, then those of an editable install."""
    first = posixpath.dirname(path) if called.does is Does.PYTHON_FILE and path else posixpath.join(cwd, called.folder)
    variable = [folder for folder in environment.get("PYTHONPATH", "").split(":") if folder]
    folders = (posixpath.normpath(posixpath.join(cwd, each)) for each in (first, *variable, cwd, "src"))
    return tuple(dict.fromkeys(folders))


def of_framework(called: Meaning, environment: Mapping[str, str]) -> Meaning:
    """``flask run``, ``celery -A app worker`` and the like as the Python module that they load; else unchanged."""
    name, rest = (posixpath.basename(called.words[0]), called.words[1:]) if called.words else ("", ())
    if called.does is Does.PYTHON_MODULE:
        name, rest = (called.what, called.arguments) if not called.callee else ("", ())
    named = _option(rest, ("-A", "--app"))
    if name in ("flask", "quart"):
        target = named or environment.get(f"{name.upper()}_APP", "") or "app"
        module, _, callee = target.partition(":")
        what = module.removesuffix(".py").strip("./").replace("/", ".")
        return _loading(called, what, callee or _FACTORY, rest)
    if name == "celery" and named:
        module, _, attribute = named.partition(":")
        return _loading(called, module, attribute or "app", rest)
    if name in ("dramatiq", "arq", "taskiq", "faststream"):
        word = next(
            (word for word in rest if not word.startswith("-") and word not in ("worker", "run", "scheduler")), ""
        )
        module, colon, attribute = word.partition(":")
        what = module if colon or name == "dramatiq" else module.rpartition(".")[0]
        return _loading(called, what, attribute or "app", rest) if what else called
    return called


def _loading(called: Meaning, module: str, callee: str, rest: tuple[str, ...]) -> Meaning:
    return replace(called, does=Does.PYTHON_MODULE, what=module, callee=callee, arguments=rest)


def _option(words: tuple[str, ...], names: tuple[str, ...]) -> str:
    for at, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else "".join(words[at + 1 : at + 2])
    return ""
