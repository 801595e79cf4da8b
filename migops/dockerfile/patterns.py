"""The path patterns of a build: ``.dockerignore``, ``--exclude``, ``--parents``, and wildcards in ``COPY``.

References: moby/patternmatcher for one pattern, tonistiigi/fsutil for the walk. Three differences from ``.gitignore``
and from Python's ``fnmatch``: the last matching line wins, ``!`` re-includes paths below an excluded folder, and a
pattern is translated to a regular expression character by character (so ``[^a]`` and ``\\[`` keep their meaning).
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
    """One line with a pattern."""

    text: str  # cleaned
    negated: bool  # starts with ``!``
    at: Location

    def matches(self, path: str) -> bool:
        """True if the line matches exactly this path (relative, ``/``-separated). The Matcher checks parents."""
        return _compiled(self.text)(path)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The patterns' decision on one path, and the start for the decisions on its children."""

    by: Pattern | None = None  # the line that decided the path
    content_by: Pattern | None = None
    """The line that decided the content. BuildKit checks again when it opens a file, and then considers
    all parents: with the lines ``*``, ``!a/b``, ``a`` the file a/b is in the build, but empty."""
    hits: tuple[bool, ...] = ()  # per pattern: it matched the path, or a parent at which it was tried
    reached: tuple[bool, ...] = ()  # per pattern: it matches the path or any parent

    @property
    def matched_by(self) -> Pattern | None:
        """The line that excludes the path; None if a later ``!`` re-includes it."""
        return self.by if self.by and not self.by.negated else None

    @property
    def content_matched_by(self) -> Pattern | None:
        """The line that excludes the file's content, or None."""
        return self.content_by if self.content_by and not self.content_by.negated else None


@dataclass(frozen=True, slots=True)
class Matcher:
    """An ordered list of patterns. ``file`` is their file ("" for an instruction's own patterns)."""

    patterns: tuple[Pattern, ...] = ()
    file: str = ""

    @property
    def start(self) -> Verdict:
        """The verdict of the root, the start for its children."""
        nothing = (False,) * len(self.patterns)
        return Verdict(hits=nothing, reached=nothing)

    def step(self, path: str, parent: Verdict) -> Verdict:
        """The verdict of ``path``, given that of its folder (``start`` for a name in the root)."""
        by = content_by = None
        hits, reached = [], []
        for pattern, parent_hit, parent_reached in zip(self.patterns, parent.hits, parent.reached, strict=True):
            matches = pattern.matches(path)
            # A pattern is tried only if it could change the outcome; an untried one is not inherited.
            hit = parent_hit or (matches and pattern.negated == (by is not None and not by.negated))
            by = pattern if hit else by
            reach = parent_reached or matches
            if reach and pattern.negated == (content_by is not None and not content_by.negated):
                content_by = pattern
            hits.append(hit)
            reached.append(reach)
        return Verdict(by, content_by, tuple(hits), tuple(reached))

    def judge(self, path: str) -> Verdict:
        """The verdict of a single path, walking down to it from the root."""
        verdict = self.start
        parts = path.split("/")
        for depth in range(1, len(parts) + 1):
            verdict = self.step("/".join(parts[:depth]), verdict)
        return verdict

    def may_reinclude(self, folder: str) -> bool:
        """True if something below an excluded ``folder`` could be re-included. If not, BuildKit skips the folder."""
        exceptions = [re.sub(r"/\*\*?$", "", one.text) for one in self.patterns if one.negated]
        if any(set(one) & set("*[]?^\\") for one in exceptions):
            return True
        return any(f"{one}/".startswith(f"{folder}/") for one in exceptions)


def matcher(patterns: Iterable[str], at: Location) -> Matcher:
    """The Matcher of an instruction's own patterns (``--exclude``). Raises MigopsError for a malformed one."""
    return Matcher(tuple(one for text in patterns if (one := pattern_of(text, at))))


def glob_match(pattern: str, name: str, at: Location) -> bool:
    """Go's filepath.Match of one path component. Raises MigopsError for a malformed pattern."""
    return bool(_go_glob(pattern, at).fullmatch(name))


def pattern_of(text: str, at: Location) -> Pattern | None:
    """One pattern, None for a blank one. Raises MigopsError if it is malformed to BuildKit."""
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
    """One pattern as a function, by patternmatcher's rules, which differ slightly from a glob's."""
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
    with no_warnings():  # "[[" is literal in Go; Python warns about it
        compiled = re.compile(regex, re.ASCII)
    return lambda path: compiled.fullmatch(path) is not None


def _go_glob(pattern: str, at: Location) -> re.Pattern[str]:
    """Go's filepath.Match syntax as a regular expression. Raises MigopsError for Go's ErrBadPattern."""
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
    """``[a-z]``, read from after its bracket: a regular expression, and the index after the class."""
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
