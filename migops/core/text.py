"""Lists, numbers and guesses in sentences: ``a, b and c``, ``1 table``, ``2 tables``, ``did you mean app?``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_NEAR = 0.75  # of 1, by difflib: a letter in four
_MOST = 3  # names that are equally near; of more, none is meant
_PREFIX = 3  # characters that are enough to begin a name with


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


def nearest(word: str, known: Iterable[str]) -> tuple[str, ...]:
    """The known names that are nearest to the word; empty if none is near, or too many are.

    Of names that are numbers (``0009``) the next one is no misspelling: only another way to write the number is near.
    """
    names = dict.fromkeys(name for name in known if name and name != word)
    if word.isdecimal():
        return tuple(name for name in names if name.isdecimal() and int(name) == int(word))
    same = [name for name in names if _folded(name) == _folded(word)]
    begun = [name for name in names if len(word) >= _PREFIX and name.lower().startswith(word.lower())]
    found = same or (begun if len(begun) <= _MOST else []) or _alike(word, names)
    return tuple(found) if len(found) <= _MOST else ()


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean app?``, for a hint; empty if nothing is near."""
    names = nearest(word, known)
    return f"did you mean {' or '.join(names)}?" if names else ""


def with_hint(word: str, known: Iterable[str], hint: str) -> str:
    """The hint, after what the word may have meant."""
    meant = did_you_mean(word, known)
    return f"{meant} {hint[:1].upper()}{hint[1:]}" if meant and hint else meant or hint


def _alike(word: str, names: Iterable[str]) -> list[str]:
    import difflib  # only a mistyped name pays for it

    ratios = {name: difflib.SequenceMatcher(None, word.lower(), name.lower()).ratio() for name in names}
    best = max(ratios.values(), default=0.0)
    return [name for name, ratio in ratios.items() if ratio == best >= _NEAR]


def _folded(word: str) -> str:
    return word.lower().replace("-", "").replace("_", "")
