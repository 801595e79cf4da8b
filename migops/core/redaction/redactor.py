"""Secrets by value: where a known one is hidden, and where it must not be looked for.

A value is hidden
- anywhere, also within other words, where it has 8 characters or more (6, unless they are all letters);
- as a whole word, where it is shorter than that (4 characters at least), a number of 6 digits or more, or a piece of a
  name that is shown anyway;
- by form alone (``password=…``, ``"password": "…"``, ``user:…@host``) where it is shorter than 4 characters, a shorter
  number, a name that is shown anyway (the user's, the database's, a service's), or one of the words that servers and
  tools say of themselves: with the password ``password``, "password authentication failed" must be left as it is.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

from migops.core.redaction.common import COMMON
from migops.core.redaction.known import HIDDEN

_SHORTEST = 4
_NUMBER = re.compile(r"[\d.,:_-]+")


@dataclass(frozen=True, slots=True)
class Redactor:
    """``anywhere``, ``words`` and ``short`` (by form alone) are the values by the rule above, the longest first."""

    anywhere: tuple[str, ...]
    words: tuple[str, ...]
    short: tuple[str, ...]

    @classmethod
    def of(cls, secrets: Iterable[str], public: Iterable[str] = ()) -> Redactor:
        """Of these values in every form in which they may be written. ``public`` are names that are shown anyway."""
        names = frozenset(name for name in public if name)
        kinds: dict[str, set[str]] = {"anywhere": set(), "words": set(), "short": set()}
        for secret in {each.strip() for each in secrets} - {"", HIDDEN}:
            for form in forms(secret):
                kinds[_kind(form, names)].add(form)
        found = {kind: tuple(sorted(values, key=lambda each: (-len(each), each))) for kind, values in kinds.items()}
        return cls(**found)

    def hide(self, text: str) -> str:
        """``text`` with the values hidden."""
        for value in self.anywhere:
            if value in text:
                text = text.replace(value, HIDDEN)
        for value in self.words:
            if value in text:
                text = re.sub(rf"(?<![\w-]){re.escape(value)}(?![\w-])", HIDDEN, text)
        for value in self.short:
            if f":{value}@" in text:
                text = text.replace(f":{value}@", f":{HIDDEN}@")
        return text


def forms(secret: str) -> Iterator[str]:
    """The value as it is, and as URLs, JSON, ``repr``, SQL, shells, compose and ini files, and base64 have it."""
    yield secret
    if len(secret) < _SHORTEST:
        return
    for encoded in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        yield from (encoded, re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), encoded))
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1])
    for char, twice in (("'", "''"), ("'", "'\\''"), ("%", "%%"), ("$", "$$"), ('"', '""')):
        yield secret.replace(char, twice)
    data = secret.encode("utf-8", "surrogateescape")
    for coded in (base64.b64encode(data), base64.urlsafe_b64encode(data)):
        yield coded.decode().rstrip("=")


def _kind(value: str, public: frozenset[str]) -> str:
    if len(value) < _SHORTEST or value in public or is_common(value):
        return "short"
    if _NUMBER.fullmatch(value):
        return "words" if len(value) >= 6 else "short"
    if any(value in name for name in public):
        return "words"
    return "words" if len(value) < 6 or (len(value) < 8 and value.isalpha()) else "anywhere"


def is_common(value: str) -> bool:
    """Whether servers and tools say this word of themselves, or all of these words."""
    return all(word in COMMON for word in value.casefold().split())
