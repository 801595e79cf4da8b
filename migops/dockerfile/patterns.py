"""The path patterns of a build: ``.dockerignore``, ``--exclude``, ``--parents``, and wildcards in ``COPY``.

References: moby/patternmatcher for one pattern, tonistiigi/fsutil for the walk. Three things differ from ``.gitignore``
and from Python's ``fnmatch``: the last matching line wins, ``!`` brings back what lies below an excluded folder, and a
pattern's regular expression is written character by character (so ``[^a]`` and ``\\[`` mean what they say).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from migops.core.errors import MigopsError
from migops.core.model import Location
from migops.core.quiet import no_warnings
from migops.dockerfile.paths import clean

_BAD_PATTERN = "syntax error in pattern"


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line: a cleaned pattern, whether it starts with ``!``, and where it stands."""

    text: str
    negated: bool
    at: Location

    def matches(self, path: str) -> bool:
        """Whether the line is about exactly this path (relative, ``/``-separated). Parents are the Matcher's matter."""
        return _compiled(self.text)(path)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the patterns say of one path, and what the judgement of its children starts from.

    ``by`` is the line that decided the path: the last that matched, or None. ``content_by`` is the line that decides
    whether a file's content is let through: BuildKit asks a second time when it opens the file, and then looks at all
    parents. With the lines ``*``, ``!a/b``, ``a`` the file a/b is in the build, and is empty.
    ``hits`` says for each pattern whether it matched the path or, where it was tried there, one of its parents;
    ``reached`` whether it matches the path or any parent at all.
    """

    by: Pattern | None = None
    content_by: Pattern | None = None
    hits: tuple[bool, ...] = ()
    reached: tuple[bool, ...] = ()

    @property
    def matched_by(self) -> Pattern | None:
        """The line that has the path, unless a later ``!`` gives it back."""
        return self.by if self.by and not self.by.negated else None

    @property
    def content_matched_by(self) -> Pattern | None:
        """The same for a file's content."""
        return self.content_by if self.content_by and not self.content_by.negated else None


@dataclass(frozen=True, slots=True)
class Matcher:
    """An ordered list of patterns. ``file`` is where they were read ("" = they are an instruction's own)."""

    patterns: tuple[Pattern, ...] = ()
    file: str = ""

    @property
    def start(self) -> Verdict:
        """The verdict of the root, from which that of its children follows."""
        nothing = (False,) * len(self.patterns)
        return Verdict(hits=nothing, reached=nothing)

    def step(self, path: str, parent: Verdict) -> Verdict:
        """The verdict of ``path``, given that of its folder (``start`` for a name at the top)."""
        by = content_by = None
        hits, reached = [], []
        for pattern, parent_hit, parent_reached in zip(self.patterns, parent.hits, parent.reached, strict=True):
            matches = pattern.matches(path)
            # A pattern is tried only where it could change the outcome; what was not tried is not handed down.
            hit = parent_hit or (matches and pattern.negated == (by is not None and not by.negated))
            by = pattern if hit else by
            reach = parent_reached or matches
            if reach and pattern.negated == (content_by is not None and not content_by.negated):
                content_by = pattern
            hits.append(hit)
            reached.append(reach)
        return Verdict(by, content_by, tuple(hits), tuple(reached))

    def judge(self, path: str) -> Verdict:
        """The verdict of a path by itself, walking down to it from the root."""
        verdict = self.start
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            verdict = self.step("/".join(parts[:depth]), verdict)
        return verdict

    def may_reinclude(self, folder: str) -> bool:
        """Whether something below an excluded ``folder`` could be brought back: BuildKit looks no further if not."""
        exceptions = [re.sub(r"/\*\*?$", "", one.text) for one in self.patterns if one.negated]
        if any(set(one) & set("*[]?^\\") for one in exceptions):
            return True
        return any(f"{one}/".startswith(f"{folder}/") for one in exceptions)


def matcher(patterns: Iterable[str], at: Location) -> Matcher:
    """A Matcher of an instruction's own patterns (``--exclude``). Raises MigopsError for a malformed one."""
    return Matcher(tuple(one for text in patterns if (one := pattern_of(text, at))))


def glob_match(pattern: str, name: str, at: Location) -> bool:
    """Go's filepath.Match of one path component. Raises MigopsError for a malformed pattern."""
    return bool(_go_glob(pattern, at).fullmatch(name))


def pattern_of(text: str, at: Location) -> Pattern | None:
    """One pattern, None for a blank one. Raises MigopsError where BuildKit finds it malformed."""
    text = text.strip()
    if not text:
        return None
    text = clean(text)
    negated = text.startswith("!")
    text = text[1:] if negated else text
    if not text:
        raise MigopsError('illegal exclusion pattern: "!"', at=at)
    _go_glob(text, at)
    try:
        _compiled(text)
    except re.error as error:
        raise MigopsError(f"{_BAD_PATTERN} {text!r}: {error}", at=at) from error
    return Pattern(text, negated, at)


@lru_cache(maxsize=4096)
def _compiled(text: str) -> Callable[[str], bool]:
    """One pattern as a function, by patternmatcher's own rules (which are not quite a glob's)."""
    regex, kind, at = "", "exact", 0
    while at < len(text):
        first = at == 0
        char = text[at]
        at += 1
        if char == "*" and text[at : at + 1] == "*":
            at += 2 if text[at + 1 : at + 2] == "/" else 1
            if at < len(text):
                regex, kind = regex + "(.*/)?", "regex"
            elif kind == "exact":
                kind = "prefix"
            else:
                regex, kind = regex + ".*", "regex"
            kind = "suffix" if first else kind
        elif char in "*?":
            regex, kind = regex + ("[^/]*" if char == "*" else "[^/]"), "regex"
        elif char in ".+()|{}$":
            regex += "\\" + char
        elif char == "\\" and at < len(text):
            regex, kind = regex + "\\" + text[at], "regex"
            at += 1
        elif char in "[]":
            regex, kind = regex + char, "regex"
        else:
            regex += "\\\\" if char == "\\" else char
    if kind == "exact":
        return text.__eq__
    if kind == "prefix":
        prefix = text[:-2]
        return lambda path: path.startswith(prefix)
    if kind == "suffix":
        suffix = text[2:]
        return lambda path: path.endswith(suffix) or (suffix[:1] == "/" and path == suffix[1:])
    with no_warnings():  # "[[" is plain in Go, and still is here
        compiled = re.compile(regex, re.ASCII)
    return lambda path: compiled.fullmatch(path) is not None


def _go_glob(pattern: str, at: Location) -> re.Pattern[str]:
    """Go's filepath.Match syntax as a regular expression; raises MigopsError where Go says ErrBadPattern."""
    regex, index = "", 0
    while index < len(pattern):
        char = pattern[index]
        index += 1
        if char == "*":
            regex += "[^/]*"
        elif char == "?":
            regex += "[^/]"
        elif char == "[":
            piece, index = _go_class(pattern, index, at)
            regex += piece
        else:
            if char == "\\":
                char = pattern[index : index + 1]
                index += 1
                if not char:
                    raise MigopsError(f"{_BAD_PATTERN} {pattern!r}", at=at)
            regex += re.escape(char)
    return re.compile(regex, re.DOTALL)


def _go_class(pattern: str, index: int, at: Location) -> tuple[str, int]:
    """``[a-z]`` from just after its bracket: a regular expression for it, and the index after it."""
    negated = pattern[index : index + 1] == "^"
    index += negated
    ranges: list[tuple[str, str]] = []
    while pattern[index : index + 1] != "]" or not ranges:
        low, index = _go_class_char(pattern, index, at)
        high = low
        if pattern[index] == "-":
            high, index = _go_class_char(pattern, index + 1, at)
        ranges.append((low, high))
    body = "".join(f"{re.escape(low)}-{re.escape(high)}" for low, high in ranges if low <= high)
    if not body:
        return ("." if negated else "(?!)"), index + 1
    return f"[{'^' if negated else ''}{body}]", index + 1


def _go_class_char(pattern: str, index: int, at: Location) -> tuple[str, int]:
    char = pattern[index : index + 1]
    escaped = char == "\\"
    if escaped:
        index += 1
        char = pattern[index : index + 1]
    if not char or index + 1 >= len(pattern) or (char in "-]" and not escaped):
        raise MigopsError(f"{_BAD_PATTERN} {pattern!r}", at=at)
    return char, index + 1
