"""Which rules have a fixer: one line a rule. A rule without a line is not edited; its finding prints the fix."""

from __future__ import annotations

from collections.abc import Mapping

from migops.commands.fix.model import Fixer

FIXERS: Mapping[str, Fixer] = {}
