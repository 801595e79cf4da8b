"""Paths as a person in the current folder would write them."""

from __future__ import annotations

import os


def near(path: str) -> str:
    """The path relative to the current folder; absolute if it lies outside."""
    here = _here()
    return path.removeprefix(here) if path != here[:-1] else "."


def nearby(sentence: str) -> str:
    """The sentence with every path below the current folder made relative."""
    return sentence.replace(_here(), "")


def _here() -> str:
    return os.getcwd().rstrip("/") + "/"  # noqa: PTH109 - as it is, links unresolved
