"""The options of Alembic's configuration that are read when env.py runs: by Alembic itself, and by env.py's text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from migops.migrations.env_script import called, parsed

BY_ALEMBIC = frozenset(
    (
        *("script_location", "version_locations", "version_path_separator", "path_separator", "prepend_sys_path"),
        *("file_template", "timezone", "truncate_slug_length", "sourceless", "output_encoding"),
        *("recursive_version_locations", "revision_environment"),
    )
)
"""The options that Alembic reads one by one, whatever env.py does."""
_SECTION = ("get_section",)
_OPTION = ("get_main_option", "get_section_option", "get_alembic_option")
_SETS = ("set_main_option", "set_section_option")
_WHOLE = ("file_config",)


@dataclass(frozen=True, slots=True)
class OptionUse:
    """The options of the ini file that env.py reads.

    ``named``: one by one; ``all``: a whole section at once, which needs every option to be readable. ``replaced`` are
    set before they are read. ``settled`` is False if env.py hands the configuration to code that was not read.
    """

    named: frozenset[str]
    all: bool
    replaced: frozenset[str]
    settled: bool = True

    def reads(self, option: str) -> bool:
        """True if the value in the file is read, so that Alembic fails if it cannot be interpolated."""
        if option in BY_ALEMBIC:
            return True
        return option not in self.replaced and (self.all or option in self.named)


def option_use(source: str) -> OptionUse:
    """Read the text of an env.py. Text that is not valid Python reads nothing."""
    tree = parsed(source)
    reads = list(_calls(tree, (*_SECTION, *_OPTION)))
    sets = [(name, scope, node) for name, scope, node in _named(_calls(tree, _SETS))]
    named = frozenset(name for name, _, _ in _named((scope, node) for scope, node in reads if called(node) in _OPTION))
    whole = any(called(node) in _SECTION and not _is_of_another(node) for _, node in reads)
    whole = whole or any(isinstance(node, ast.Attribute) and node.attr in _WHOLE for node in ast.walk(tree))
    replaced = frozenset(name for name, scope, node in sets if not _is_read_before(name, scope, node, reads))
    return OptionUse(named, whole, replaced, not _hands_out(tree))


def _calls(tree: ast.Module, names: tuple[str, ...]) -> Iterator[tuple[ast.AST, ast.Call]]:
    """The calls of these names, each with the function (or the module) that it is in."""
    todo: list[tuple[ast.AST, ast.AST]] = [(tree, tree)]
    while todo:
        scope, node = todo.pop()
        if isinstance(node, ast.Call) and called(node) in names:
            yield scope, node
        inner = node if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else scope
        todo += [(inner, child) for child in ast.iter_child_nodes(node)]


def _named(calls: Iterator[tuple[ast.AST, ast.Call]]) -> Iterator[tuple[str, ast.AST, ast.Call]]:
    """The calls whose option is written as text: option, scope, call. ``…_section_option`` has it second."""
    for scope, node in calls:
        at = 1 if called(node).endswith("section_option") else 0
        option = (
            node.args[at]
            if len(node.args) > at
            else next((each.value for each in node.keywords if each.arg == "name"), None)
        )
        if isinstance(option, ast.Constant) and isinstance(option.value, str):
            yield option.value.lower(), scope, node


def _is_read_before(name: str, scope: ast.AST, node: ast.Call, reads: list[tuple[ast.AST, ast.Call]]) -> bool:
    """True if the option is read before the call that sets it: earlier in the scope, or before any function runs."""
    for where, read in reads:
        concerns = called(read) in _SECTION or name in {option for option, _, _ in _named(iter([(where, read)]))}
        if concerns and where is scope and read.lineno < node.lineno and not _contains(node, read):
            return True
        if concerns and isinstance(where, ast.Module) and where is not scope and read.lineno < node.lineno:
            return True
    return any(_contains(node, read) for where, read in reads if called(read) in _OPTION)


def _contains(node: ast.AST, inner: ast.AST) -> bool:
    return any(each is inner for each in ast.walk(node))


def _is_of_another(node: ast.Call) -> bool:
    """True if a section that is written as text is asked for: not Alembic's own, which has another name by -n."""
    first = node.args[0] if node.args else None
    return isinstance(first, ast.Constant) and first.value not in ("alembic", None)


def _hands_out(tree: ast.Module) -> bool:
    """True if env.py gives the configuration itself to a function."""
    own = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) not in own | {"print", "getattr", "hasattr", "isinstance"}:
            values = (*node.args, *(each.value for each in node.keywords))
            if any(_is_config(each) for each in values):
                return True
    return False


def _is_config(node: ast.AST) -> bool:
    of_context = (
        isinstance(node, ast.Attribute) and node.attr == "config" and getattr(node.value, "id", "") == "context"
    )
    return of_context or (isinstance(node, ast.Name) and node.id == "config")
