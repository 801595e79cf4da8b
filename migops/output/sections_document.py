"""Several histories of one configuration as one document: that of the first, with what concerns all.

A program that knows one history reads the verdict and the findings of all; ``sections`` has each history's document.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_WORST = ("unknown", "findings", "clean")


def document(documents: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """The documents of the sections, by name, in one."""
    verdicts = {each["verdict"] for _, each in documents}
    return {
        **documents[0][1],
        "verdict": next(verdict for verdict in _WORST if verdict in verdicts),
        "findings": [finding for _, each in documents for finding in each["findings"]],
        "missing": [f"section {name}: {reason}" for name, each in documents for reason in each["missing"]],
        "sections": [{"section": name, **each} for name, each in documents],
    }
