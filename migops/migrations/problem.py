"""A fault in Alembic's files: its rule, its location, and a hint."""

from __future__ import annotations

from dataclasses import dataclass

from migops.core.model import Location


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why Alembic would stop, or would not do what its files seem to ask for."""

    rule: str  # the rule's id (``MIG302``)
    at: Location
    message: str
    revisions: tuple[str, ...] = ()  # the ids of the revisions concerned
    hint: str = ""  # the fix, as a sentence
    option: str = ""  # the option of Alembic's configuration concerned
