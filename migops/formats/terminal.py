"""Text that came from somewhere else, made safe for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """``text`` on one line, with whatever could move the cursor, recolour or reorder the screen written as an escape.

    Control characters, line breaks, bidirectional overrides, invisible characters and the surrogates that stand for
    bytes outside UTF-8 appear as ``\\x1b``, ``\\u202e``, …; all else stays as it is.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def _escape(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was not UTF-8, as os.fsdecode keeps it
        return f"\\x{code - 0xDC00:02x}"
    return char.encode("unicode_escape").decode("ascii")


RED, GREEN, YELLOW, CYAN = 31, 32, 33, 36


def styled(text: str, color: int) -> str:
    """The text in one of the terminal's eight colours (an SGR code)."""
    return f"\x1b[{color}m{text}\x1b[0m"
