"""The arguments of ``migops alembic``: migops's own, Alembic's, and those at a wrong place."""

from __future__ import annotations

from collections.abc import Sequence

from migops.core.errors import MigopsError
from migops.core.options import ALEMBIC, COMPOSE_OPTIONS, split
from migops.core.printed import again_with
from migops.core.text import did_you_mean

TAKING_A_VALUE = COMPOSE_OPTIONS | {"--service", "--wait", "--lock-timeout", "--database-url", "--repeat"}
FLAGS = frozenset({"--yes", "--no-lock", "--verbose", "--debug", "--help"})
OURS_ALONE = FLAGS - {"--verbose", "--help"}
"""The flags that Alembic's own commands do not have."""
ALEMBIC_FLAGS = frozenset({"-q", "--quiet", "--raiseerr"})
COMMANDS = frozenset((
    "branches", "check", "current", "downgrade", "edit", "ensure_version", "heads", "history", "init",
    "list_templates", "merge", "revision", "show", "stamp", "upgrade",
))  # fmt: skip
"""Alembic's own commands; none of them has an option of ours or compose's. A project may add others."""


def cut(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split migops's own options from Alembic's arguments, which begin at the first other word.

    Options of compose are ours up to Alembic's command, also behind options of Alembic that stand before it.
    """
    ours: list[str] = []
    theirs: list[str] = []
    position = 0
    while position < len(arguments):
        own = _own(arguments[position], began=bool(theirs))
        count = own or _of_alembic(arguments[position])
        if not count:
            break
        (ours if own else theirs).extend(arguments[position : position + count])
        position += count
    return ours, [*theirs, *arguments[position:]]


def _own(word: str, *, began: bool) -> int:
    """The number of words of an option of ours; 0 if it is none. ``began``: Alembic's arguments have begun."""
    typed, value = split(word)
    if typed in (COMPOSE_OPTIONS if began else TAKING_A_VALUE):
        return 1 if value is not None else 2
    return int(word in FLAGS and not began)


def _of_alembic(word: str) -> int:
    """The number of words of an option of Alembic's that stands before its command; 0 if it is none."""
    typed, value = split(word)
    if typed in ALEMBIC:
        return 1 if value is not None else 2
    return int(word in ALEMBIC_FLAGS)


def refuse_behind(arguments: Sequence[str]) -> None:
    """Raise MigopsError, with the right order, if an option of ours stands behind one of Alembic's own commands."""
    place = next((number for number, word in enumerate(arguments) if word in COMMANDS), None)
    if place is None or _cut_short(arguments[:place]):
        return
    moved, kept = _behind(arguments[place:])
    if moved:
        typed = " ".join(word for word in moved if word.startswith("-"))
        raise MigopsError(
            f"{typed} must stand before Alembic's command: what follows it goes to Alembic",
            hint=again_with(moved, [*arguments[:place], *kept]),
        )


def _cut_short(words: Sequence[str]) -> bool:
    """Whether the words before the command are not all options of Alembic's: then it may be no command."""
    position = 0
    while position < len(words) and (count := _of_alembic(words[position])):
        position += count
    return position != len(words)


def _behind(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our options (compose's among them) among the words, with their values, and the other words."""
    moved: list[str] = []
    kept: list[str] = []
    position = 0
    while position < len(words):
        typed, value = split(words[position])
        is_flag = words[position] in OURS_ALONE
        is_ours = (is_flag or typed in TAKING_A_VALUE) and "--" not in kept
        is_message = typed in ("-m", "--message") and value is None
        count = 2 if (is_ours and value is None and not is_flag) or is_message else 1
        (moved if is_ours else kept).extend(words[position : position + count])
        position += count
    return moved, kept


def meant(arguments: Sequence[str]) -> str:
    """What a mistyped command of Alembic's, or option of ours before it, may have meant; empty if nothing is near."""
    word = next((word for word in arguments if not _of_alembic(word)), "")
    if word in COMMANDS or not word:
        return ""
    if word.startswith("-"):
        return did_you_mean(split(word)[0], sorted(TAKING_A_VALUE | FLAGS))
    return did_you_mean(word, sorted(COMMANDS))
