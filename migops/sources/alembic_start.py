"""Calls of Alembic in a container's start that may read a different configuration than a plain call."""

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
"""Texts in a start that make a different configuration than that of a plain ``alembic`` possible."""
_CALLED = re.compile(r"alembic|\bdb\b", re.IGNORECASE)
_SCRIPT = re.compile(r"[\w./-]+\.(sh|bash)\b|[\w./-]*entrypoint[\w.-]*")
_KNOWN = re.compile(
    r"(python|pypy)[0-9.]*|(ba|da|a|z|k)?sh|env|tini|dumb-init|docker-init|gosu|su-exec|[ug]unicorn|uvicorn|alembic|"
    r"flask|celery|node|java|nginx|poetry|uv|pipenv|hypercorn|daphne|granian|sleep|tail|cat|true"
)
"""Programs that are not scripts of the project."""


def started(process: Process, text: Text) -> tuple[Call, ...]:
    """The calls in the container's start; empty if all of them read the same files as a plain ``alembic``.

    Scripts that the start names are read. Most starts call Alembic plainly, or not at all: for them only the text is
    searched.
    """
    scripts = [content for path in _scripts(process) if (content := text(path)) is not None]
    whole = "\n".join((" ".join(process.words), *(content.decode("utf-8", "replace") for content in scripts)))
    inner = any(_SCRIPT.search(content.decode("utf-8", "replace").partition("\n")[2]) for content in scripts)
    if not inner and not (_CALLED.search(whole) and _STEERED.search(whole)):
        return ()
    from migops.entrypoint.calls import calls  # imports the shell parser, which few starts need

    return calls(process, text)


def _scripts(process: Process) -> list[str]:
    """The shell scripts among the words of the start, as paths in the container."""
    paths = []
    for number, word in enumerate(process.words):
        name = posixpath.basename(word)
        is_first = number == 0 and "/" in word
        if " " in word or _KNOWN.fullmatch(name) or not (is_first or _SCRIPT.fullmatch(word)):
            continue
        if "/" in word or number:
            paths.append(posixpath.normpath(posixpath.join(process.working_dir or "/", word)))
        else:  # a program of the image, looked up on PATH like the engine
            folders = process.environment.get("PATH", "/usr/local/bin").split(":")
            paths.append(
                posixpath.join(folders[0 if "/usr/local/bin" not in folders else folders.index("/usr/local/bin")], word)
            )
    return paths


def of_files(read: Callable[[Sequence[str]], Mapping[str, object]]) -> Text:
    """A ``Text`` that reads files through a tree reader."""

    def text(path: str) -> bytes | None:
        try:
            content = getattr(read([path]).get(path), "content", None)
        except MigopsError:
            return None
        return content if isinstance(content, bytes) else None

    return text
