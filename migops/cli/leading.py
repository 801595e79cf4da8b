"""Options of compose that stand before the command's name, as ``docker compose -f FILE up`` has them."""

from __future__ import annotations

from collections.abc import Sequence

from migops.core.options import COMPOSE_OPTIONS, split


def moved(arguments: Sequence[str]) -> list[str]:
    """The arguments with compose's options behind the command's name, where migops has them.

    Without a command the options are dropped, so that the error, or the help, is about what is missing and not about
    an option that is right.
    """
    options: list[str] = []
    rest = list(arguments)
    while rest and split(rest[0])[0] in COMPOSE_OPTIONS:
        count = 1 if split(rest[0])[1] is not None else 2
        options, rest = [*options, *rest[:count]], rest[count:]
    is_command = bool(rest) and not rest[0].startswith("-")  # a misspelt one is told as such
    return [rest[0], *options, *rest[1:]] if is_command else rest
