"""Text that came from somewhere else, made safe for a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterable


def printable(text: str) -> str:
    """``text`` on one line, with whatever could move the cursor, recolour or reorder the screen written as an escape.

    Control characters, line breaks, bidirectional overrides, invisible characters and the surrogates that stand for
    bytes outside UTF-8 appear as ``\\x1b``, ``\\u202e``, …; all else stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    if _stands_for_a_byte(char):
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")


def _stands_for_a_byte(char: str) -> bool:
    """Whether the character is how os.fsdecode keeps a byte that was not UTF-8."""
    return 0xDC80 <= ord(char) <= 0xDCFF


def quoted(word: str) -> str:
    """``word`` as a shell reads it back, with nothing in it that a terminal would act on.

    What cannot be shown is written as bytes in ``$'…'``, which bash, zsh, ksh and POSIX.1-2024 shells know.
    """
    if word.isprintable():
        return shlex.quote(word)
    return "$'" + "".join(map(_ansi_c, word)) + "'"


def shell_line(words: Iterable[str]) -> str:
    """A command as it can be typed."""
    return " ".join(map(quoted, words))


def _ansi_c(char: str) -> str:
    if char in "\\'":
        return f"\\{char}"
    if char.isprintable():
        return char
    # Octal: a \x in some shells takes every hexadecimal digit that follows.
    raw = char.encode(errors="surrogateescape" if _stands_for_a_byte(char) else "surrogatepass")
    return "".join(f"\\{byte:03o}" for byte in raw)


RED, GREEN, YELLOW, CYAN = 31, 32, 33, 36


def styled(text: str, color: int) -> str:
    """The text in one of the terminal's eight colours (an SGR code)."""
    return f"\x1b[{color}m{text}\x1b[0m"
