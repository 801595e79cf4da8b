"""The shape of the source: no import circle, few rooms, the field's names, short lives for the shortest names."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import migops

SOURCE = Path(migops.__file__).parent
MOST_AT_THE_TOP = 22
LONGEST_LIFE = 5  # lines
INNER = (ast.FunctionDef, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
SHORT_NAMES = frozenset(("found", "each", "said"))
OLD_NAMES = frozenset(
    (
        "fate", "fates", "Fate", "FateKind", "Standing", "standing", "Facts", "gather", "ground", "taken", "Scene",
        "scene", "telling", "holding", "Hold", "Judge", "judging", "Course", "foresee", "Outlook", "Where", "landing",
        "Landed", "leftovers", "leftover", "orphans", "unfinished", "Wishes", "wishes", "Say", "Seeds", "gifts",
        "way_back", "strangers", "logbook", "Book", "Quarry", "Hunter", "ruin", "NoVerdict", "Operator", "precious",
        "trapped", "beyond", "Hit", "Blind", "ways_on", "by_hand", "Past",
    )
)  # fmt: skip
"""Names of our own that the field does not know; what is written in their place is in docs/glossary.md."""


def sources() -> Iterator[Path]:
    yield from sorted(SOURCE.rglob("*.py"))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def module_of(path: Path) -> str:
    parts = ("migops", *path.relative_to(SOURCE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports() -> dict[str, set[str]]:
    """What each module imports when it runs, also late, inside a function; not what only a type checker reads."""
    paths = {module_of(path): path for path in sources()}
    graph: dict[str, set[str]] = {}
    for module, path in paths.items():
        tree = parsed(path)
        typed = {
            id(node) for block in ast.walk(tree)
            if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
            for node in ast.walk(block)
        }  # fmt: skip
        graph[module] = {
            full if (full := f"{node.module}.{alias.name}") in paths else str(node.module)
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("migops") and id(node) not in typed
            for alias in node.names
        }
    return graph


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """The modules that lead back to themselves, in groups."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            for following in graph.get(todo.pop(), ()):
                if following not in seen:
                    seen.add(following)
                    todo.append(following)
        return seen

    reach = {module: reached(module) for module in graph}
    groups = {
        tuple(sorted(other for other in reach[module] if module in reach.get(other, ())))
        for module in graph if module in reach[module]
    }  # fmt: skip
    return [list(group) for group in sorted(groups)]


def lives(tree: ast.AST) -> Iterator[tuple[str, int, int]]:
    """The variables of each function by name, with the lines from the first to the last that names them."""
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner = {
                id(node) for part in ast.walk(function)
                if part is not function
                and isinstance(part, INNER)
                for node in ast.walk(part)
            }  # fmt: skip
            spans: dict[str, list[int]] = {}
            for node in ast.walk(function):
                if isinstance(node, ast.Name) and id(node) not in inner:
                    spans.setdefault(node.id, []).append(node.lineno)
            for argument in ast.walk(function.args):
                if isinstance(argument, ast.arg):
                    spans.setdefault(argument.arg, []).append(argument.lineno)
            for name, lines in spans.items():
                yield name, min(lines), max(lines)


def long_lived(path: Path) -> list[str]:
    return [
        f"{path.relative_to(SOURCE)}:{first}: {name} lives for {last - first} lines"
        for name, first, last in lives(parsed(path))
        if name in SHORT_NAMES and last - first > LONGEST_LIFE
    ]


def old_names(path: Path) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(path.read_text()).readline)
    return [
        f"{path.relative_to(SOURCE)}:{token.start[0]}: {token.string}"
        for token in tokens if token.type == tokenize.NAME and token.string in OLD_NAMES
    ]  # fmt: skip


def test_no_import_leads_back() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b", "c"]]
    assert circles(imports()) == []


def test_few_names_at_the_top() -> None:
    names = [path.name for path in SOURCE.iterdir() if path.name != "__pycache__"]
    assert len(names) <= MOST_AT_THE_TOP, names


def test_the_shortest_names_live_short() -> None:
    assert [line for path in sources() for line in long_lived(path)] == []


def test_names_are_the_fields() -> None:
    assert [line for path in sources() for line in old_names(path)] == []
