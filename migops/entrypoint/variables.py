"""What a shell changes for the programs that it starts: their variables and their working directory.

A start hands the container's own variables to Alembic unless its script changes them first. What it changes is kept by
name; a change that the text does not tell in full is kept under the words that make it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from migops.core.options import split
from migops.entrypoint.failing import ASSIGNED, Shell
from migops.entrypoint.known import value

_FILLING = ("read", "mapfile", "readarray", "getopts")
_EXPORTING = ("export", "readonly", "declare", "typeset", "local")
_ITSELF = re.compile(r"\$(PYTHONPATH\b|\{PYTHONPATH(:[-+][^}]*)?\})")
_FREE = re.compile(
    r"PATH|VIRTUAL_ENV|PYTHON(UNBUFFERED|DONTWRITEBYTECODE|FAULTHANDLER|HASHSEED|IOENCODING|UTF8|WARNINGS)|TZ|LANG|LC_\w+"
    r"|TERM|COLUMNS|NO_COLOR|TMPDIR|LOG_?LEVEL|WORKERS|WEB_CONCURRENCY|(GUNICORN|UVICORN|OTEL)_\w+|FORWARDED_ALLOW_IPS"
    r"|MALLOC_\w+|PROMETHEUS_MULTIPROC_DIR"
)
"""Variables that select no database: which program, how it prints, how many servers of the web there are."""
_CHANGING = frozenset(("sudo", "pipenv", "pdm", "hatch", "rye", "conda", "micromamba"))
"""Wrappers that read files of variables, or take variables away."""
_RUNS = frozenset(("poetry", "uv"))
"""Runners that hand the container's variables on as they are; others read files of variables."""
_FLAGS = frozenset(("--no-sync", "--frozen", "--locked", "--no-dev", "--quiet", "-q", "--offline", "--no-cache"))
_AT = frozenset(("-C", "--directory", "--chdir"))


def change(words: Sequence[str], shell: Shell) -> None:
    """Record what a command changes for the programs that come after it. Its own effects are not applied here."""
    name, rest = (words[0], words[1:]) if words else ("", ())
    if words and all(ASSIGNED.match(word) for word in words):
        _assign(words, shell, exported=shell.allexport)
    elif name in _EXPORTING:
        _assign(rest, shell, exported=name == "export" or _has_flag(rest, "x") or shell.allexport)
    elif name == "set":
        _set(rest, shell)
    elif name == "unset" or name in _FILLING or (name == "printf" and rest[:1] == ("-v",)):
        named = {word for word in rest if re.fullmatch(r"[A-Za-z_]\w*", word)}
        shell.changed |= named & shell.environment.keys()
        if name != "unset":
            shell.touched |= named
            shell.known = {each: known for each, known in shell.known.items() if each not in named}
    elif name == "eval" or (name == "alias" and any("alembic" in word for word in rest)):
        shell.changed.add(f"what `{name} {' '.join(rest)}` sets")
        shell.open = True
    elif name == "popd" or (name in ("cd", "pushd") and (not rest or rest[-1] == "-")):
        shell.lost = " ".join(words)


def changed_in_front(words: Sequence[str], shell: Shell) -> Iterator[str]:
    """The variables that are set in front of a command, and to another value than the container's."""
    for word in words:
        if (match := ASSIGNED.fullmatch(word)) and not _is_free(match[1], match[2], shell):
            yield match[1]


def handed_on(given: Sequence[str], shell: Shell) -> Shell:
    """The shell as a script or program gets it that is started behind these words: assignments and wrappers."""
    changed = {*changed_in_front(given, shell), *(f"what `{each}` sets" for each in strange_in(given))}
    config = [match[2] for word in given if (match := ASSIGNED.fullmatch(word)) and match[1] == "ALEMBIC_CONFIG"]
    known = value(config[-1], shell) if config else shell.known.get("ALEMBIC_CONFIG")
    if (config or "ALEMBIC_CONFIG" in shell.touched) and known != shell.environment.get("ALEMBIC_CONFIG"):
        changed.add("ALEMBIC_CONFIG")  # the script that is started does not know of it
    moved = " ".join(given) if any(split(word)[0] in _AT for word in given) else shell.lost
    return replace(shell, changed=shell.changed | changed, lost=moved) if changed or moved else shell


def strange_in(given: Sequence[str]) -> Iterator[str]:
    """The wrappers that may hand on other variables than those they were given."""
    for at, word in enumerate(given):
        name = posixpath.basename(word)
        if name in _CHANGING:
            yield name
        elif name == "env" or name in _RUNS:
            options = [each for each in given[at + 1 :] if each.startswith("-") and each != "--"]
            yield from (f"{name} {each}" for each in options if each not in _FLAGS and split(each)[0] not in _AT)


def inherited(words: Sequence[str], shell: Shell) -> set[str]:
    """What is changed for a shell that this command starts (``words``: the command, without wrappers)."""
    name = posixpath.basename(words[0]) if words else ""
    logs_in = any(word == "--login" or (word[:1] == "-" and word[1:2] != "-" and "l" in word) for word in words[1:3])
    if logs_in or (name == "su" and "-" in words):
        return {*shell.changed, f"what a login shell (`{' '.join(words[:2])}`) sets"}
    return set(shell.changed)


def _assign(words: Sequence[str], shell: Shell, *, exported: bool) -> None:
    for word in words:
        match = ASSIGNED.match(word)
        if match and (exported or match[1] in shell.environment) and not _is_free(match[1], match[2], shell):
            shell.changed.add(match[1])
        elif not match and exported and ("$" in word or "`" in word):
            shell.changed.add(f"what `{word}` sets")
            shell.open = True
        elif not match and exported and word in {*shell.assigned, *shell.touched} - shell.environment.keys():
            shell.changed.add(word)


def _is_free(name: str, given: str, shell: Shell) -> bool:
    """True for a variable that leaves Alembic where it is: its old value again, or one that selects no database."""
    if _FREE.fullmatch(name) or name == "ALEMBIC_CONFIG":  # the latter is compared where the call is
        return True
    if name == "PYTHONPATH":
        return _is_here(given, shell)
    if shell.environment.get(name) and re.fullmatch(rf"\$({name}|\{{{name}(:?-[^{{}}]*)?\}})", given):
        return True
    known = value(given, shell)
    return known is not None and known == shell.environment.get(name)


def _is_here(path: str, shell: Shell) -> bool:
    """True for a PYTHONPATH of the working directory alone, beside what the container has."""
    own = set(shell.environment.get("PYTHONPATH", "").split(":"))
    here = {"", ".", "$PWD", "${PWD}", "$(pwd)", shell.cwd}
    return all(each in own | here for each in _ITSELF.sub("", path).split(":"))


def _set(words: Sequence[str], shell: Shell) -> None:
    for word, after in zip(words, (*words[1:], ""), strict=True):
        if _has_flag((word,), "a") or (word in ("-o", "+o") and after == "allexport"):
            shell.allexport = word.startswith("-")


def _has_flag(words: Sequence[str], letter: str) -> bool:
    return any(word[:1] in ("-", "+") and word[1:2] != "-" and letter in word[1:] for word in words)
