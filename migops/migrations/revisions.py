"""Reader of a migration script's text: the data that Alembic would get by running it, without running it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from migops.core.model import Revision, Unreadable
from migops.core.quiet import no_warnings
from migops.migrations.constants import Computed, Names, read_names

MAX_BYTES = 1 << 16
"""Only the part above its first function is parsed of a larger script: a parser needs hundreds of times a text's size
in memory, and in some versions of Python time that grows with its square."""

IDENTIFIERS = ("revision", "down_revision", "depends_on", "branch_labels")

_LEGACY_NAME = re.compile(r"([a-f0-9]+)\.py$")
_ILLEGAL = "@-+:"


@dataclass(frozen=True, slots=True)
class Script:
    """The readable part of one file: its revision, and the faults in it.

    A script can have both: with computed ``branch_labels`` or a syntax error in its body, id and parents are still
    useful, although Alembic would only report the error.
    """

    revision: Revision | None
    unreadable: tuple[Unreadable, ...] = ()


def read_revision(path: str, source: bytes) -> Script:
    """Read the script that Alembic would load from ``path``. Never raises, never imports, needs bounded time."""
    name = path.rpartition("/")[2]
    if name.endswith((".pyc", ".pyo")):
        return Script(None, (Unreadable(path, 0, "compiled bytecode without its source; only Python can read it"),))
    module, broken = _parse(source)
    names = read_names(module)
    unreadable = [Unreadable(path, *broken)] if broken else []
    revision, reasons = _revision(path, name, names)
    # A file that does not parse is reported for that one reason, not for its consequences.
    unreadable += [Unreadable(path, line, reason) for line, reason in reasons if revision or not broken]
    return Script(revision, tuple(unreadable))


def _parse(source: bytes) -> tuple[ast.Module, tuple[int, str] | None]:
    """The module, and the line and reason if it is not the whole file."""
    if len(source) > MAX_BYTES:
        return _parse_large(source)
    if b"\0" in source:
        line = source.count(b"\n", 0, source.index(b"\0")) + 1
        return _head(source), (line, "Python cannot parse it: it contains a NUL byte")
    try:
        with no_warnings():  # on escapes like "\d"
            return ast.parse(source), None
    except SyntaxError as error:
        return _head(source), (error.lineno or 0, f"Python cannot parse it: {error.msg}")
    except (ValueError, MemoryError, RecursionError) as error:
        reason = str(error) or "an expression is nested too deeply"
        return _head(source), (0, f"Python cannot parse it: {reason}")


_BODY = re.compile(rb"^(?:def|async|class|@)[^\n]*", re.MULTILINE)
_DOWNGRADE = re.compile(rb"^(?:async )?def downgrade\b", re.MULTILINE)


def _parse_large(source: bytes) -> tuple[ast.Module, tuple[int, str] | None]:
    """The part of a large script above its functions. A later assignment to an identifier is not seen."""
    body = _BODY.search(source, 0, MAX_BYTES)
    if body is None:
        return _head(source), (0, f"it is larger than {MAX_BYTES >> 10} KiB, with no function near its top")
    module, broken = _parse(source[: body.start()])
    if _DOWNGRADE.search(source, body.start()):
        module.body += ast.parse("def downgrade(): return True").body
    return module, broken


_SIMPLE = re.compile(rb"(?:revision|down_revision|depends_on|branch_labels)[ \t]*(?::[^=]*)?=[ \t]*(?:None|[\"'(\[])")
_MAX_LINE = 1000


def _head(source: bytes) -> ast.Module:
    """The identifiers of a file that cannot be parsed, if each is a plain assignment on one line.

    Scripts for Python 2, or for a newer Python than ours, are read this way. Lines keep their numbers.
    """
    body: list[ast.stmt] = []
    for number, line in enumerate(source[:MAX_BYTES].splitlines()):
        if len(line) <= _MAX_LINE and _SIMPLE.match(line):
            try:
                statements = ast.parse(line.rstrip()).body
            except (SyntaxError, ValueError, MemoryError, RecursionError):
                continue
            for statement in statements:
                body.append(ast.increment_lineno(statement, number))
    return ast.Module(body, [])


def _revision(path: str, name: str, names: Names) -> tuple[Revision | None, list[tuple[int, str]]]:
    reasons: list[tuple[int, str]] = []
    identifier = names.value("revision")
    line = names.line("revision")
    absent = next((key for key in ("revision", "down_revision") if key not in names), "")
    if absent and names.star:
        return None, [(names.star[1], f"{absent} is computed ({names.star[0]})")]
    if absent == "revision":
        legacy = _LEGACY_NAME.match(name)
        if legacy is None:
            return None, [(0, "it does not assign `revision`; Alembic fails on such a file in a versions folder")]
        identifier = legacy[1]
    if isinstance(identifier, Computed):
        return None, [(line, f"revision is computed ({identifier.text})")]
    if not isinstance(identifier, str):
        return None, [(line, "revision is not a string")]
    if illegal := "".join(sorted(set(identifier) & set(_ILLEGAL))):
        return None, [(line, f"revision {identifier!r} contains {illegal!r}, which Alembic refuses")]
    if "down_revision" not in names:
        return None, [(line, f"it does not assign `down_revision`, so Alembic cannot load revision {identifier}")]
    groups: dict[str, tuple[str, ...]] = {}
    for key in IDENTIFIERS[1:]:
        value = _texts(names.value(key))
        if isinstance(value, str):
            reasons.append((names.line(key), f"{key} {value}"))
        groups[key] = value if isinstance(value, tuple) else ()
    if any(reason.startswith("down_revision") for _, reason in reasons):
        return None, reasons
    return Revision(
        id=identifier,
        parents=groups["down_revision"],
        depends_on=groups["depends_on"],
        branch_labels=groups["branch_labels"],
        path=path,
        line=line,
        down_line=names.line("down_revision"),
        message=names.docstring.strip().partition("\n")[0].strip(),
        has_downgrade=names.has_downgrade or _has_nothing_to_undo(names, len(groups["down_revision"]) > 1),
    ), reasons


def _has_nothing_to_undo(names: Names, is_merge: bool) -> bool:
    """Whether its downgrade does nothing because its upgrade does nothing; that of a merge may be left out."""
    has_no_upgrade = "upgrade" in names.empty or (is_merge and "upgrade" not in names)
    return "downgrade" in names.empty and has_no_upgrade


def _texts(value: object) -> tuple[str, ...] | str:
    """The ids that Alembic reads from a value (a string, or any sequence of strings), or the reason why it fails."""
    if isinstance(value, Computed):
        return f"is computed ({value.text})"
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,)
    if isinstance(value, tuple):
        if len(value) == 1 and not isinstance(value[0], str):
            return _texts(value[0])  # a sequence of one counts as its element: `(None,)` is None
        if all(isinstance(item, str) for item in value):
            return value
    return "is neither a string, None nor a sequence of strings"
