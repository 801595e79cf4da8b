"""Statements: which names they bind, and what they return."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from migops.sources.settings.expressions import agreed
from migops.sources.settings.names import Imported, Lazy
from migops.sources.settings.values import (
    Class,
    EnvReader,
    Evaluates,
    Function,
    Scope,
    Unsettled,
    Value,
    text_of,
    where,
)


def run(body: Sequence[ast.stmt], scope: Scope, code: Evaluates) -> Value | None:
    """Follow statements in order. The value that is returned; None if none is."""
    for number, node in enumerate(body):
        if isinstance(node, ast.Return):
            return code.value(node.value, scope) if node.value is not None else code.value(ast.Constant(None), scope)
        if isinstance(node, ast.Raise):
            return Unsettled(f"{where(node, scope)} raises an error")
        if isinstance(node, ast.If):
            branch = _branch(node, body[number + 1 :], scope, code)
            if branch is not None:
                return branch
        elif isinstance(node, (ast.Try, ast.With, ast.AsyncWith)):
            returned = _try(node, scope, code) if isinstance(node, ast.Try) else _with(node, scope, code)
            if returned is not None:
                return returned
        else:
            _bind(node, scope, code)
    return None


def _try(node: ast.Try, scope: Scope, code: Evaluates) -> Value | None:
    """Follow a ``try``, and its handlers if a variable is missing that its body needs."""
    before = dict(scope.names)
    returned = run([*node.body, *node.orelse], scope, code)
    names = [name for name, value in scope.names.items() if before.get(name) is not value]
    values = [returned, *(code.lookup(name, scope) for name in names if isinstance(scope.names[name], Lazy))]
    if any(isinstance(value, Unsettled) and value.missing for value in values):
        returned = next((value for each in node.handlers if (value := run(each.body, scope, code)) is not None), None)
    after = run(node.finalbody, scope, code)
    return after if after is not None else returned


def _with(node: ast.With | ast.AsyncWith, scope: Scope, code: Evaluates) -> Value | None:
    """Follow a ``with``. Inside environs' ``env.prefixed(…)``, variables have a prefix."""
    call = node.items[0].context_expr
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "prefixed"):
        return run(node.body, scope, code)
    name = call.func.value.id if isinstance(call.func.value, ast.Name) else ""
    reader, prefix = code.lookup(name, scope), text_of(code.value(call.args[0], scope)) if call.args else None
    before = dict(scope.names)
    is_known = isinstance(reader, EnvReader) and prefix is not None
    scope.names[name] = EnvReader(f"{reader.prefix}{prefix}") if isinstance(reader, EnvReader) else reader
    returned = run(node.body, scope, code)
    for bound in [each for each, held in scope.names.items() if before.get(each) is not held and each != name]:
        value = code.lookup(bound, scope)
        scope.names[bound] = value if is_known else Unsettled(f"{where(node, scope)} is computed")
    scope.names[name] = reader
    return returned


def _branch(node: ast.If, rest: Sequence[ast.stmt], scope: Scope, code: Evaluates) -> Value | None:
    """Follow a condition. A value if it returns one."""
    settled = code.is_true(node.test, scope)
    if settled is not None:
        return run(node.body if settled else node.orelse, scope, code)
    place = f"{where(node, scope)}"
    sides = [Scope(scope.file, dict(scope.names), scope.parent, list(scope.stars)) for _ in range(2)]
    if any(isinstance(each, ast.Return) for each in ast.walk(node)):
        first = run([*node.body, *rest], sides[0], code)
        second = run([*node.orelse, *rest], sides[1], code)
        if first is None or second is None:
            return Unsettled(f"{place} depends on a condition that the text does not settle")
        return agreed(first, second, place)
    for side, inner in zip(sides, (node.body, node.orelse), strict=True):
        run(inner, side, code)
    for name in dict.fromkeys((*sides[0].names, *sides[1].names)):
        values = [side.names.get(name) for side in sides]
        if values[0] is values[1]:
            continue
        both = [code.lookup(name, side) for side in sides if name in side.names]
        scope.names[name] = agreed(both[0], both[1], place) if len(both) > 1 else _maybe(both[0], place)
    return None


def _maybe(value: Value, place: str) -> Value:
    """A name that only one branch binds: a definition or an import counts, a value is unsettled."""
    if isinstance(value, (Function, Class, Scope)):
        return value
    return Unsettled(f"{place} depends on a condition that the text does not settle")


def _bind(node: ast.stmt, scope: Scope, code: Evaluates) -> None:
    names = scope.names
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        names[node.name] = Function(node, scope)
    elif isinstance(node, ast.ClassDef):
        names[node.name] = Class(node, scope)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            _assign(target, node.value, scope, code)
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        _assign(node.target, node.value, scope, code)
    elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        left = ast.Name(node.target.id, ast.Load())
        _assign(node.target, ast.copy_location(ast.BinOp(left, node.op, node.value), node), scope, code)
    elif isinstance(node, ast.Import):
        for alias in node.names:
            whole = alias.name if alias.asname else alias.name.partition(".")[0]
            names[alias.asname or whole] = Imported(whole, "", 0)
    elif isinstance(node, ast.ImportFrom):
        _import_from(node, scope, code)
    elif isinstance(node, (ast.For, ast.AsyncFor, ast.While, ast.Match)):
        for name in _bound(node):
            names[name] = Unsettled(f"{where(node, scope)} binds {name} in a loop or a match")


def _assign(target: ast.expr, value: ast.expr, scope: Scope, code: Evaluates) -> None:
    if isinstance(target, ast.Name):
        _settle(target.id, scope, code)
        # A name's earlier value is kept for an expression that uses it: ``url = url.replace(…)``.
        own = {target.id: scope.names[target.id]} if target.id in scope.names else {}
        inner = Scope(scope.file, own, scope) if own and _uses(value, target.id) else scope
        scope.names[target.id] = Lazy(value, inner)
    elif isinstance(target, ast.Attribute) and scope.file.name == "env.py":
        code.overwritten.append((code.value(target.value, scope), target.attr, where(target, scope)))
    elif isinstance(target, (ast.Tuple, ast.List)):
        for number, part in enumerate(target.elts):
            if any(isinstance(each, ast.Starred) for each in target.elts):
                scope.names.update({name: Unsettled(f"{where(value, scope)} is unpacked") for name in _bound(target)})
                return
            item = ast.copy_location(ast.Subscript(value, ast.Constant(number), ast.Load()), value)
            _assign(part, item, scope, code)


def _settle(name: str, scope: Scope, code: Evaluates) -> None:
    """Evaluate what uses a name's value now, as it is about to be bound again."""
    if name in scope.names:
        for other, held in list(scope.names.items()):
            if isinstance(held, Lazy) and other != name and _uses(held.node, name):
                code.lookup(other, scope)


def _uses(node: ast.expr, name: str) -> bool:
    return any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node))


def _import_from(node: ast.ImportFrom, scope: Scope, code: Evaluates) -> None:
    module = node.module or ""
    for alias in node.names:
        if alias.name == "*":
            file = code.find_module(scope.file, module, node.level)
            if file is not None:
                scope.stars.append(file)
        else:
            scope.names[alias.asname or alias.name] = Imported(module, alias.name, node.level)


def _bound(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner.id
