"""Alembic's version table, read from the text of ``env.py`` without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from migops.core.model import Location, Unknown
from migops.core.quiet import no_warnings


@dataclass(frozen=True, slots=True)
class VersionTable:
    """The version table's name and schema; '' means the first match on the search path."""

    name: str = "alembic_version"
    schema: str = ""

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


def version_table(source: str, path: str, *, name: str = "", schema: str = "") -> VersionTable | Unknown:
    """The table that ``context.configure(version_table=…, version_table_schema=…)`` names.

    ``name`` and ``schema`` are the user's options and take precedence. A keyword is known if it is a string, or a name
    that the module sets to exactly one string; otherwise the answer is Unknown, with its location.
    """
    settings = {"version_table": name, "version_table_schema": schema}
    try:
        with no_warnings():  # an invalid escape in env.py is not an error here
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # Alembic itself fails on an env.py that Python cannot parse; the default table is then the best guess.
        return VersionTable(name or "alembic_version", schema)
    constants = _constants(tree)
    for keyword in _keywords(tree):
        wanted = keyword.arg or ""
        if settings.get(wanted, "-"):
            continue
        value = keyword.value
        text = constants.get(value.id) if isinstance(value, ast.Name) else getattr(value, "value", None)
        if isinstance(value, ast.Constant) and value.value is None:
            continue
        if not isinstance(text, str):
            return Unknown(
                f"{Location(path, value.lineno)} computes {wanted}, so migops does not know which table to read",
                f"set it under the service: x-migops: {{{wanted.replace('_', '-')}: NAME}}",
            )
        settings[wanted] = text
    return VersionTable(settings["version_table"] or "alembic_version", settings["version_table_schema"])


def _keywords(tree: ast.Module) -> Iterator[ast.keyword]:
    """The keywords of every call of ``configure``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            if (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) == "configure":
                yield from node.keywords


def _constants(tree: ast.Module) -> dict[str, str | None]:
    """Names that the module sets to a string; None for one with several values or any other value."""
    texts: dict[str, str | None] = {}
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Assign, ast.AnnAssign)):
            continue
        value = node.value
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Name):
                text = value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None
                texts[target.id] = text if texts.get(target.id, text) == text else None
    return texts
