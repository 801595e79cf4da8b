"""The calls of Alembic that a container's start makes, where they may read another configuration than a plain call."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence

from migops.core.errors import MigopsError
from migops.entrypoint.alembic_call import Call, Process, Text

_STEERED = re.compile(
    r"ALEMBIC_CONFIG|PYTHONPATH=|\balembic\s+-|-m\s+alembic\b|(^|[\s;&|(])(cd|pushd)\s"
    r"|\bdb\s[^;&|\n]*(\s-d\b|--directory)|--chdir|--directory|--project"
)
"""What in the text of a start makes another configuration possible than that of a plain ``alembic``."""
_CALLED = re.compile(r"alembic|\bdb\b", re.IGNORECASE)
_SCRIPT = re.compile(r"[\w./-]+\.(sh|bash)\b|[\w./-]*entrypoint[\w.-]*")
_KNOWN = re.compile(
    r"(python|pypy)[0-9.]*|(ba|da|a|z|k)?sh|env|tini|dumb-init|docker-init|gosu|su-exec|[ug]unicorn|uvicorn|alembic|"
    r"flask|celery|node|java|nginx|poetry|uv|pipenv|hypercorn|daphne|granian|sleep|tail|cat|true"
)
"""Programs that are no script of the project."""


def started(process: Process, text: Text) -> tuple[Call, ...]:
    """The calls of the container's start, where any of them may read other files than a plain ``alembic``.

    A script that the start names is read for it. Most starts call Alembic plainly, or not at all: they cost a look at
    their text.
    """
    scripts = [each for path in _scripts(process) if (each := text(path)) is not None]
    whole = "\n".join((" ".join(process.words), *(each.decode("utf-8", "replace") for each in scripts)))
    inner = any(_SCRIPT.search(each.decode("utf-8", "replace").partition("\n")[2]) for each in scripts)
    if not inner and not (_CALLED.search(whole) and _STEERED.search(whole)):
        return ()
    from migops.entrypoint.calls import calls  # with a parser of shell scripts, which hardly any start needs

    return calls(process, text)


def _scripts(process: Process) -> list[str]:
    """The shell scripts among the words of the start, by their path in the container."""
    found = []
    for number, word in enumerate(process.words):
        name = posixpath.basename(word)
        is_first = number == 0 and "/" in word
        if " " in word or _KNOWN.fullmatch(name) or not (is_first or _SCRIPT.fullmatch(word)):
            continue
        if "/" in word or number:
            found.append(posixpath.normpath(posixpath.join(process.working_dir or "/", word)))
        else:  # a program of the image, found as the engine does
            folders = process.environment.get("PATH", "/usr/local/bin").split(":")
            found.append(
                posixpath.join(folders[0 if "/usr/local/bin" not in folders else folders.index("/usr/local/bin")], word)
            )
    return found


def of_files(read: Callable[[Sequence[str]], Mapping[str, object]]) -> Text:
    """``Text`` of a place that is read as trees."""

    def text(path: str) -> bytes | None:
        try:
            content = getattr(read([path]).get(path), "content", None)
        except MigopsError:
            return None
        return content if isinstance(content, bytes) else None

    return text
