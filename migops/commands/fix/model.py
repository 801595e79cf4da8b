"""An edit that removes a finding, and the reason why there is none. Frozen values only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from migops.analysis.evidence import Evidence
from migops.core.model import Finding


@dataclass(frozen=True, slots=True)
class FileEdit:
    """One file before and after. All edits of a run start from the same ``before``; those of one file are merged."""

    path: Path
    """On the host."""
    before: bytes | None
    """None: the file is created."""
    after: bytes | None
    """None: the file is deleted."""
    mode: int | None = None
    """The new permission bits; None to keep them."""


@dataclass(frozen=True, slots=True)
class Fix:
    """The edits that remove one finding."""

    rule: str
    """The rule's ID."""
    title: str
    """What the edits do, in one line."""
    edits: tuple[FileEdit, ...]
    by_name_only: bool = False
    """Only with ``--fix RULE``, after a question of its own."""
    needs_start: bool = True
    """The application must start in a sandbox project afterwards."""
    note: str = ""
    """What is left to do by hand afterwards; empty if nothing is."""


@dataclass(frozen=True, slots=True)
class NotFixed:
    """A finding that migops does not edit; its remedy is printed with the reason."""

    rule: str
    reason: str


Fixer = Callable[[Evidence, Finding], "Fix | NotFixed"]
