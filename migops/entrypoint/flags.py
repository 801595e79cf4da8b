"""Conditions of Python code that the container's environment decides: flags, settings classes, the kind of database."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from migops.entrypoint.expressions import KINDS, OF_DATABASE, dialect, is_environ, is_parameter, returned
from migops.entrypoint.model import File
from migops.entrypoint.modules import Defined, Module, Modules
from migops.entrypoint.program import FUNCTION, words_in
from migops.entrypoint.settings import Field, field_of, is_true

_DEEPEST = 12
_READS = frozenset(("getenv", "get", "config", "env", "Config", "get_env", "str", "bool", "int"))

Known = str | bool | int | float | None | tuple[object, ...]


class Unknown:
    """The value is not determined by the text and the container's environment."""


UNKNOWN = Unknown()


@dataclass(slots=True)
class Flags:
    """Evaluates expressions. ``complete``: the environment has every variable of the container.

    ``unknown`` are variables that a script sets to a value that is not known.
    """

    modules: Modules
    environment: Mapping[str, str] = field(repr=False)
    files: Callable[[str], File | None]
    cwd: str
    unknown: frozenset[str] = frozenset()
    complete: bool = True

    def truth(
        self, test: ast.expr, module: Module, function: ast.AST | None = None, *, main: bool = False
    ) -> bool | None:
        """True or False for a condition with a known outcome; None for any other."""
        value = self._value(test, _At(module, function, main), 0)
        return None if isinstance(value, Unknown) else bool(value)

    def _value(self, node: ast.AST | None, at: _At, depth: int) -> Known | Unknown:
        if node is None or depth > _DEEPEST:
            return UNKNOWN
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, (str, bool, int, float, type(None))) else UNKNOWN
        if isinstance(node, ast.Name):
            return self._name(node, at, depth)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            inner = self._value(node.operand, at, depth + 1)
            return UNKNOWN if isinstance(inner, Unknown) else not inner
        if isinstance(node, ast.BoolOp):
            return self._joined(node, at, depth)
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            return self._compared(node, at, depth)
        if isinstance(node, ast.IfExp):
            test = self._value(node.test, at, depth + 1)
            return (
                UNKNOWN if isinstance(test, Unknown) else self._value(node.body if test else node.orelse, at, depth + 1)
            )
        if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
            values = tuple(self._value(each, at, depth + 1) for each in node.elts)
            return UNKNOWN if any(isinstance(each, Unknown) for each in values) else values
        if isinstance(node, ast.Subscript) and is_environ(node.value) and isinstance(node.slice, ast.Constant):
            return self._variable(str(node.slice.value), UNKNOWN, at)
        if isinstance(node, ast.Call):
            return self._called(node, at, depth)
        if isinstance(node, ast.Attribute):
            return self._attribute(node, at, depth)
        return UNKNOWN

    def _name(self, node: ast.Name, at: _At, depth: int) -> Known | Unknown:
        if node.id == "TYPE_CHECKING":
            return False
        if node.id == "__name__":
            return "__main__" if at.main else "not __main__"
        local = [
            each.value
            for each in (ast.walk(at.function) if at.function is not None else ())
            if isinstance(each, ast.Assign)
            and any(isinstance(one, ast.Name) and one.id == node.id for one in each.targets)
        ]
        if local or is_parameter(at.function, node.id):
            return self._value(local[0], at, depth + 1) if len(local) == 1 else UNKNOWN
        found = self.modules.defined(at.module, node.id)
        if found is None or not isinstance(found.node, ast.expr) or _is_assigned_again(found, node.id):
            return UNKNOWN
        return self._value(found.node, _At(found.module), depth + 1)

    def _joined(self, node: ast.BoolOp, at: _At, depth: int) -> Known | Unknown:
        ends = isinstance(node.op, ast.Or)  # the truth that settles it
        value: Known | Unknown = UNKNOWN
        unsure = False
        for each in node.values:
            value = self._value(each, at, depth + 1)
            if isinstance(value, Unknown):
                unsure = True
            elif bool(value) is ends and not (unsure and ends and not isinstance(value, bool)):
                return value
        return UNKNOWN if unsure else value

    def _compared(self, node: ast.Compare, at: _At, depth: int) -> Known | Unknown:
        left, right = self._value(node.left, at, depth + 1), self._value(node.comparators[0], at, depth + 1)
        operator = node.ops[0]
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            constant, other = (right, node.left) if isinstance(left, Unknown) else (left, node.comparators[0])
            same = None if isinstance(constant, Unknown) else self._kind(constant, other)
            if same is None:
                return UNKNOWN
            return not same if isinstance(operator, (ast.NotEq, ast.NotIn, ast.IsNot)) else same
        if isinstance(operator, (ast.Eq, ast.Is)):
            return left == right
        if isinstance(operator, (ast.NotEq, ast.IsNot)):
            return left != right
        if isinstance(operator, (ast.In, ast.NotIn)) and isinstance(right, (str, tuple)):
            if isinstance(right, str) and not isinstance(left, str):
                return UNKNOWN
            return (left in right) is isinstance(operator, ast.In)
        return UNKNOWN

    def _kind(self, constant: Known, other: ast.AST) -> bool | None:
        """True or False if a text that names a kind of database is compared with the one of the environment."""
        kind = KINDS.get(re.split(r"[+:]", constant)[0].lower()) if isinstance(constant, str) else None
        own = dialect(self.environment)
        if kind is None or not own or not any(OF_DATABASE.search(word) for word in words_in(other)):
            return None
        return kind == own

    def _variable(self, name: str, default: Known | Unknown, at: _At) -> Known | Unknown:
        if name in self.unknown:
            return UNKNOWN
        if name in self.environment:
            return self.environment[name]
        written = self._file(".env").get(name)
        if written is not None:
            return written
        return default if self.complete else UNKNOWN

    def _file(self, name: str) -> Mapping[str, str]:
        from migops.core.errors import MigopsError

        try:
            file = self.files(f"{self.cwd.rstrip('/')}/{name}" if not name.startswith("/") else name)
        except MigopsError:
            return {}
        lines = file.content.decode("utf-8", "replace").splitlines() if file else []
        pairs = (line.removeprefix("export ").partition("=") for line in lines if not line.startswith("#"))
        return {name.strip(): value.strip().strip("'\"") for name, equals, value in pairs if equals}

    def _called(self, node: ast.Call, at: _At, depth: int) -> Known | Unknown:
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        first = node.args[0] if node.args else None
        keywords = {each.arg: each.value for each in node.keywords}
        if (
            isinstance(function, ast.Attribute)
            and not is_environ(function.value)
            and name not in ("getenv", "bool", "str")
        ):
            own = self._value(function.value, at, depth + 1)
            return self._method(own, function, first, at, depth)
        if isinstance(function, ast.Name) and name in ("bool", "str", "int", "strtobool") and first is not None:
            value = self._value(first, at, depth + 1)
            return _converted(name, value)
        if name in _READS and isinstance(first, ast.Constant) and isinstance(first.value, str):
            given = node.args[1] if len(node.args) > 1 else keywords.get("default")
            default = None if given is None and name in ("get", "getenv") else self._value(given, at, depth + 1)
            cast = next((word for word in words_in(keywords["cast"])), "") if "cast" in keywords else name
            return _converted(cast, self._variable(first.value, default, at))
        found = self.modules.resolved(at.module, function)
        if found is not None and isinstance(found.node, FUNCTION):
            return self._value(returned(found.node), _At(found.module, found.node), depth + 1)
        return UNKNOWN

    def _method(
        self, own: Known | Unknown, function: ast.Attribute, first: ast.expr | None, at: _At, depth: int
    ) -> Known | Unknown:
        argument = self._value(first, at, depth + 1) if first is not None else None
        if function.attr == "startswith" and isinstance(own, Unknown):
            kind = None if isinstance(argument, Unknown) else self._kind(argument, function.value)
            return UNKNOWN if kind is None else kind
        if not isinstance(own, str) or isinstance(argument, Unknown):
            return UNKNOWN
        if function.attr in ("lower", "upper", "strip", "casefold"):
            return str(getattr(own, function.attr)())
        if function.attr in ("startswith", "endswith") and isinstance(argument, (str, tuple)):
            return bool(getattr(own, function.attr)(argument))
        return UNKNOWN

    def _attribute(self, node: ast.Attribute, at: _At, depth: int) -> Known | Unknown:
        whole = self.modules.resolved(at.module, node)
        if whole is not None:
            return (
                self._value(whole.node, _At(whole.module), depth + 1) if isinstance(whole.node, ast.expr) else UNKNOWN
            )
        found = self._class_of(node.value, at, depth + 1)
        wanted = field_of(self.modules, found, node.attr) if found else None
        if wanted is None:
            return UNKNOWN
        given = self._of_environment(wanted)
        if given is not None:
            return UNKNOWN if isinstance(given, Unknown) else wanted.converted(given)
        return self._value(wanted.default, _At(wanted.module), depth + 1)

    def _of_environment(self, wanted: Field) -> str | Unknown | None:
        """The value that a settings class takes from the environment or its ``.env``; None if neither sets it."""
        names = {name.lower() for name in wanted.names}
        if not names:
            return None
        if names & {name.lower() for name in self.unknown}:
            return UNKNOWN
        files = [self._file(name) for name in wanted.env_files]
        for values in (self.environment, *files):
            for name, value in values.items():
                if name.lower() in names:
                    return value
        return None if self.complete else UNKNOWN

    def _class_of(self, node: ast.expr, at: _At, depth: int) -> Defined | None:
        """The class of an object: ``Settings()``, ``get_settings()``, a name of one of these, or the class itself."""
        if depth > _DEEPEST:
            return None
        if isinstance(node, ast.Call):
            definition = self.modules.resolved(at.module, node.func)
            if definition is not None and isinstance(definition.node, FUNCTION):
                result = returned(definition.node)
                return (
                    self._class_of(result, _At(definition.module, definition.node), depth + 1)
                    if result is not None
                    else None
                )
        else:
            definition = self.modules.resolved(at.module, node)
            if definition is not None and isinstance(definition.node, ast.expr):
                return self._class_of(definition.node, _At(definition.module), depth + 1)
        return definition if definition is not None and isinstance(definition.node, ast.ClassDef) else None


@dataclass(frozen=True, slots=True)
class _At:
    """The scope of an expression."""

    module: Module
    function: ast.AST | None = None
    main: bool = False


def _converted(kind: str, value: Known | Unknown) -> Known | Unknown:
    if isinstance(value, Unknown):
        return value
    if kind == "strtobool" or (kind == "bool" and isinstance(value, str)):
        return is_true(str(value))
    return value


def _is_assigned_again(found: Defined, name: str) -> bool:
    """True if the module assigns the name more than once, so that its value depends on the way taken."""
    stores = [
        node for node in ast.walk(found.module.tree)
        if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Store)
    ]  # fmt: skip
    return len(stores) > 1
