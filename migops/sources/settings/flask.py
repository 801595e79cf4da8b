"""The URL of a Flask application, whose env.py takes it from the application's settings."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from migops.sources.settings.env_database import NotSettled, Url
from migops.sources.settings.evaluate import Evaluator
from migops.sources.settings.values import Known, Scope, Unsettled, Value, text_of, used_by

_NAME = "SQLALCHEMY_DATABASE_URI"


def settings_of_flask(code: Evaluator, files: Sequence[Path]) -> Url | NotSettled | None:
    """The URL that the application's code sets, if all places that set it have the same; None if none sets it.

    Settings for tests do not count.
    """
    urls: dict[str, Url] = {}
    reasons: list[NotSettled] = []
    for file in files:
        if "test" in file.stem or _NAME.encode() not in code.code.text(file):
            continue
        for line, value in _values(code, file):
            text = text_of(value)
            if text is not None:
                urls.setdefault(text, Url(text, line, used_by(value)))
            elif not (isinstance(value, Known) and value.value is None):
                reason = value.reason if isinstance(value, Unsettled) else "it is computed"
                missing = value.missing if isinstance(value, Unsettled) else ""
                reasons.append(NotSettled(f"{file}:{line}: {reason}", 0, missing))
    if len(urls) == 1 and not any(not each.missing for each in reasons):
        return next(iter(urls.values()))
    if urls:
        return NotSettled(f"the application has several settings of {_NAME}")
    return reasons[0] if reasons else None


def _values(code: Evaluator, file: Path) -> Iterator[tuple[int, Value]]:
    module = code.module(file)
    yield from _in(code, code.code.tree(file).body, module)


def _in(code: Evaluator, body: Sequence[ast.stmt], scope: Scope) -> Iterator[tuple[int, Value]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            if "test" not in node.name.lower():
                inner = Scope(scope.file, {}, scope)
                code.run(node.body, inner)
                yield from _in(code, node.body, inner)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            names = {each.arg: Unsettled(f"the argument {each.arg} is not known") for each in node.args.args}
            inner = Scope(scope.file, dict(names), scope)
            code.run([each for each in node.body if not isinstance(each, ast.Return)], inner)
            yield from _in(code, node.body, inner)
        elif isinstance(node, ast.If):
            settled = code.is_true(node.test, scope)
            yield from _in(code, node.body if settled is not False else (), scope)
            yield from _in(code, node.orelse if settled is not True else (), scope)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(_is_setting(target) for target in targets):
                yield node.lineno, code.value(node.value, scope)
        elif isinstance(node, ast.Expr):
            for call in (each for each in ast.walk(node) if isinstance(each, ast.Call)):
                yield from ((call.lineno, code.value(each.value, scope)) for each in call.keywords if each.arg == _NAME)


def _is_setting(target: ast.expr) -> bool:
    if isinstance(target, ast.Subscript):
        return isinstance(target.slice, ast.Constant) and target.slice.value == _NAME
    return (isinstance(target, ast.Name) and target.id == _NAME) or (
        isinstance(target, ast.Attribute) and target.attr == _NAME
    )
