"""Evaluates the project's code as far as its text and the service's environment settle it. Nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from migops.sources.project_code import ProjectCode
from migops.sources.settings import calls, classes, expressions, library, statements
from migops.sources.settings.names import Imported, Lazy
from migops.sources.settings.values import (
    NONE,
    Bound,
    Class,
    EngineOf,
    Environment,
    EnvReader,
    Fields,
    Function,
    Instance,
    Known,
    Library,
    Scope,
    Unsettled,
    Value,
    text_of,
    truth,
    where,
)

_STEPS = 20_000  # expressions that are evaluated before it is given up
_DEEPEST = 60  # calls and names that lead to each other


@dataclass(slots=True)
class Evaluator:
    """Evaluates expressions of the project's modules, each of which is read once."""

    code: ProjectCode
    environment: Environment
    overwritten: list[tuple[Value, str, str]] = field(default_factory=list)
    _modules: dict[Path, Scope] = field(default_factory=dict)
    _steps: int = 0
    _depth: int = 0

    def module(self, file: Path) -> Scope:
        """The names of a module."""
        if file not in self._modules:
            scope = self._modules[file] = Scope(file)
            self.run(self.code.tree(file).body, scope)
        return self._modules[file]

    def value(self, node: ast.expr, scope: Scope) -> Value:
        """The value of an expression."""
        self._steps += 1
        if self._steps > _STEPS or self._depth > _DEEPEST:
            return Unsettled(f"{where(node, scope)} is too deep to be followed")
        self._depth += 1
        try:
            return self._value(node, scope)
        finally:
            self._depth -= 1

    def _value(self, node: ast.expr, scope: Scope) -> Value:
        if isinstance(node, ast.Name):
            return self.lookup(node.id, scope)
        if isinstance(node, ast.Attribute):
            return self.attribute(self.value(node.value, scope), node.attr)
        if isinstance(node, ast.Call):
            return self._call(node, scope)
        if isinstance(node, ast.Subscript):
            return self._item(node, scope)
        if isinstance(node, ast.Lambda):
            return Function(node, scope)
        return expressions.value(node, scope, self)

    def lookup(self, name: str, scope: Scope) -> Value:
        """The value of a name: in its scope, in those around it, else a builtin."""
        at: Scope | None = scope
        while at is not None:
            if name in at.names:
                return self._forced(at, name)
            for star in at.stars:
                inner = self.module(star)
                if name in inner.names:
                    return self._forced(inner, name)
            at = at.parent
        return Known(scope.file.stem) if name == "__name__" else Library(name)

    def _forced(self, scope: Scope, name: str) -> Value:
        held = scope.names[name]
        if isinstance(held, (Lazy, ast.expr)):
            scope.names[name] = Unsettled(f"{name} in {scope.file.name} refers to itself")
            inner = Scope(scope.file, {}, scope) if isinstance(held, ast.expr) else held.scope
            scope.names[name] = self.value(held if isinstance(held, ast.expr) else held.node, inner)
        elif isinstance(held, Imported):
            scope.names[name] = Unsettled(f"{name} in {scope.file.name} is imported in a circle")
            scope.names[name] = self._import(held, scope)
        return scope.names[name]  # type: ignore[no-any-return]

    def _import(self, held: Imported, scope: Scope) -> Value:
        dotted = f"{held.module}.{held.name}".strip(".")
        inner = self.code.last(scope.file, dotted, held.level)
        if inner is not None:
            return self.module(inner)
        module = self.code.last(scope.file, held.module, held.level) if held.name else None
        if module is None and held.name and held.level and not held.module:
            module = scope.file.parents[held.level - 1] / "__init__.py"
        if module is not None and module.is_file():
            return self.lookup(held.name, self.module(module))
        return Known(False) if dotted.endswith("TYPE_CHECKING") else Library(dotted)

    def attribute(self, value: Value, name: str) -> Value:
        """``value.NAME``."""
        for owner, attribute, place in self.overwritten:
            if owner is value and attribute == name:
                return Unsettled(f"{place} sets {name}")
        if isinstance(value, Scope):
            if name in value.names or value.stars:
                return self.lookup(name, value)
            inner = self.code.last(value.file, name, 1) if value.file.name == "__init__.py" else None
            return self.module(inner) if inner else Unsettled(f"{value.file.name} has no {name}")
        if isinstance(value, Library):
            return self._of_library(value, name)
        if isinstance(value, Instance):
            return classes.attribute(value, name, self)
        if isinstance(value, Class):
            return classes.of_class(value, name, self)
        if isinstance(value, Fields) and name == "data":
            return value
        if isinstance(value, EngineOf) and name in ("url", "engine", "sync_engine"):
            return value.url if name == "url" else value
        if isinstance(value, Unsettled):
            return value
        return Bound(value, name)

    def _of_library(self, value: Library, name: str) -> Value:
        if value.name == "alembic.context.config":
            known = {"config_ini_section": self.environment.section, "config_file_name": "alembic.ini"}
            if name in known:
                return Known(known[name])
            if name == "attributes":
                return Known({})
        return Library(f"{value.name}.{name}")

    def _item(self, node: ast.Subscript, scope: Scope) -> Value:
        value, key = self.value(node.value, scope), self.value(node.slice, scope)
        name = text_of(key)
        if isinstance(value, Library) and name is not None:
            if value.name == "os.environ":
                return library.variable(self.environment, [key], {}, must=True)
            if value.name == "alembic.section":
                return library.of_ini(self.environment, name, NONE)
            return Unsettled(f"{where(node, scope)} depends on {value.name}, which is not the project's")
        if isinstance(value, Fields) and name is not None:
            return classes.unvalidated(value, name, self)
        if isinstance(value, EnvReader):
            return library.variable(self.environment, [key], {}, value.prefix, must=True)
        if isinstance(value, Known) and isinstance(key, Known):
            try:
                item = value.value[key.value]
            except (TypeError, KeyError, IndexError):
                return Unsettled(f"{where(node, scope)} has no such key")
            return item if not isinstance(item, (str, int)) else Known(item, value.used)
        return value if isinstance(value, Unsettled) else Unsettled(f"{where(node, scope)} is computed")

    def _call(self, node: ast.Call, scope: Scope) -> Value:
        function = self.value(node.func, scope)
        arguments = [self.value(each, scope) for each in node.args if not isinstance(each, ast.Starred)]
        keywords = {each.arg: self.value(each.value, scope) for each in node.keywords if each.arg}
        if len(arguments) < len(node.args) or len(keywords) < len(node.keywords):
            return Unsettled(f"{where(node, scope)} is called with computed arguments")
        return calls.called(function, arguments, keywords, where(node, scope), self)

    def call(self, function: Function, given: Mapping[str, Any]) -> Value:
        """The result of a function of the project with these arguments by name."""
        arguments = function.node.args
        names: dict[str, Any] = {}
        positional = [*arguments.posonlyargs, *arguments.args]
        for argument, default in zip(reversed(positional), reversed(arguments.defaults), strict=False):
            names[argument.arg] = Lazy(default, function.scope)
        for argument, keyword in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            if keyword is not None:
                names[argument.arg] = Lazy(keyword, function.scope)
        for argument in (*positional, *arguments.kwonlyargs):
            names.setdefault(argument.arg, Unsettled(f"the argument {argument.arg} is not known"))
        if function.owner is not None and positional:
            names[positional[0].arg] = function.owner
        names.update(given)
        scope = Scope(function.scope.file, names, function.scope)
        if isinstance(function.node, ast.Lambda):
            return self.value(function.node.body, scope)
        if any(isinstance(each, (ast.Yield, ast.YieldFrom)) for each in ast.walk(function.node)):
            return Unsettled(f"{where(function.node, function.scope)} yields")
        self._depth += 1
        try:
            if self._depth > _DEEPEST:
                return Unsettled("calls that lead to each other are not followed")
            return self.run(function.node.body, scope) or NONE
        finally:
            self._depth -= 1

    def run(self, body: Sequence[ast.stmt], scope: Scope) -> Value | None:
        """Follow statements; the value that is returned, None if none is."""
        return statements.run(body, scope, self)

    def find_module(self, file: Path, dotted: str, level: int) -> Path | None:
        """The project's file of a module that ``file`` imports."""
        return self.code.last(file, dotted, level)

    def is_true(self, node: ast.expr, scope: Scope) -> bool | None:
        """The truth of a condition; None if it is not settled."""
        return truth(self.value(node, scope))
