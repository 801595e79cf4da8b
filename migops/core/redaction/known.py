"""What is known to be secret, and what stands in its place."""

from __future__ import annotations

from dataclasses import dataclass, field

HIDDEN = "***"


@dataclass(frozen=True, slots=True)
class Known:
    """What some source knows: texts that nobody may see, and ``public`` names that are shown anyway."""

    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    public: frozenset[str] = frozenset()
