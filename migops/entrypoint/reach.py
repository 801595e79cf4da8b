"""What a Python program runs at its start: its calls followed from module to module. Nothing is imported or run."""

from __future__ import annotations

import ast
import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from migops.entrypoint.flags import Flags
from migops.entrypoint.modules import Defined, Module, Modules
from migops.entrypoint.program import FUNCTION, Call, Scope, is_stamp, words_in
from migops.entrypoint.statements import (
    NO_CONDITION,
    STOPS,
    Condition,
    blocks,
    conditions_of,
    evaluated,
    handed,
    leaves,
    text_of,
    texts_in,
)
from migops.entrypoint.waiting import python_waits

_HOOK = re.compile(
    r"startup|before_serving|before_first_request|^before_request$|before_server_start|main_process_start|"
    r"worker_(process_)?init|worker_ready|on_after_(configure|finalize)"
)


@dataclass(frozen=True, slots=True)
class Reached:
    """A call that changes the schema, in a module of the program."""

    module: Module
    call: Call
    conditions: tuple[Condition, ...]

    @property
    def condition(self) -> str:
        """The outermost condition, as written; '' if the call certainly runs."""
        return self.conditions[0].text if self.conditions else ""


@dataclass(frozen=True, slots=True)
class _Scope:
    module: Module
    node: ast.AST
    conditions: tuple[Condition, ...]
    main: bool = False


@dataclass(slots=True)
class Reach:
    """The scopes that the start of a program reaches."""

    modules: Modules
    flags: Flags
    arguments: Sequence[str] = ()
    main: Module | None = None  # the program's own module
    found: list[Reached] = field(default_factory=list)
    waits: list[str] = field(default_factory=list)  # the text of each wait for a server
    stamps: bool = False  # the program tells Alembic which revision the database has
    _todo: deque[_Scope] = field(default_factory=deque)
    _seen: set[int] = field(default_factory=set)
    _wanted: dict[str, tuple[Condition, ...]] = field(default_factory=dict)  # methods of objects of unknown class
    _methods: dict[str, list[Defined]] = field(default_factory=dict)

    def start(self, module: Module, callee: str = "", *, main: bool = False) -> None:
        """Follow the program from its module; ``callee`` is a function in it that the command names."""
        self.enqueue(Defined(module, module.tree), (), main=main)
        for name in {callee.partition(".")[0], callee.partition("(")[0]} - {""}:
            self._call(self.modules.defined(module, name), ())
        while self._todo:
            self._visit(self._todo.popleft())
        if self.stamps:
            self.found = [each for each in self.found if each.call.upgrade]

    def enqueue(self, target: Defined, conditions: tuple[Condition, ...], *, main: bool = False) -> None:
        if id(target.node) in self._seen:
            return
        scope = _Scope(target.module, target.node, conditions, main)
        if conditions:
            self._todo.append(scope)
        else:  # what certainly runs comes first, so that no condition is noted for it
            self._todo.appendleft(scope)

    def _visit(self, scope: _Scope) -> None:
        if id(scope.node) in self._seen:
            return
        self._seen.add(id(scope.node))
        functions = scope.module.functions
        if isinstance(scope.node, ast.Module):
            self._register(scope)
        else:
            self.waits += [text_of(scope.module, node) for node in python_waits(scope.node, functions)]
        if isinstance(scope.node, ast.Module):
            own = ast.Module([node for node in scope.node.body if not isinstance(node, (*FUNCTION, ast.ClassDef))], [])
            self.waits += [text_of(scope.module, node) for node in python_waits(own, functions)]
        _Block(self, scope, Scope.of(scope.node, scope.module.imports, scope.module.lines)).run()

    def _register(self, scope: _Scope) -> None:
        """Note the module's methods, of which some may have been called on an object of unknown class."""
        for owner in ast.walk(scope.node):
            if isinstance(owner, ast.ClassDef):
                for method in owner.body:
                    if isinstance(method, FUNCTION):
                        target = Defined(scope.module, method)
                        self._methods.setdefault(method.name, []).append(target)
                        if method.name in self._wanted:
                            self.enqueue(target, self._wanted[method.name])

    def _call(self, target: Defined | None, conditions: tuple[Condition, ...]) -> None:
        if target is None:
            return
        if isinstance(target.node, FUNCTION):
            self.enqueue(target, conditions)
        elif isinstance(target.node, ast.ClassDef):
            for name in ("__init__", "__post_init__"):
                self._call(_method(target, name), conditions)

    def call(self, node: ast.Call, module: Module, conditions: tuple[Condition, ...]) -> None:
        """Follow a call, and the functions that it is handed to run."""
        function = node.func
        if isinstance(function, ast.Name):
            self._call(self.modules.defined(module, function.id), conditions)
        elif isinstance(function, ast.Attribute):
            self._attribute(function, module, conditions)
        for each in handed(node):
            self._call(self.modules.resolved(module, each), conditions)
            if isinstance(each, ast.Attribute):
                self._attribute(each, module, conditions)

    def _attribute(self, function: ast.Attribute, module: Module, conditions: tuple[Condition, ...]) -> None:
        whole = self.modules.resolved(module, function)
        if whole is not None:
            self._call(whole, conditions)
            return
        owner, known = self._class_of(function.value, module)
        if owner is not None:
            self._call(_method(owner, function.attr), conditions)
        elif not known:
            self._wanted.setdefault(function.attr, conditions)
            for target in self._methods.get(function.attr, ()):
                self.enqueue(target, conditions)

    def _class_of(self, node: ast.expr, module: Module, depth: int = 0) -> tuple[Defined | None, bool]:
        """The class of an object, and True if it is known: (None, True) for one of an installed package."""
        if isinstance(node, ast.Call):
            made = self.modules.resolved(module, node.func)
            if made is not None and isinstance(made.node, ast.ClassDef):
                return made, True
            return None, made is None and isinstance(node.func, ast.Name) and node.func.id in module.names
        definition = self.modules.resolved(module, node)
        if definition is not None and isinstance(definition.node, ast.ClassDef):
            return definition, True
        if definition is not None and isinstance(definition.node, ast.expr) and depth < 5:
            return self._class_of(definition.node, definition.module, depth + 1)
        is_import = isinstance(node, ast.Name) and isinstance(module.names.get(node.id), (ast.Import, ast.ImportFrom))
        return None, definition is None and is_import

    def hook(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: _Scope, conditions: tuple[Condition, ...]
    ) -> None:
        """Follow a function that a framework runs at the start, or the command that the arguments name."""
        for each in node.decorator_list:
            words = list(words_in(each))
            is_hook = any(_HOOK.search(word) for word in words) and not any(STOPS.search(word) for word in words)
            names = {node.name, node.name.replace("_", "-"), *texts_in(each)}
            is_command = any(word in ("command", "cli") for word in words) and not names.isdisjoint(self.arguments)
            if is_hook or is_command:
                self.enqueue(Defined(scope.module, node), conditions)


@dataclass(slots=True)
class _Block:
    """Statements in their order, under the conditions that lead to them."""

    reach: Reach
    scope: _Scope
    calls: Scope

    def run(self) -> None:
        body = getattr(self.scope.node, "body", [])
        self.statements(body if isinstance(body, list) else [], self.scope.conditions)

    def statements(self, body: Sequence[ast.stmt], conditions: tuple[Condition, ...]) -> bool:
        """Follow statements; True if they end by leaving the block."""
        for statement in body:
            if isinstance(statement, ast.If):
                left, conditions = self._if(statement, conditions)
                if left:
                    return True
                continue
            self._expressions(statement, conditions)
            if isinstance(statement, FUNCTION):
                self.reach.hook(statement, self.scope, conditions)
            elif isinstance(statement, ast.ClassDef):
                self.statements(statement.body, conditions)
            elif isinstance(statement, (ast.Import, ast.ImportFrom)):
                for module in self.reach.modules.imported(self.scope.module, statement):
                    self.reach.enqueue(Defined(module, module.tree), conditions)
            elif leaves(statement):
                return True
            else:
                for inner in blocks(statement):
                    left = self.statements(inner, conditions)
                    if left and isinstance(statement, (ast.With, ast.AsyncWith)):
                        return True
        return False

    def _if(self, node: ast.If, conditions: tuple[Condition, ...]) -> tuple[bool, tuple[Condition, ...]]:
        """Follow the branches that may run; the conditions afterwards include those under which a branch left."""
        scope = self.scope
        function = scope.node if isinstance(scope.node, FUNCTION) else None
        known = self.reach.flags.truth(node.test, scope.module, function, main=scope.main)
        self._expressions(node.test, conditions)
        then, other = conditions_of(node, scope.module) if known is None else (NO_CONDITION, NO_CONDITION)
        left = [
            self.statements(body, conditions if known is not None else (*conditions, condition))
            for truth, body, condition in ((True, node.body, then), (False, node.orelse, other))
            if known in (None, truth)
        ]
        if all(left):
            return True, conditions
        if known is None and any(left):
            conditions = (*conditions, other if left[0] else then)
        return False, conditions

    def _expressions(self, node: ast.AST, conditions: tuple[Condition, ...]) -> None:
        for inner in evaluated(node):
            if isinstance(inner, ast.Call):
                self.reach.stamps = self.reach.stamps or is_stamp(inner, self.scope.module.imports)
                change = self.calls.change(inner)
                if change is not None:
                    self.reach.found.append(Reached(self.scope.module, change, conditions))
                else:
                    self.reach.call(inner, self.scope.module, conditions)


def _method(owner: Defined, name: str) -> Defined | None:
    body = getattr(owner.node, "body", [])
    found = next((each for each in body if isinstance(each, FUNCTION) and each.name == name), None)
    return Defined(owner.module, found) if found is not None else None
