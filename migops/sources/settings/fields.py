"""Fields of settings classes: the variable by its name, prefix or alias, else the default."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from migops.sources.settings import library
from migops.sources.settings.values import (
    NONE,
    Class,
    Evaluates,
    Function,
    Instance,
    Known,
    Library,
    Scope,
    Unsettled,
    Value,
    text_of,
)

_DEEPEST = 12  # classes above a class


@dataclass(frozen=True, slots=True)
class Lineage:
    """A class and those above it that are the project's."""

    classes: tuple[Class, ...]
    is_settings: bool
    """True for a settings class, whose fields are variables."""


def lineage(of: Class, code: Evaluates) -> Lineage:
    classes: list[Class] = []
    is_settings, todo = False, [of]
    while todo and len(classes) < _DEEPEST:
        each = todo.pop(0)
        classes.append(each)
        for node in each.node.bases:
            base = code.value(node, each.scope)
            if isinstance(base, Class) and base not in classes:
                todo.append(base)
            elif isinstance(base, Library) and base.name.endswith("BaseSettings"):
                is_settings = True
    return Lineage(tuple(classes), is_settings)


def member_of(kind: Class, name: str) -> ast.stmt | None:
    """The statement of a class's body that defines the name; the last one counts."""
    named = None
    for node in kind.node.body:
        is_function = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name
        if is_function or any(isinstance(target, ast.Name) and target.id == name for target in targets_of(node)):
            named = node
    return named


def targets_of(node: ast.stmt) -> list[ast.expr]:
    """The targets of an assignment; empty for another statement."""
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AnnAssign) else []


def assigned(member: ast.stmt) -> ast.expr | None:
    return member.value if isinstance(member, (ast.Assign, ast.AnnAssign)) else None


def inside(kind: Class) -> Scope:
    """The scope of a class's body, where its earlier names are known."""
    names = {}
    for node in kind.node.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            names[node.target.id] = node.value
    return Scope(kind.scope.file, dict(names), kind.scope)


def field_of(instance: Instance, owner: Class, member: ast.stmt, name: str, line: Lineage, code: Evaluates) -> Value:
    """A field's value before its validators: the argument, the variable, or the default."""
    if name in instance.given:
        return instance.given[name]  # type: ignore[no-any-return]
    default = assigned(member)
    call = (
        default
        if isinstance(default, ast.Call) and name_of(default.func) in ("Field", "field", "attrib", "ib")
        else None
    )
    if line.is_settings:
        nested = _nested(member, owner, instance, name, line, code)
        if nested is not None and (default is None or isinstance(default, ast.Call)):
            return nested
        names = list(_aliases(call, owner, code)) or [instance.prefix + _prefix(line, code) + name]
        any_case = not _is_case_sensitive(line, code)
        for variable in names:
            given = code.environment.variable(variable, any_case=any_case)
            if given is not None:
                is_bool = isinstance(member, ast.AnnAssign) and name_of(member.annotation) == "bool"
                return library.as_bool(given) if is_bool else given
        if default is None or (call is not None and _default(call) is None):
            annotation = getattr(member, "annotation", None)
            optional = default is None and annotation is not None and "None" in ast.dump(annotation)
            return (
                NONE
                if optional and call is None
                else library.missing(code.environment, names[0].upper() if any_case else names[0])
            )
    value = _default(call) if call is not None else default
    if value is None:
        return Unsettled(f"{owner.node.name}.{name} has no value in the text")
    result = code.value(value, inside(owner))
    is_factory = call is not None and any(each.arg == "default_factory" for each in call.keywords)
    if is_factory and isinstance(result, Function):
        return code.call(result, {})
    return Instance(result) if is_factory and isinstance(result, Class) else result


def _nested(
    member: ast.stmt, owner: Class, instance: Instance, name: str, line: Lineage, code: Evaluates
) -> Instance | None:
    """The group of fields that a field is annotated with, whose variables begin with the field's name."""
    if not isinstance(member, ast.AnnAssign):
        return None
    kind = (
        code.value(member.annotation, owner.scope) if isinstance(member.annotation, (ast.Name, ast.Attribute)) else None
    )
    if not isinstance(kind, Class):
        return None
    inner = lineage(kind, code)
    if inner.is_settings:
        return Instance(kind)
    delimiter = _setting(line, "env_nested_delimiter", code)
    if delimiter is None:
        return None
    settings = ast.ClassDef(
        kind.node.name, [ast.Name("BaseSettings", ast.Load()), *kind.node.bases], [], kind.node.body, []
    )
    scope = Scope(kind.scope.file, {"BaseSettings": Library("pydantic.BaseSettings")}, kind.scope)
    return Instance(Class(settings, scope), prefix=f"{instance.prefix}{_prefix(line, code)}{name}{delimiter}")


def _prefix(line: Lineage, code: Evaluates) -> str:
    return _setting(line, "env_prefix", code) or ""


def _is_case_sensitive(line: Lineage, code: Evaluates) -> bool:
    return _setting(line, "case_sensitive", code) == "True"


def _setting(line: Lineage, name: str, code: Evaluates) -> str | None:
    """A setting of ``model_config`` or of the inner class ``Config``, as text."""
    for owner in line.classes:
        given = [node for key, node in _settings(owner) if key == name]
        value = code.value(given[0], owner.scope) if given else None
        if isinstance(value, Known):
            return str(value.value)
    return None


def _settings(owner: Class) -> Iterator[tuple[str, ast.expr]]:
    for node in owner.node.body:
        if isinstance(node, ast.ClassDef) and node.name == "Config":
            for inner in node.body:
                value = assigned(inner)
                yield from ((each.id, value) for each in targets_of(inner) if isinstance(each, ast.Name) and value)
    config = member_of(owner, "model_config")
    yield from _pairs(assigned(config) if config is not None else None)


def _pairs(value: ast.expr | None) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(value, ast.Call):
        yield from ((each.arg, each.value) for each in value.keywords if each.arg)
    elif isinstance(value, ast.Dict):
        yield from (
            (key.value, item) for key, item in zip(value.keys, value.values, strict=True)
            if isinstance(key, ast.Constant) and isinstance(key.value, str)
        )  # fmt: skip


def _aliases(call: ast.Call | None, owner: Class, code: Evaluates) -> Iterator[str]:
    """The names of variables that a ``Field`` gives, in the inner class ``Config`` as well."""
    for keyword in call.keywords if call else ():
        if keyword.arg in ("env", "alias", "validation_alias"):
            nodes = (
                keyword.value.args
                if isinstance(keyword.value, ast.Call)
                else getattr(keyword.value, "elts", [keyword.value])
            )
            for node in nodes:
                text = text_of(code.value(node, owner.scope))
                if text is not None:
                    yield text


def _default(call: ast.Call) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg in ("default", "default_factory", "factory"):
            return keyword.value
    first = call.args[0] if call.args else None
    return None if isinstance(first, ast.Constant) and first.value is Ellipsis else first


def name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
