"""``.dockerignore``: the file that applies, and its lines as patterns."""

from __future__ import annotations

import stat
from pathlib import Path

from migops.core.errors import MigopsError
from migops.core.model import Location
from migops.dockerfile.paths import clean
from migops.dockerfile.patterns import Matcher, pattern_of


def read_ignore(context: Path, dockerfile: Path | None = None) -> Matcher:
    """The ignore file of a build: ``<Dockerfile>.dockerignore``, else ``<context>/.dockerignore``, else no patterns.

    Raises MigopsError if it exists but cannot be read, or has a malformed line.
    """
    candidates = [dockerfile.with_name(dockerfile.name + ".dockerignore")] if dockerfile else []
    for path in [*candidates, context / ".dockerignore"]:
        content = _read(path)
        if content is not None:
            return parse_ignore(content, str(path))
    return Matcher()


def parse_ignore(content: bytes, file: str) -> Matcher:
    """The patterns of an ignore file's bytes. Raises MigopsError with file and line for a malformed one."""
    patterns = []
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        line = raw.decode("utf-8", "surrogateescape")
        if line.startswith("#") or not (line := line.strip()):
            continue
        negated = line.startswith("!")
        line = line[1:].strip() if negated else line
        if line:
            line = clean(line)
            line = line[1:] if len(line) > 1 and line[0] == "/" else line
        pattern = pattern_of(("!" if negated else "") + line, Location(file, number))
        if pattern:
            patterns.append(pattern)
    return Matcher(tuple(patterns), file)


def _read(path: Path) -> bytes | None:
    try:
        # Opening a FIFO would block forever.
        if not stat.S_ISREG(path.stat().st_mode):
            raise MigopsError("the ignore file is not a regular file", at=Location(str(path)))
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise MigopsError(f"cannot read the ignore file: {error.strerror}", at=Location(str(path))) from error
