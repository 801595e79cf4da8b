"""Lists and numbers in sentences: ``a, b and c``, ``a, b, c and 2 more``, ``1 table``, ``2 tables``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def listed(names: Sequence[str], none: str = "") -> str:
    """Names as a sentence has them: ``a, b and c``; ``none`` if there are none."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names) or none


def first_few(names: Sequence[str], most: int = 3, *, separator: str = ", ", before_more: str = " and ") -> str:
    """The first ``most`` names, in their order, and the number of the others: ``a, b, c and 2 more``."""
    more = f"{before_more}{len(names) - most} more" if len(names) > most else ""
    return separator.join(names[:most]) + more


def some(names: Iterable[str], most: int = 3) -> str:
    """The first ``most`` names in alphabetical order, and the number of the others."""
    return first_few(sorted(names), most)


def plural(number: int, noun: str, many: str = "") -> str:
    """The noun's form for this number. ``many`` is the form for all numbers but 1, with an s appended by default."""
    return noun if number == 1 else many or f"{noun}s"


def counted(number: int, noun: str, many: str = "", *, grouped: bool = False) -> str:
    """The number and the noun's form for it: ``1 table``, ``2 tables``. ``grouped``: ``1,000 tables``."""
    return f"{number:{',' if grouped else ''}} {plural(number, noun, many)}"
