"""What a case is: how it is built, and what migops has to say of it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.cases.shop import Build


@dataclass(frozen=True)
class Case:
    """``number`` as in the collection of real cases, with a letter where a case has several faults.

    ``name`` is the rule or the known failure; ``says`` are texts that its message or its cause has (the direction),
    ``fix`` texts of the fix as it is printed. ``never`` are names that would be wrong here.
    """

    number: str
    build: Build
    name: str
    says: tuple[str, ...]
    fix: tuple[str, ...]
    never: tuple[str, ...] = ()
