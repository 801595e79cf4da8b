"""Fields of settings classes, read from their text: the variables that they come from, and their defaults."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from migops.entrypoint.modules import Defined, Module, Modules
from migops.entrypoint.program import words_in

_TRUE = frozenset(("1", "true", "on", "yes", "t", "y"))
_DEEPEST = 6  # classes that inherit from one another


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a class. ``names``: the variables that set it, in any case; () if it is not read from any."""

    module: Module
    names: tuple[str, ...]
    default: ast.expr | None
    is_bool: bool
    env_files: tuple[str, ...] = ()

    def converted(self, value: str) -> str | bool:
        """A variable's value as the field has it."""
        return is_true(value) if self.is_bool else value


def is_true(value: str) -> bool:
    """A text as a truth value, as settings libraries read it."""
    return value.strip().lower() in _TRUE


def field_of(modules: Modules, owner: Defined, name: str) -> Field | None:
    """The field ``name`` of a class or of the classes that it inherits from."""
    lineage = list(_lineage(modules, owner, 0))
    reads = any(
        word.endswith("Settings") for owner_class in lineage for base in _bases(owner_class) for word in words_in(base)
    )
    options = [option for owner_class in lineage for option in _options(owner_class)]
    prefix = next((str(value) for key, value in options if key == "env_prefix"), "")
    files = tuple(text for key, value in options if key == "env_file" for text in _texts(value))
    for owner_class in lineage:
        for node in getattr(owner_class.node, "body", []):
            target = (
                node.target
                if isinstance(node, ast.AnnAssign)
                else node.targets[0]
                if isinstance(node, ast.Assign)
                else None
            )
            if isinstance(target, ast.Name) and target.id == name:
                default, aliases = _field_call(node.value)
                is_bool = isinstance(node, ast.AnnAssign) and "bool" in words_in(node.annotation)
                names = (aliases or (f"{prefix}{name}",)) if reads else ()
                return Field(owner_class.module, names, default, is_bool, files if reads else ())
    return None


def _field_call(value: ast.expr | None) -> tuple[ast.expr | None, tuple[str, ...]]:
    """Default and variables of ``Field(False, env="X")``; any other value is the default itself."""
    if not (isinstance(value, ast.Call) and getattr(value.func, "id", getattr(value.func, "attr", "")) == "Field"):
        return value, ()
    named = {each.arg: each.value for each in value.keywords}
    default = value.args[0] if value.args else named.get("default")
    if isinstance(default, ast.Constant) and default.value is ...:
        default = None
    aliases = [word for key in ("env", "alias", "validation_alias") if key in named for word in _constants(named[key])]
    return default, tuple(aliases)


def _lineage(modules: Modules, owner: Defined, depth: int) -> Iterator[Defined]:
    yield owner
    for base in _bases(owner) if depth < _DEEPEST else ():
        parent = modules.resolved(owner.module, base)
        if parent is not None and isinstance(parent.node, ast.ClassDef):
            yield from _lineage(modules, parent, depth + 1)


def _bases(owner: Defined) -> list[ast.expr]:
    return owner.node.bases if isinstance(owner.node, ast.ClassDef) else []


def _options(owner: Defined) -> Iterator[tuple[str, object]]:
    """``env_prefix`` and ``env_file`` of ``model_config`` or of the inner class ``Config``."""
    for node in getattr(owner.node, "body", []):
        if isinstance(node, ast.ClassDef) and node.name == "Config":
            yield from (
                (target.id, _constant(each.value))
                for each in node.body if isinstance(each, ast.Assign)
                for target in each.targets if isinstance(target, ast.Name)
            )  # fmt: skip
        elif isinstance(node, ast.Assign) and "model_config" in words_in(node.targets[0]):
            if isinstance(node.value, ast.Call):
                yield from ((each.arg or "", _constant(each.value)) for each in node.value.keywords)
            elif isinstance(node.value, ast.Dict):
                pairs = zip(node.value.keys, node.value.values, strict=True)
                yield from ((str(getattr(key, "value", "")), _constant(value)) for key, value in pairs)


def _constant(node: ast.expr) -> object:
    if isinstance(node, (ast.Tuple, ast.List)):
        return tuple(_constants(node))
    return getattr(node, "value", "") if isinstance(node, ast.Constant) else ""


def _constants(node: ast.AST) -> Iterator[str]:
    yield from (each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str))


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return tuple(str(each) for each in value)
    return (value,) if isinstance(value, str) and value else ()
