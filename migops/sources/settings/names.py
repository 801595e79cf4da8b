"""Names that are bound to what is not evaluated yet."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from migops.sources.settings.values import Scope


@dataclass(frozen=True, slots=True)
class Lazy:
    """An expression that is evaluated when its name is used."""

    node: ast.expr
    scope: Scope


@dataclass(frozen=True, slots=True)
class Imported:
    """An import: the module's dotted name, the name in it ('' for the module itself), and the dots before it."""

    module: str
    name: str
    level: int
