"""Schema changes in the application's own code, read from its text, never imported."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from migops.core.errors import MigopsError
from migops.core.model import EntryKind, Location
from migops.core.redaction import redact
from migops.dockerfile.trace import BuildView
from migops.entrypoint.program import created, parsed
from migops.sources.host import NOT_READ

LARGEST = 1024 * 1024  # bytes of a module; a larger one is generated, or data
_TESTS = frozenset(("test", "tests", "testing", "migrations", "alembic", "site-packages", "__pycache__", "venv"))
_TABLES = re.compile(
    rb"__tablename__|declarative_base|DeclarativeBase|SQLModel|\.Model\b|MetaData\(|\bTable\(|mapper_registry"
)
_GIVES_URL = re.compile(
    rb"set_main_option\(\s*[\"']sqlalchemy\.url|set_section_option\([^()]*sqlalchemy\.url"
    rb"|\.attributes\[\s*[\"']connection[\"']\s*\]\s*=[^=]"
)


@dataclass(frozen=True, slots=True)
class Creation:
    """A line of the application that creates tables from the models (``create_all``)."""

    at: Location
    text: str


def creations(
    folder: Path, view: BuildView | None, leave_out: Sequence[str], mounted: Sequence[Path] = ()
) -> tuple[Creation, ...]:
    """Every ``create_all`` in the Python files that a build copies (without a ``view``: all below ``folder``).

    ``mounted``: folders of the host that containers show, whose code runs as well. Tests, migrations and the folders of
    ``leave_out`` are skipped. Raises MigopsError if a file cannot be read.
    """
    paths = [*modules(folder, view, leave_out), *(path for each in mounted for path in modules(each, None, leave_out))]
    return tuple(creation for path in dict.fromkeys(paths) for creation in _in(path))


def has_models(paths: Sequence[Path]) -> bool:
    """True if one of these modules defines tables of SQLAlchemy, as far as its words tell."""
    return any(_TABLES.search(_content(path)) for path in paths)


def gives_url(paths: Sequence[Path]) -> Path | None:
    """The first of these modules that sets Alembic's URL or connection in a configuration of its own making."""
    return next((path for path in paths if _GIVES_URL.search(_content(path))), None)


def modules(folder: Path, view: BuildView | None, leave_out: Sequence[str]) -> list[Path]:
    """The application's own Python files, in order: no tests, no migrations, nothing below ``leave_out``."""
    candidates = (path for path in _files(folder, view) if _is_code(path, folder))
    return sorted(path for path in candidates if not any(path.is_relative_to(excluded) for excluded in leave_out))


def _files(folder: Path, view: BuildView | None) -> Iterator[Path]:
    if view is not None:
        for file in view.files_under("/"):
            if file.host_path is not None and file.kind is EntryKind.FILE and file.image_path.endswith(".py"):
                yield file.host_path
        return
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in NOT_READ and not name.startswith(".")]
        yield from (Path(root, name) for name in names if name.endswith(".py"))


def _is_code(path: Path, folder: Path) -> bool:
    below = path.relative_to(folder) if path.is_relative_to(folder) else path
    name = below.name
    is_test = name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"
    return not is_test and _TESTS.isdisjoint(below.parts[:-1])


def _content(path: Path) -> bytes:
    """The module's text; empty for one that is too large."""
    try:
        return path.read_bytes() if path.is_file() and path.stat().st_size <= LARGEST else b""
    except OSError as error:
        raise MigopsError(f"cannot be read: {error.strerror}", at=Location(str(path))) from None


def _in(path: Path) -> Iterator[Creation]:
    content = _content(path)
    if b"create_all" not in content:
        return
    tree = parsed(content)
    if tree is None:
        return
    for call in created(tree, content.decode("utf-8", "replace")):
        yield Creation(Location(str(path), call.line), redact(call.text))
