"""Expressions without names: constants, f-strings, operators."""

from __future__ import annotations

import ast
from typing import Any

from migops.sources.settings.values import (
    NONE,
    Evaluates,
    Known,
    Scope,
    Unsettled,
    Value,
    first_unsettled,
    text_of,
    truth,
    used_by,
    where,
)


def value(node: ast.expr, scope: Scope, code: Evaluates) -> Value:
    """The value of an expression; Unsettled for a kind that is not followed."""
    if isinstance(node, ast.Constant):
        return Known(node.value)
    if isinstance(node, ast.JoinedStr):
        return _joined(node, scope, code)
    if isinstance(node, ast.BoolOp):
        return _chosen(node, scope, code)
    if isinstance(node, ast.IfExp):
        return _conditional(node, scope, code)
    if isinstance(node, ast.BinOp):
        return _binary(node, scope, code)
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return _compared(node, scope, code)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        settled = truth(code.value(node.operand, scope))
        return Known(not settled) if settled is not None else Unsettled(f"{where(node, scope)} is computed")
    if isinstance(node, (ast.Await, ast.NamedExpr)):
        return code.value(node.value, scope)
    if isinstance(node, ast.Dict):
        return _dict(node, scope, code)
    if isinstance(node, (ast.Tuple, ast.List)):
        return Known(tuple(code.value(each, scope) for each in node.elts))
    return Unsettled(f"{where(node, scope)} is computed")


def _joined(node: ast.JoinedStr, scope: Scope, code: Evaluates) -> Value:
    values: list[Value] = []
    for part in node.values:
        inner = part.value if isinstance(part, ast.FormattedValue) else part
        if isinstance(part, ast.FormattedValue) and (part.format_spec is not None or part.conversion not in (-1, 115)):
            return Unsettled(f"{where(node, scope)} formats a value")
        values.append(code.value(inner, scope))
    return _texts(values, node, scope)


def _texts(values: list[Value], node: ast.AST, scope: Scope) -> Value:
    """The texts one after the other."""
    if why := first_unsettled(*values):
        return why if why.reason != "it is computed" else Unsettled(f"{where(node, scope)} is computed")
    return Known("".join(str(each.value) for each in values if isinstance(each, Known)), used_by(*values))


def _chosen(node: ast.BoolOp, scope: Scope, code: Evaluates) -> Value:
    result: Value = NONE
    for each in node.values:
        result = code.value(each, scope)
        settled = truth(result)
        if settled is None or settled is isinstance(node.op, ast.Or):
            return result
    return result


def _conditional(node: ast.IfExp, scope: Scope, code: Evaluates) -> Value:
    settled = truth(code.value(node.test, scope))
    if settled is not None:
        return code.value(node.body if settled else node.orelse, scope)
    return agreed(code.value(node.body, scope), code.value(node.orelse, scope), f"{where(node, scope)}")


def agreed(first: Value, second: Value, place: str) -> Value:
    """The value if both branches of a condition that is not settled have the same."""
    if isinstance(first, Known) and isinstance(second, Known) and first.value == second.value:
        return first
    return first if first is second else Unsettled(f"{place} depends on a condition that the text does not settle")


def _binary(node: ast.BinOp, scope: Scope, code: Evaluates) -> Value:
    left, right = code.value(node.left, scope), code.value(node.right, scope)
    if isinstance(node.op, ast.Mod) and isinstance(left, Known) and isinstance(left.value, str):
        return _formatted(left, right, node, scope)
    if why := first_unsettled(left, right):
        return why
    if isinstance(node.op, ast.Div):  # a path
        return Unsettled(f"{where(node, scope)} is computed")
    if not isinstance(node.op, ast.Add) or text_of(left) is None or text_of(right) is None:
        return Unsettled(f"{where(node, scope)} is computed")
    return _texts([left, right], node, scope)


def _formatted(left: Known, right: Value, node: ast.BinOp, scope: Scope) -> Value:
    """``text % values``."""
    given: Any = right.value if isinstance(right, Known) else None
    values = list(given.values()) if isinstance(given, dict) else list(given) if isinstance(given, tuple) else [right]
    if why := first_unsettled(*values):
        return why
    filled: Any = tuple(each.value for each in values if isinstance(each, Known))
    if isinstance(given, dict):
        filled = {key: each.value for key, each in given.items()}
    try:
        return Known(left.value % filled, used_by(left, *values))
    except (TypeError, ValueError, KeyError):
        return Unsettled(f"{where(node, scope)} is computed")


def _compared(node: ast.Compare, scope: Scope, code: Evaluates) -> Value:
    left, right = code.value(node.left, scope), code.value(node.comparators[0], scope)
    operator = node.ops[0]
    if not (isinstance(left, Known) and isinstance(right, Known)):
        return Unsettled(f"{where(node, scope)} is computed")
    first, second = left.value, right.value
    if isinstance(operator, (ast.Eq, ast.Is)):
        return Known(first == second)
    if isinstance(operator, (ast.NotEq, ast.IsNot)):
        return Known(first != second)
    if isinstance(operator, (ast.In, ast.NotIn)) and isinstance(second, (str, tuple, dict)):
        if isinstance(second, str) and not isinstance(first, str):
            return Unsettled(f"{where(node, scope)} is computed")
        items = (
            [each.value if isinstance(each, Known) else each for each in second]
            if isinstance(second, tuple)
            else second
        )
        return Known((first in items) is isinstance(operator, ast.In))
    return Unsettled(f"{where(node, scope)} is computed")


def _dict(node: ast.Dict, scope: Scope, code: Evaluates) -> Value:
    items: dict[Any, Value] = {}
    for key, each in zip(node.keys, node.values, strict=True):
        name = code.value(key, scope) if key is not None else None
        if not isinstance(name, Known) or isinstance(name.value, (dict, tuple)):
            return Unsettled(f"{where(node, scope)} is computed")
        items[name.value] = code.value(each, scope)
    return Known(items)
