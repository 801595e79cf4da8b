"""The database URL that Alembic ends with: the one that env.py passes to an engine, or sets as ``sqlalchemy.url``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from migops.migrations.env_script import called
from migops.sources.settings.evaluate import Evaluator
from migops.sources.settings.values import (
    INI,
    EngineOf,
    Known,
    Library,
    Scope,
    Unsettled,
    Value,
    first_unsettled,
    text_of,
    used_by,
)

_OPTION = "sqlalchemy.url"
_DRIVER = re.compile(r"^\w+(\+\w+)?(?=://)")
_FROM_CONFIG = ("engine_from_config", "async_engine_from_config")
_CREATE = ("create_engine", "create_async_engine")
_OPENS = ("connect", "begin")


@dataclass(frozen=True, slots=True)
class Url:
    """The URL, the line of env.py that sets it, and the variables that it is made of."""

    text: str = field(repr=False)
    line: int
    used: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FromIni:
    """env.py takes the URL from Alembic's configuration."""


@dataclass(frozen=True, slots=True)
class NotSettled:
    """The text does not settle the URL. ``line`` is the line of env.py, 0 if nothing sets a URL there."""

    reason: str
    line: int = 0
    missing: str = ""
    """A variable that env.py needs and nothing sets."""


@dataclass(frozen=True, slots=True)
class _Sink:
    """A place where env.py passes a URL on. ``is_option``: as ``sqlalchemy.url``, else to an engine."""

    line: int
    value: Value
    is_option: bool
    maybe: bool = False
    """True if it is under a condition that is not settled."""


@dataclass(slots=True)
class _Search:
    """Looks for the sinks of env.py."""

    code: Evaluator
    sinks: list[_Sink] = field(default_factory=list)
    reads_ini: bool = False
    unread: int = 0
    """The line of an engine whose options are computed."""

    def body(self, nodes: Sequence[ast.stmt], scope: Scope, maybe: bool = False) -> None:
        for node in nodes:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                if "offline" not in node.name:
                    self.body(node.body, self._inner(node, scope), maybe)
            elif isinstance(node, ast.If):
                settled = self.code.is_true(node.test, scope)
                for branch, counts in ((node.body, settled is not False), (node.orelse, settled is not True)):
                    if counts:
                        self.body(branch, scope, maybe or settled is None)
                self._expressions([node.test], scope, maybe)
            elif isinstance(node, (ast.With, ast.AsyncWith)):
                self._expressions([each.context_expr for each in node.items], scope, maybe)
                self.body(node.body, scope, maybe)
            elif isinstance(node, ast.Try):
                self.body([*node.body, *node.orelse, *node.finalbody], scope, maybe)
            elif isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
                self.body(node.body, scope, True)
            elif not isinstance(node, ast.ClassDef):
                self._expressions([node], scope, maybe)

    def _inner(self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> Scope:
        names = {each.arg: Unsettled(f"the argument {each.arg} is not known") for each in node.args.args}
        inner = Scope(scope.file, dict(names), scope)
        self.code.run([each for each in node.body if not isinstance(each, ast.Return)], inner)
        return inner

    def _expressions(self, nodes: Sequence[ast.AST], scope: Scope, maybe: bool) -> None:
        for node in nodes:
            for each in ast.walk(node):
                for line, given, is_option in self._given(each, scope):
                    self.sinks.append(_Sink(line, self.code.value(given, scope), is_option, maybe))

    def _given(self, node: ast.AST, scope: Scope) -> Iterator[tuple[int, ast.expr, bool]]:
        """The expressions of URLs in one node, with line."""
        if isinstance(node, ast.Assign):
            if any(isinstance(target, ast.Subscript) and _is_option(target.slice) for target in node.targets):
                yield node.lineno, node.value, True
        elif isinstance(node, ast.Dict):
            yield from ((node.lineno, item, True) for key, item in zip(node.keys, node.values, strict=True)
                        if key is not None and _is_option(key))  # fmt: skip
        elif isinstance(node, ast.Call):
            yield from self._of_call(node, scope)

    def _of_call(self, node: ast.Call, scope: Scope) -> Iterator[tuple[int, ast.expr, bool]]:
        name = called(node)
        if name in ("set_main_option", "set_section_option") and any(_is_option(each) for each in node.args):
            yield node.lineno, node.args[-1], True
        elif name in _CREATE:
            given = (
                node.args[0] if node.args else next((each.value for each in node.keywords if each.arg == "url"), None)
            )
            if given is not None:
                yield node.lineno, given, False
        elif name in _FROM_CONFIG:
            yield from self._from_options(node, scope)
        elif name in _OPENS and isinstance(node.func, ast.Attribute):
            engine = self.code.value(node.func.value, scope)
            if isinstance(engine, EngineOf) and not self._is_created_here(node.func.value, scope):
                yield node.lineno, node.func.value, False

    def _from_options(self, node: ast.Call, scope: Scope) -> Iterator[tuple[int, ast.expr, bool]]:
        """The URL of ``engine_from_config``: an argument of its own, a key of a dict, or Alembic's section."""
        urls = [each.value for each in node.keywords if each.arg == "url"]
        yield from ((node.lineno, each, False) for each in urls)
        if urls or not node.args:
            return
        options = node.args[0]
        keys = list(zip(options.keys, options.values, strict=True)) if isinstance(options, ast.Dict) else []
        own = [item for key, item in keys if isinstance(key, ast.Constant) and key.value in ("url", _OPTION)]
        yield from ((node.lineno, each, False) for each in own)
        value = self.code.value(options, scope)
        self.reads_ini |= isinstance(value, Library)
        if isinstance(value, Known) and isinstance(value.value, dict) and not own:
            url = value.value.get(_OPTION, value.value.get("url"))
            if url is not None:
                self.sinks.append(_Sink(node.lineno, url, is_option=False))
        elif not isinstance(value, Library) and not own:
            self.unread = node.lineno

    def _is_created_here(self, node: ast.expr, scope: Scope) -> bool:
        """True for an engine that a call in env.py itself creates, which is a sink already."""
        tree = self.code.code.tree(scope.file)
        return isinstance(node, ast.Name) and any(
            isinstance(each, ast.Assign)
            and any(isinstance(target, ast.Name) and target.id == node.id for target in each.targets)
            and isinstance(each.value, ast.Call)
            and called(each.value) in (*_CREATE, *_FROM_CONFIG)
            for each in ast.walk(tree)
        )


def url_of(code: Evaluator, module: Scope, tree: ast.Module) -> Url | FromIni | NotSettled:
    """The URL that the module ``tree`` (an env.py) ends with."""
    search = _Search(code)
    search.body(tree.body, module)
    written = code.environment.ini(INI)
    engines = [each for each in search.sinks if not each.is_option and not _is_of_ini(each.value, written)]
    search.reads_ini |= any(_is_of_ini(each.value, written) for each in search.sinks if not each.is_option)
    options = [each for each in search.sinks if each.is_option]
    if engines and all(each.maybe for each in engines) and (search.reads_ini or options):
        line = engines[-1].line
        return NotSettled(f"env.py:{line} creates an engine under a condition that the text does not settle", line)
    if engines:
        return _agreed(engines)
    if options:
        certain = max((number for number, each in enumerate(options) if not each.maybe), default=-1)
        if certain < 0 and search.reads_ini:
            line = options[-1].line
            return NotSettled(f"env.py:{line} sets the URL under a condition that the text does not settle", line)
        settled = _agreed(options[max(certain, 0) :])  # the last one that certainly counts, and those that may follow
        return Url(settled.text.replace("%%", "%"), settled.line, settled.used) if isinstance(settled, Url) else settled
    if search.unread:
        return NotSettled(f"env.py:{search.unread} creates an engine from options that are computed", search.unread)
    return FromIni() if search.reads_ini else NotSettled("env.py creates no engine that migops can follow")


def _agreed(sinks: Sequence[_Sink]) -> Url | NotSettled:
    """The URL if all sinks have the same."""
    urls: dict[str, Url] = {}
    for sink in sinks:
        value = sink.value.url if isinstance(sink.value, EngineOf) else sink.value
        text = text_of(value)
        if text is None:
            why = first_unsettled(value) or Unsettled("the URL is None")
            return NotSettled(why.reason, sink.line, why.missing)
        urls.setdefault(text, Url(text, sink.line, used_by(value)))
    if len(urls) > 1:
        lines = ", ".join(str(each.line) for each in urls.values())
        return NotSettled(f"env.py connects to several databases (lines {lines})", next(iter(urls.values())).line)
    return next(iter(urls.values()))


def _is_option(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == _OPTION


def _is_of_ini(value: Value, written: str | None) -> bool:
    """True for the URL of Alembic's configuration, as it is ``written``; its driver may be another."""
    inner = value.url if isinstance(value, EngineOf) else value
    if not isinstance(inner, Known) or inner.used != (INI,):
        return False
    return inner.value is None or _DRIVER.sub("", str(inner.value)) == _DRIVER.sub("", written or "")
