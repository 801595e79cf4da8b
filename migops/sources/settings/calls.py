"""Calls: of the project's functions and classes, of variables' readers, and of installed packages."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from migops.sources.settings import classes, library
from migops.sources.settings.values import (
    NONE,
    Bound,
    Class,
    EnvReader,
    Evaluates,
    Fields,
    Function,
    Instance,
    Known,
    Library,
    Scope,
    Unsettled,
    Value,
    text_of,
)


def called(
    function: Value, arguments: Sequence[Value], keywords: Mapping[str, Value], place: str, code: Evaluates
) -> Value:
    """The result of calling a value. ``place`` is that of the call, for reasons."""
    if isinstance(function, Library):
        return _of_library(function.name, arguments, keywords, place, code)
    if isinstance(function, Bound):
        return _method(function, arguments, keywords, code)
    if isinstance(function, EnvReader):
        return library.variable(code.environment, arguments, keywords, function.prefix, must=True)
    if isinstance(function, Class):
        return Instance(function, {**keywords, **_by_position(function, arguments)})
    if isinstance(function, Function):
        names = [each.arg for each in function.node.args.args]
        names = names[1:] if function.owner is not None and names[:1] in (["self"], ["cls"]) else names
        return code.call(function, {**dict(zip(names, arguments, strict=False)), **keywords})
    return function if isinstance(function, Unsettled) else Unsettled(f"{place} is computed")


def _of_library(
    name: str, arguments: Sequence[Value], keywords: Mapping[str, Value], place: str, code: Evaluates
) -> Value:
    if name in ("isinstance", "getattr", "hasattr"):
        return _asked(name, arguments, code)
    result = library.called(name, arguments, keywords, code.environment)
    if isinstance(result, Unsettled) and not result.missing and ".py:" not in result.reason:
        return Unsettled(f"{place}: {result.reason}")
    return result


def _method(function: Bound, arguments: Sequence[Value], keywords: Mapping[str, Value], code: Evaluates) -> Value:
    if isinstance(function.value, Fields):
        named = text_of(arguments[0]) if arguments else None
        return classes.unvalidated(function.value, named, code) if named else Unsettled("a key is computed")
    if isinstance(function.value, EnvReader):
        given = library.variable(code.environment, arguments, keywords, function.value.prefix, must=True)
        return library.as_bool(given) if function.name == "bool" else given
    return library.method(function.value, function.name, arguments, keywords)


def _asked(name: str, arguments: Sequence[Value], code: Evaluates) -> Value:
    """``isinstance``, ``getattr`` and ``hasattr``."""
    first, second = (*arguments, NONE, NONE)[:2]
    named = text_of(second)
    if name == "getattr" and isinstance(first, (Instance, Scope, Class)) and named:
        return code.attribute(first, named)
    if name == "isinstance" and isinstance(first, Known) and isinstance(second, Library) and second.name == "str":
        return Known(isinstance(first.value, str))
    return first if isinstance(first, Unsettled) else Unsettled(f"it depends on {name}")


def _by_position(function: Class, arguments: Sequence[Value]) -> dict[str, Value]:
    """Arguments without names, by the names of ``__init__``'s parameters or of the annotated fields."""
    init = next(
        (node for node in function.node.body if isinstance(node, ast.FunctionDef) and node.name == "__init__"), None
    )
    if init is not None:
        names = [each.arg for each in init.args.args[1:]]
    else:
        names = [node.target.id for node in function.node.body
                 if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]  # fmt: skip
    return dict(zip(names, arguments, strict=False))
