"""The version table of a service: as its settings say, or its env.py; also an expression, if the text settles it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from migops.core.errors import MigopsError
from migops.core.model import Unknown
from migops.migrations.env_script import called
from migops.migrations.version_table import VersionTable, version_table
from migops.sources.settings.values import Known, Scope, Unsettled, text_of

if TYPE_CHECKING:
    from migops.sources.database_question import Question
    from migops.sources.settings.evaluate import Evaluator

KEYWORDS = ("version_table", "version_table_schema")
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def table_of(asked: Question) -> VersionTable | Unknown:
    """The version table of the service's Alembic: the user's settings, else by the text of env.py."""
    name, schema = asked.settings.get("version-table", ""), asked.settings.get("version-table-schema", "")
    named = version_table(asked.env_py, asked.env_path, name=name, schema=schema)
    followed = followed_table(asked) if isinstance(named, Unknown) else {}
    if not followed:
        return named
    table, of_schema = (followed.get(each, "") for each in KEYWORDS)
    return VersionTable(name or table or "alembic_version", schema or of_schema)


def followed_table(asked: Question) -> dict[str, str]:
    """The values of the keywords of ``context.configure`` that name the version table; '' for None.

    {} if one of them is not settled: it is computed in a loop or from ``-x``, or calls of ``configure`` disagree.
    """
    from migops.sources.followed_url import evaluator_of  # only an env.py that computes the table pays for it

    if "x_argument" in asked.env_py:
        return {}  # known only when Alembic is called
    try:
        found = evaluator_of(asked)
        return settled(*found) if found else {}
    except (MigopsError, RecursionError):
        return {}


def settled(code: Evaluator, module: Scope, tree: ast.Module) -> dict[str, str]:
    """The same of a module ``tree`` (an env.py), evaluated by ``code``."""
    values: dict[str, set[str]] = {}
    for keyword, scope in _keywords(code, tree.body, module):
        value = code.value(keyword.value, scope)
        text = "" if isinstance(value, Known) and value.value is None else text_of(value)
        if text is None:
            return {}
        values.setdefault(str(keyword.arg), set()).add(text)
    return {name: next(iter(texts)) for name, texts in values.items()} if _agree(values) else {}


def _agree(values: dict[str, set[str]]) -> bool:
    return all(len(texts) == 1 for texts in values.values())


def _keywords(code: Evaluator, nodes: list[ast.stmt], scope: Scope) -> Iterator[tuple[ast.keyword, Scope]]:
    """The keywords for the table in each call of ``configure``, with the names that are known there."""
    for node in nodes:
        names = scope
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names = _inside(code, node, scope)
        elif isinstance(node, _LOOPS):
            lost = [
                each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
            ]
            names = Scope(scope.file, {name: Unsettled(f"{name} changes in a loop") for name in lost}, scope)
        inner = list(_statements(node))
        deeper = {id(each) for one in inner for each in ast.walk(one)}
        for each in ast.walk(node):
            if isinstance(each, ast.Call) and called(each) == "configure" and id(each) not in deeper:
                yield from ((keyword, names) for keyword in each.keywords if keyword.arg in KEYWORDS)
        yield from _keywords(code, inner, names)


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements right inside of a statement, also those of handlers and cases."""
    for each in ast.iter_child_nodes(node):
        if isinstance(each, ast.stmt):
            yield each
        elif isinstance(each, (ast.ExceptHandler, ast.match_case)):
            yield from _statements(each)


def _inside(code: Evaluator, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> Scope:
    """The names in a function: its arguments are not known."""
    names = {each.arg: Unsettled(f"the argument {each.arg} is not known") for each in node.args.args}
    inner = Scope(scope.file, dict(names), scope)
    code.run([each for each in node.body if not isinstance(each, ast.Return)], inner)
    return inner
