"""Values of expressions, as far as the project's text and the service's environment settle them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Known:
    """A constant: text, a number, None, a tuple, or a dict of values. ``used`` are the variables that it is made of."""

    value: Any = field(repr=False)
    used: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A value that the text does not settle, with the reason. ``missing``: a variable that nothing sets."""

    reason: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Library:
    """Something of an installed package, by its dotted name."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """Names and their values. ``parent`` is the enclosing scope; None for a module."""

    file: Path
    names: dict[str, Any] = field(default_factory=dict, repr=False)
    parent: Scope | None = None
    stars: list[Path] = field(default_factory=list)
    """Modules of which all names are imported."""


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """A function of the project; ``owner`` is the instance that it is a method of."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    owner: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Class:
    """A class of the project."""

    node: ast.ClassDef
    scope: Scope


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """An instance of a class of the project. ``given`` are the arguments by name; ``prefix`` that of its variables."""

    of: Class
    given: Mapping[str, Any] = field(default_factory=dict)
    prefix: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """The fields of an instance as a validator gets them (``values``, ``info.data``)."""

    instance: Instance


@dataclass(frozen=True, slots=True)
class EnvReader:
    """An object that is called with the name of a variable: decouple's ``config``, environs' ``env``."""

    prefix: str = ""


@dataclass(frozen=True, slots=True)
class EngineOf:
    """An engine of SQLAlchemy, by its URL."""

    url: Any


@dataclass(frozen=True, slots=True)
class Bound:
    """A method of a value that is not the project's: ``text.replace``."""

    value: Any
    name: str


Value = Known | Unsettled | Library | Function | Class | Instance | Fields | EnvReader | EngineOf | Bound | Scope

NONE = Known(None)
INI = "sqlalchemy.url"
"""In ``used``: Alembic's option, which is no variable."""


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables of the service's containers, and Alembic's options."""

    values: Mapping[str, str] = field(repr=False)
    ini: Callable[[str], str | None] = lambda name: None
    """An option of Alembic's section; None if it is not set."""
    section: str = "alembic"
    unknown: Callable[[str], str] = lambda name: ""
    """The reason why a variable's value is unknown; '' if it is known."""
    service: str = ""
    from_file: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The variables of a ``.env`` file that the containers have, for code that reads it."""
    has_arguments: bool = False
    """True if the service's Alembic is called with ``-x``."""

    def variable(self, name: str, *, any_case: bool = False) -> Known | Unsettled | None:
        """A variable of the containers; None if it is not set. ``any_case``: as pydantic compares names."""
        for values in (self.values, self.from_file):
            names = [name] if name in values else []
            if any_case and not names:
                names = [each for each in values if each.lower() == name.lower()]
            if names:
                return Known(values[names[0]], (names[0],))
        reason = self.unknown(name.upper() if any_case else name)
        return Unsettled(reason) if reason else None


class Evaluates(Protocol):
    """What evaluates expressions."""

    environment: Environment
    overwritten: list[tuple[Value, str, str]]
    """Attributes that env.py sets: of what, the name, and the place."""

    def value(self, node: ast.expr, scope: Scope) -> Value:
        """The value of an expression."""
        ...

    def lookup(self, name: str, scope: Scope) -> Value:
        """The value of a name."""
        ...

    def is_true(self, node: ast.expr, scope: Scope) -> bool | None:
        """The truth of a condition; None if it is not settled."""
        ...

    def find_module(self, file: Path, dotted: str, level: int) -> Path | None:
        """The project's file of a module that ``file`` imports."""
        ...

    def attribute(self, value: Value, name: str) -> Value:
        """``value.NAME``."""
        ...

    def call(self, function: Function, given: Mapping[str, Any]) -> Value:
        """The result of calling a function of the project with arguments by name."""
        ...


def text_of(value: Any) -> str | None:
    """A constant as ``str()`` shows it; None if it is no constant."""
    if isinstance(value, Known) and isinstance(value.value, (str, int, float)) and not isinstance(value.value, bool):
        return str(value.value)
    return None


def used_by(*values: Any) -> tuple[str, ...]:
    """The variables that these values are made of."""
    return tuple(dict.fromkeys(name for each in values if isinstance(each, Known) for name in each.used))


def first_unsettled(*values: Any) -> Unsettled | None:
    """The first value that is not a constant, as a reason."""
    for each in values:
        if isinstance(each, Unsettled):
            return each
        if isinstance(each, Library):
            return Unsettled(f"it depends on {each.name}, which is not the project's")
        if not isinstance(each, Known):
            return Unsettled("it is computed")
    return None


def truth(value: Any) -> bool | None:
    """True or False if the value settles it; None if not."""
    if isinstance(value, Known):
        return bool(value.value)
    return None if isinstance(value, (Unsettled, Library)) else True


def where(node: ast.AST, scope: Scope) -> str:
    """The place of an expression, for reasons."""
    return f"{scope.file.name}:{getattr(node, 'lineno', 0)}"
