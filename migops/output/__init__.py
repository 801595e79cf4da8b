"""Every answer of a command in every format: the registry, and ``render``, the only way to a renderer.

A format is one of two kinds. A *serialiser* (json) writes any answer's document, plain values that
``<answer>_document.py`` makes: one function serves all commands, so a new format of this kind is one module and one
line in ``FORMATS``. A *drawn* format (text, mermaid) needs a renderer for each answer, ``<answer>_<format>.py``. A new
answer is its modules and one line in ``ANSWERS``. docs/adding.md has both recipes.

The modules are named answer first, so that the formats of an answer lie side by side. The registry holds names instead
of functions: rich and yaml are imported by the first call that needs them. It is in ``__init__``, and the modules lie
flat, because each further module or package adds to the start-up time of every run.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from migops.core.errors import MigopsError

DOCUMENT = "document"

FORMATS: Mapping[str, str | None] = {
    "text": None,
    "json": "json:render",
    "yaml": None,
    "mermaid": None,
}
"""Every format → its serialiser, ``(document, answer) -> str``; None for a drawn format.

The order is that of ``--format``'s choices; the first that an answer has is its default.
"""

_REPORT = {"text": "report_text:render", DOCUMENT: "report_document:document"}

ANSWERS: Mapping[str, Mapping[str, str]] = {
    "check-image": _REPORT,
    "doctor": {"text": "doctor_text:render", DOCUMENT: "doctor_document:document"},
    "doctor --fix": {"text": "fix_text:end", DOCUMENT: "fix_document:document"},
    "doctor --fix plan": {"text": "fix_text:plan", DOCUMENT: "fix_document:plan"},
    "doctor --undo": {"text": "fix_text:undone", DOCUMENT: "fix_document:undone"},
    "status": {
        "text": "status_text:render", DOCUMENT: "status_document:document", "mermaid": "status_mermaid:render",
    },
    "graph": {"text": "graph_text:render", DOCUMENT: "graph_document:document", "mermaid": "graph_mermaid:render"},
    "layers": {"text": "layers_text:render", DOCUMENT: "layers_document:document"},
    "config": {"json": "config_model:as_json", "yaml": "config_model:as_yaml", DOCUMENT: "config_model:document"},
    "config --explain": {"text": "config_text:explanation"},
    "config --verify": {"text": "config_text:differences"},
    "config --services": {"text": "config_text:services"},
    "config --images": {"text": "config_text:images"},
    "config --volumes": {"text": "config_text:volumes"},
    "rescue": {"text": "rescue_text:render", DOCUMENT: "rescue_document:document"},
    "rebuild-and-migrate": {"text": "deploy_text:end", DOCUMENT: "deploy_document:end"},
    "rebuild-and-migrate --dry-run": {"text": "deploy_text:plan", DOCUMENT: "deploy_document:plan"},
    "backup": {"text": "backup_text:render", DOCUMENT: "backup_document:document"},
    "backup --list": {"text": "backup_text:listing", DOCUMENT: "backup_document:listing"},
    "restore": {"text": "restore_text:done", DOCUMENT: "restore_document:document"},
    "restore --dry-run": {"text": "restore_text:plan", DOCUMENT: "restore_document:document"},
    "reset": {"text": "reset_text:end", DOCUMENT: "reset_document:end"},
    "reset --dry-run": {"text": "reset_text:plan", DOCUMENT: "reset_document:plan"},
    "adopt": {"text": "adopt_text:render", DOCUMENT: "adopt_document:document"},
    "log": {"text": "log_text:listing", DOCUMENT: "log_document:document"},
    "log RUN": {"text": "log_text:one", DOCUMENT: "log_document:document"},
    "version": {"text": "version_text:render", DOCUMENT: "version_document:document"},
    "explain": {"text": "explain_text:listing"},
    "explain failures": {"text": "explain_text:failures"},
    "explain RULE": {"text": "explain_text:one"},
    "explain FAILURE": {"text": "explain_text:failure"},
}  # fmt: skip
"""Answer (a command, with the argument that gives it another result) → format → ``module:function`` in this room.

A renderer is ``(result, view) -> str``; under ``DOCUMENT``, ``(result) -> plain values``, which every serialiser takes.
An answer's own renderer takes precedence over the serialiser of that format.
"""


@dataclass(frozen=True, slots=True)
class View:
    """The layout: ``width`` in columns, ``color`` for a terminal, ``verbose`` or ``quiet`` for more or less."""

    width: int = 80
    color: bool = False
    verbose: bool = False
    quiet: bool = False


def formats(answer: str) -> tuple[str, ...]:
    """The formats of an answer, in the order of ``FORMATS``; the first is the default."""
    own = ANSWERS[answer]
    return tuple(name for name, serialiser in FORMATS.items() if name in own or (serialiser and DOCUMENT in own))


def render(answer: str, result: object, view: View, format_: str | None = None) -> str:
    """The result in a format of its answer (None: the default), as text that ends in a newline, or ''."""
    name = format_ or formats(answer)[0]
    own = ANSWERS[answer]
    if name in own:
        return str(_function(own[name])(result, view))
    return str(_function(_serialiser(name))(_function(own[DOCUMENT])(result), answer))


def documents_together(answer: str, results: Sequence[tuple[str, object]], format_: str) -> str:
    """One document of several results of an answer, each with its name; see ``sections_document``."""
    documents = [(name, _function(ANSWERS[answer][DOCUMENT])(result)) for name, result in results]
    return str(_function(_serialiser(format_))(_function("sections_document:document")(documents), answer))


def render_failure(command: str, error: MigopsError, format_: str) -> str | None:
    """The document of an error, which a command writes instead of its own; None in a drawn format."""
    if not is_document(format_):
        return None
    return str(_function(_serialiser(format_))(_function("error_document:document")(command, error), command))


def is_document(format_: str) -> bool:
    """Whether programs read this format: standard output then holds one document and nothing else."""
    return bool(FORMATS[format_])


def modules(answer: str, format_: str) -> tuple[str, ...]:
    """The modules that ``render`` imports, for an import ahead of time."""
    own = ANSWERS[answer]
    names = (own[format_],) if format_ in own else (own[DOCUMENT], _serialiser(format_))
    return tuple(f"{__name__}.{name.partition(':')[0]}" for name in names)


def _serialiser(format_: str) -> str:
    name = FORMATS[format_]
    if name is None:
        raise KeyError(format_)
    return name


def _function(name: str) -> Any:
    module, _, function = name.partition(":")
    return getattr(importlib.import_module(f"{__name__}.{module}"), function)
