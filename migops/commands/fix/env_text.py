"""Edits of env.py's text: the lines that read the database URL from the environment, and a doubled ``%``.

Only shapes like those of Alembic's own templates are edited. Each function returns the new text, or ``Unedited`` with
the reason. Positions of Python's parser count bytes of UTF-8, so the text is handled as such.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from migops.migrations.env_options import option_use
from migops.migrations.env_script import called, parsed, undoubled
from migops.migrations.env_url import url_source

_OPTION = "sqlalchemy.url"
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Unedited:
    """The reason why the text is not edited."""

    reason: str


def read_url_from(source: bytes, variable: str, drivers: tuple[str, str] = ("", "")) -> bytes | Unedited:
    """Set the URL from an environment variable, right after ``config = context.config``.

    ``drivers``: the variable's scheme and the one that env.py needs, if they differ.
    """
    tree = _tree(source)
    if tree is None:
        return Unedited("env.py is not plain UTF-8 Python")
    text = source.decode("utf-8-sig")
    if not _needs_ini(text):
        return Unedited("env.py does not create its engine from the ini file alone")
    if reason := _other_shape(tree):
        return Unedited(reason)
    lines = source.splitlines(keepends=True)
    statement = _config(tree)
    if statement is None or not _is_alone(lines, statement):
        return Unedited("env.py has no line `config = context.config` of its own")
    end = _line_end(source)
    swap = f'.replace("{drivers[0]}://", "{drivers[1]}://", 1)' if drivers[0] != drivers[1] else ""
    call = f'config.set_main_option("{_OPTION}", os.environ["{variable}"]{swap}.replace("%", "%%"))'
    after = statement.end_lineno or statement.lineno
    lines[after - 1] = lines[after - 1].rstrip(b"\r\n") + end
    lines.insert(after, call.encode() + end)
    if not _imports_os(tree):
        at = _place_of_import(tree, lines)
        if at is None:
            return Unedited("env.py has no import line beside which `import os` could stand")
        lines.insert(at, (_BOM if at == 0 and source.startswith(_BOM) else b"") + b"import os" + end)
        if at == 0 and source.startswith(_BOM):
            lines[1] = lines[1].removeprefix(_BOM)
    return _checked(b"".join(lines), variable)


def _needs_ini(text: str) -> bool:
    """True if the URL comes from the ini file alone: by its section, or by ``get_main_option``."""
    source, use = url_source(text), option_use(text)
    by_name = use.settled and use.reads(_OPTION) and not re.search(r"\benviron\b|\bgetenv\b", text)
    return source.needs_ini or (source.settled and not source.set_at and by_name)


def _checked(edited: bytes, variable: str) -> bytes | Unedited:
    """The edited text, if it compiles and migops's own reader finds the URL where it now is."""
    now = url_source(edited.decode("utf-8-sig"))
    if _tree(edited) is None or not now.set_at or now.variables != (variable,) or now.needs_ini:
        return Unedited("migops does not find the URL in the edited env.py")
    return edited


def double_percents(source: bytes, line: int) -> bytes | Unedited:
    """Double the ``%`` of the URL that the call of ``set_main_option`` at ``line`` passes."""
    tree = _tree(source)
    calls = [
        node for node in ast.walk(tree or ast.Module([], []))
        if isinstance(node, ast.Call) and called(node) in ("set_main_option", "set_section_option")
        and node.lineno == line and not node.keywords and len(node.args) > 1
    ]  # fmt: skip
    if len(calls) != 1:
        return Unedited("the call is not one that migops can edit")
    value = calls[0].args[-1]
    if isinstance(value, ast.Starred) or value.end_lineno is None or value.end_col_offset is None:
        return Unedited("the call is not one that migops can edit")
    lines = source.splitlines(keepends=True)
    offset = len(_BOM) if source.startswith(_BOM) else 0
    begin = (value.lineno - 1, value.col_offset + (offset if value.lineno == 1 else 0))
    finish = (value.end_lineno - 1, value.end_col_offset + (offset if value.end_lineno == 1 else 0))
    is_primary = isinstance(value, (ast.Name, ast.Attribute, ast.Call, ast.Subscript))
    opening, closing = (b"", b"") if is_primary else (b"(", b")")
    lines[finish[0]] = _inserted(lines[finish[0]], finish[1], closing + b'.replace("%", "%%")')
    lines[begin[0]] = _inserted(lines[begin[0]], begin[1], opening)
    edited = b"".join(lines)
    if _tree(edited) is None or any(at == line for at, _ in undoubled(edited.decode("utf-8-sig"))):
        return Unedited("migops does not find the doubled % in the edited env.py")
    return edited


def sets_url(source: str) -> Iterator[tuple[ast.Call, bool]]:
    """The calls at the top of the module that set the URL in Alembic's configuration, and whether a condition is
    before them (``if url:``)."""
    for statement in parsed(source).body:
        inner = statement.body if isinstance(statement, ast.If) and not statement.orelse else [statement]
        for each in inner:
            call = each.value if isinstance(each, ast.Expr) else None
            if isinstance(call, ast.Call) and called(call) == "set_main_option" and _sets_option(call):
                yield call, each is not statement


def _sets_option(call: ast.Call) -> bool:
    first = call.args[0] if call.args else None
    return isinstance(first, ast.Constant) and first.value == _OPTION


def _tree(source: bytes) -> ast.Module | None:
    """The module's tree; None if the text is not UTF-8, or does not compile."""
    if re.search(rb"\r(?!\n)|\x0c", source):
        return None  # what is a line there is not the same for everybody
    try:
        text = source.decode("utf-8-sig")
        compile(text, "env.py", "exec", dont_inherit=True)
    except (ValueError, SyntaxError):
        return None
    tree = parsed(text)
    return tree if tree.body else None


def _other_shape(tree: ast.Module) -> str:
    """What makes env.py unlike the templates with one database; '' if nothing does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called(node) == "get_section":
            first = node.args[0] if node.args else None
            if not (isinstance(first, ast.Attribute) and first.attr == "config_ini_section"):
                return "env.py reads other sections of the ini file as well"
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.name == "os":
            return "env.py gives another meaning to the name os"
        if isinstance(node, ast.Name) and node.id == "os" and isinstance(node.ctx, ast.Store):
            return "env.py gives another meaning to the name os"
        if isinstance(node, (ast.Import, ast.ImportFrom)) and any(_is_other_os(node, each) for each in node.names):
            return "env.py gives another meaning to the name os"
    return ""


def _is_other_os(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> bool:
    if (alias.asname or alias.name) != "os":
        return False
    return isinstance(node, ast.ImportFrom) or alias.name != "os"


def _config(tree: ast.Module) -> ast.stmt | None:
    """The one statement ``config = context.config`` at the top of the module."""
    found = [
        node for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == "config" and isinstance(node.ctx, ast.Store)
    ]  # fmt: skip
    statements = [each for each in tree.body if _is_config(each)]
    return statements[0] if len(statements) == len(found) == 1 else None


def _is_config(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target: ast.expr = statement.targets[0]
    elif isinstance(statement, ast.AnnAssign):
        target = statement.target
    else:
        return False
    value = statement.value
    if not (isinstance(value, ast.Attribute) and isinstance(value.value, ast.Name) and isinstance(target, ast.Name)):
        return False
    return (target.id, value.value.id, value.attr) == ("config", "context", "config")


def _is_alone(lines: list[bytes], statement: ast.stmt) -> bool:
    """True if the statement's last line has nothing else than a comment after it."""
    line = lines[(statement.end_lineno or statement.lineno) - 1]
    rest = line[statement.end_col_offset or 0 :].strip()
    return statement.col_offset == 0 and (not rest or rest.startswith(b"#"))


def _imports_os(tree: ast.Module) -> bool:
    """True if the module imports ``os`` before its configuration is there."""
    config = _config(tree)
    return config is not None and any(
        isinstance(each, ast.Import) and each.lineno < config.lineno
        and any((alias.asname or alias.name) == "os" for alias in each.names)
        for each in tree.body
    )  # fmt: skip


def _place_of_import(tree: ast.Module, lines: list[bytes]) -> int | None:
    """The index of the line before which ``import os`` stands in order, beside the first imports; None if unclear."""
    imports = [
        each for each in tree.body
        if isinstance(each, (ast.Import, ast.ImportFrom)) and getattr(each, "module", "") != "__future__"
    ]  # fmt: skip
    if not imports or any(b";" in lines[each.lineno - 1].split(b"#")[0] for each in imports):
        return None
    at = imports[0].lineno - 1
    for each in imports:
        if not isinstance(each, ast.Import) or each.names[0].name > "os" or each.lineno - 1 != at:
            break
        at = each.end_lineno or each.lineno
    return at


def _inserted(line: bytes, at: int, text: bytes) -> bytes:
    return line[:at] + text + line[at:]


def _line_end(source: bytes) -> bytes:
    return b"\r\n" if b"\r\n" in source else b"\n"
