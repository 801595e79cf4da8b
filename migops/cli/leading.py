"""Options of compose that stand before the command's name, as ``docker compose -f FILE up`` has them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from migops.core.options import COMPOSE_OPTIONS, split


def moved(arguments: Sequence[str], commands: Collection[str]) -> list[str]:
    """The arguments with compose's options behind the command's name, where migops has them.

    They are left as they are if no command follows, so that the error is about what was typed.
    """
    options: list[str] = []
    rest = list(arguments)
    while rest and split(rest[0])[0] in COMPOSE_OPTIONS:
        count = 1 if split(rest[0])[1] is not None else 2
        options, rest = [*options, *rest[:count]], rest[count:]
    return [rest[0], *options, *rest[1:]] if options and rest and rest[0] in commands else list(arguments)
