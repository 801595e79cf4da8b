"""One module a format, each with one ``render(report, view) -> str``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migops.core.model import Report
    from migops.output.view import View


def _text(report: Report, view: View) -> str:
    from migops.output import text  # rich is imported only where text is shown

    return text.render(report, view)


def _json(report: Report, view: View) -> str:
    from migops.output import json

    return json.render(report, view)


FORMATS: dict[str, Callable[[Report, View], str]] = {"text": _text, "json": _json}
"""Every format by the name that ``--format`` takes; the first is the default."""
