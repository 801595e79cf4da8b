"""A fault on Alembic's side that can be pointed at: its rule, the file and line, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from migops.core.model import Location


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why Alembic would stop, or would not do what its files say.

    ``rule`` is the rule's id (``MIG302``); ``revisions`` are the ids it is about, where it is about revisions; ``hint``
    is what to do, as a sentence.
    """

    rule: str
    at: Location
    message: str
    revisions: tuple[str, ...] = ()
    hint: str = ""
