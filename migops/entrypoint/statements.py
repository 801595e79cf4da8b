"""The parts of Python statements: what they evaluate themselves, their blocks, the functions that calls are handed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from migops.entrypoint.expressions import asks_settings
from migops.entrypoint.modules import Module
from migops.entrypoint.program import FUNCTION, words_in

_RUNS = re.compile(
    r"(run|start|spawn|submit|partial|gather|create_task|ensure_future|to_thread|call_soon|wait_for)(_\w+)?|Thread|Process|Timer"
)
_ON_START = re.compile(r"lifespan|startup|cleanup_ctx|before_serving|before_server|post_init|on_start|event_handler")
_KEYWORD = re.compile(r"lifespan|startup|on_start|post_init|target|func")
_LEAVES = frozenset(("exit", "_exit", "abort"))
STOPS = re.compile(r"shutdown|after_serving|stop")
"""Words of what runs at the end."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition above a statement. ``is_flag``: it asks for a setting, not for the state of the database."""

    text: str
    is_flag: bool


NO_CONDITION = Condition("", False)


def conditions_of(node: ast.If, module: Module) -> tuple[Condition, Condition]:
    """The condition of a branch, and its opposite."""
    text = " ".join((ast.get_source_segment("\n".join(module.lines), node.test) or "…").split())
    is_flag = asks_settings(node.test)
    return Condition(f"if {text}", is_flag), Condition(f"if not ({text})", is_flag)


def evaluated(node: ast.AST) -> Iterator[ast.AST]:
    """The expressions that a statement itself evaluates: not those of its inner statements and functions."""
    if isinstance(node, FUNCTION):
        todo: list[ast.AST] = list(node.decorator_list)
    else:
        todo = [node] if isinstance(node, ast.expr) else _parts(node)
    while todo:
        inner = todo.pop()
        yield inner
        if not isinstance(inner, ast.Lambda):
            todo += _parts(inner)


def _parts(node: ast.AST) -> list[ast.AST]:
    return [each for each in ast.iter_child_nodes(node) if not isinstance(each, (ast.stmt, ast.ExceptHandler))]


def blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The blocks of a compound statement."""
    for name in ("body", "orelse", "finalbody"):
        yield getattr(statement, name, [])
    for each in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield each.body


def leaves(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.Return, ast.Raise, ast.Continue, ast.Break)):
        return True
    call = statement.value if isinstance(statement, ast.Expr) else None
    name = getattr(call.func, "attr", getattr(call.func, "id", "")) if isinstance(call, ast.Call) else ""
    return name in _LEAVES


def handed(node: ast.Call) -> Iterator[ast.expr]:
    """The functions that a call is handed in order to run them: ``run(main)``, ``FastAPI(lifespan=f)``."""
    chain = list(words_in(node.func))
    texts = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    last = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    runs = _RUNS.fullmatch(last) is not None or any(_ON_START.search(word) for word in chain)
    for value in node.args if runs and not any(STOPS.search(word) for word in (*chain, *texts)) else ():
        yield from _names(value)
    for keyword in node.keywords:
        if keyword.arg and _KEYWORD.search(keyword.arg) and not STOPS.search(keyword.arg):
            yield from _names(keyword.value)


def _names(value: ast.expr) -> Iterator[ast.expr]:
    items = value.elts if isinstance(value, (ast.List, ast.Tuple)) else [value]
    yield from (each for each in items if isinstance(each, (ast.Name, ast.Attribute)))


def texts_in(node: ast.expr) -> Iterator[str]:
    yield from (each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str))


def text_of(module: Module, node: ast.AST) -> str:
    return "\n".join(module.lines[getattr(node, "lineno", 1) - 1 : getattr(node, "end_lineno", 1)])
