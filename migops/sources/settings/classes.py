"""Attributes of the project's classes: constants, properties, and the fields of settings classes.

A field of a pydantic settings class is a variable of its name, after ``env_prefix``, in any case, unless ``Field`` or
an alias names it otherwise; else it is its default. A validator or a property that builds the URL is followed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from migops.sources.settings.fields import Lineage, assigned, field_of, inside, lineage, member_of, name_of, targets_of
from migops.sources.settings.values import (
    NONE,
    Class,
    Evaluates,
    Fields,
    Function,
    Instance,
    Known,
    Unsettled,
    Value,
)

_VALIDATORS = ("validator", "field_validator", "root_validator")
_WHOLE = ("root_validator", "model_validator")
_PROPERTIES = ("property", "cached_property", "computed_field", "hybrid_property")


def attribute(instance: Instance, name: str, code: Evaluates) -> Value:
    """An attribute of an instance."""
    given = instance.given.get(name)
    line = lineage(instance.of, code)
    if given is not None and not line.is_settings:
        return given if isinstance(given, (Known, Unsettled, Instance)) else Unsettled("an argument is computed")
    for owner in line.classes:
        member = member_of(owner, name)
        if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)):
            function = Function(member, owner.scope, _self(member, instance))
            return code.call(function, {}) if _has(member, _PROPERTIES) else function
        if member is not None:
            if line.is_settings and (why := _rewritten(line, name)):
                return why
            value = field_of(instance, owner, member, name, line, code)
            return _validated(instance, line, name, value, code)
    return _set_in_init(instance, line, name, code)


def of_class(kind: Class, name: str, code: Evaluates) -> Value:
    """An attribute of a class itself."""
    for owner in lineage(kind, code).classes:
        member = member_of(owner, name)
        if isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return Function(member, owner.scope, kind if _has(member, ("classmethod",)) else None)
        value = assigned(member) if member is not None else None
        if value is not None:
            return code.value(value, inside(owner))
    return Unsettled(f"{kind.node.name} has no {name}")


def unvalidated(fields: Fields, name: str, code: Evaluates) -> Value:
    """A field as a validator of another one sees it."""
    line = lineage(fields.instance.of, code)
    for owner in line.classes:
        member = member_of(owner, name)
        if member is not None and not isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return _validated(
                fields.instance, line, name, field_of(fields.instance, owner, member, name, line, code), code
            )
    return NONE


def _validated(instance: Instance, line: Lineage, name: str, value: Value, code: Evaluates) -> Value:
    """The value after the validators of the field."""
    for owner in line.classes:
        for node in owner.node.body:
            if isinstance(node, ast.FunctionDef) and name in _validates(node):
                parameters = [argument.arg for argument in node.args.args]
                if isinstance(value, Unsettled) and value.missing:
                    return value  # it is not run for a field that is missing
                given: Mapping[str, Any] = dict(zip(parameters, (instance.of, value, Fields(instance)), strict=False))
                value = code.call(Function(node, owner.scope), given)
    return value


def _rewritten(line: Lineage, name: str) -> Unsettled | None:
    """The reason if a method of a settings class may set the field after its variable was read."""
    for owner in line.classes:
        for node in owner.node.body:
            if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            sets = _has(node, _WHOLE) or node.name in ("__init__", "model_post_init")
            names = {inner.attr for inner in ast.walk(node) if isinstance(inner, ast.Attribute)}
            names |= {str(inner.value) for inner in ast.walk(node) if isinstance(inner, ast.Constant)}
            if node.name.endswith("customise_sources") or (sets and name in names):
                return Unsettled(f"{owner.scope.file.name}:{node.lineno} ({node.name}) may set {name}")
    return None


def _validates(node: ast.FunctionDef) -> Iterator[str]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and name_of(decorator.func) in _VALIDATORS:
            yield from (
                each.value for each in decorator.args if isinstance(each, ast.Constant) and isinstance(each.value, str)
            )


def _set_in_init(instance: Instance, line: Lineage, name: str, code: Evaluates) -> Value:
    """The last value that ``__init__`` assigns to ``self.NAME``, if it is not in a branch."""
    for owner in line.classes:
        init = member_of(owner, "__init__")
        if isinstance(init, ast.FunctionDef):
            for node in reversed(init.body):
                value = assigned(node)
                if value is not None and any(
                    isinstance(target, ast.Attribute) and target.attr == name for target in targets_of(node)
                ):
                    body = [*init.body[: init.body.index(node)], ast.Return(value)]
                    made = ast.FunctionDef("__init__", init.args, body, [])
                    return code.call(Function(made, owner.scope, instance), instance.given)
    return Unsettled(f"{instance.of.node.name} sets no {name} that the text settles")


def _self(member: ast.FunctionDef | ast.AsyncFunctionDef, instance: Instance) -> Instance | Class | None:
    """The first argument of a method that is called on an instance."""
    if _has(member, ("staticmethod",)):
        return None
    return instance.of if _has(member, ("classmethod",)) else instance


def _has(node: ast.FunctionDef | ast.AsyncFunctionDef, names: tuple[str, ...]) -> bool:
    return any(name_of(each.func if isinstance(each, ast.Call) else each) in names for each in node.decorator_list)
