"""Words of a Dockerfile as BuildKit reads them: quotes, escapes, ``$V`` and ``${V…}``.

Unlike a shell: no command substitution, no splitting of a variable's value inside a word, and ``\\x`` is ``x`` outside
quotes. Reference: moby/buildkit, ``frontend/dockerfile/shell``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_SPECIAL_PARAMETERS = "@*#?-$!0"


class LexError(ValueError):
    """A word that BuildKit rejects. The caller adds file and line."""


@dataclass(frozen=True, slots=True)
class Word:
    """The result of an expansion."""

    text: str
    words: tuple[str, ...]  # ``text`` split at unquoted spaces
    unset: frozenset[str]  # the variables without a value and without a default


def expand(
    word: str,
    env: Mapping[str, str],
    *,
    escape: str = "\\",
    keep_quotes: bool = False,
    keep_escapes: bool = False,
    keep_unset: bool = False,
    plain_quotes: bool = False,
) -> Word:
    """``word`` with its variables replaced from ``env`` and its quotes and escapes removed.

    ``keep_quotes`` and ``keep_escapes`` keep those characters, ``keep_unset`` keeps an unset variable as written,
    ``plain_quotes`` treats quotes as ordinary characters (heredoc bodies). Raises LexError.
    """
    lexer = _Lexer(word, env, escape, keep_quotes, keep_escapes, keep_unset, plain_quotes)
    try:
        text, words = lexer.until("")
    except RecursionError as error:
        raise LexError("substitutions are nested too deeply") from error
    return Word(text, tuple(words), frozenset(lexer.unset))


@dataclass(slots=True)
class _Splitter:
    """Collects characters into words; quoted ones never split."""

    words: list[str] = field(default_factory=list)
    current: str = ""

    def add(self, text: str) -> None:
        for char in text:
            if not char.isspace():
                self.current += char
            elif self.current:
                self.words.append(self.current)
                self.current = ""

    def add_raw(self, text: str) -> None:
        self.current += text

    def done(self) -> list[str]:
        if self.current:
            self.words.append(self.current)
            self.current = ""
        return self.words


class _Lexer:
    def __init__(
        self,
        text: str,
        env: Mapping[str, str],
        escape: str,
        keep_quotes: bool,
        keep_escapes: bool,
        keep_unset: bool,
        plain_quotes: bool,
    ) -> None:
        self.text = text
        self.at = 0
        self.env = env
        self.escape = escape
        self.keep_quotes = keep_quotes
        self.keep_escapes = keep_escapes
        self.keep_unset = keep_unset
        self.plain_quotes = plain_quotes
        self.unset: set[str] = set()

    def peek(self) -> str:
        """The next character, or "" at the end."""
        return self.text[self.at : self.at + 1]

    def next(self) -> str:
        char = self.peek()
        self.at += 1
        return char

    def until(self, stop: str, keep_escapes: bool | None = None) -> tuple[str, list[str]]:
        """Everything up to ``stop`` (consumed), or to the end if ``stop`` is ""."""
        before, self.keep_escapes = self.keep_escapes, self.keep_escapes if keep_escapes is None else keep_escapes
        try:
            return self._until(stop)
        finally:
            self.keep_escapes = before

    def _until(self, stop: str) -> tuple[str, list[str]]:
        result = ""
        split = _Splitter()
        while char := self.peek():
            if char == stop:
                self.at += 1
                return result, split.done()
            if char == "$":
                value = self.dollar()
                result += value
                split.add(value)
            elif char in "'\"" and not self.plain_quotes:
                value = self.single_quoted() if char == "'" else self.double_quoted()
                result += value
                split.add_raw(value)
            elif char == self.escape:
                self.at += 1
                escaped = (char if self.keep_escapes else "") + self.next()
                result += escaped
                split.add_raw(escaped)
            else:
                self.at += 1
                result += char
                split.add(char)
        if stop:
            raise LexError("syntax error: missing '}'" if stop == "}" else f"syntax error: missing {stop!r} in ${{}}")
        return result, split.done()

    def single_quoted(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise LexError("unexpected end of statement while looking for matching single-quote")
        inner = self.text[self.at + 1 : end]
        self.at = end + 1
        return f"'{inner}'" if self.keep_quotes else inner

    def double_quoted(self) -> str:
        quote = self.next() if self.keep_quotes else self.next()[:0]
        result = quote
        while True:
            char = self.peek()
            if not char:
                raise LexError("unexpected end of statement while looking for matching double-quote")
            if char == '"':
                self.at += 1
                return result + quote
            if char == "$":
                result += self.dollar()
                continue
            self.at += 1
            if char == self.escape:
                result += char if self.keep_escapes else ""
                if not self.peek():
                    continue
                if self.peek() in ('"', "$", self.escape):
                    char = self.next()
            result += char

    def dollar(self) -> str:
        self.at += 1
        if self.peek() != "{":
            name = self.name()
            if not name:
                return "$"
            value = self.lookup(name)
            return "$" + name if value is None and self.keep_unset else value or ""
        self.at += 1
        if not self.peek():
            raise LexError("syntax error: missing '}'")
        if self.peek() in "{}:":
            raise LexError("syntax error: bad substitution")
        return self.braced(self.name())

    def braced(self, name: str) -> str:
        """The value of ``${name…}``, read from after the name through the closing brace."""
        operator = self.next()
        if operator == "}":
            value = self.lookup(name)
            return f"${{{name}}}" if value is None and self.keep_unset else value or ""
        if operator == "/":
            return self.replaced(name)
        null_is_unset = operator == ":"
        if null_is_unset:
            operator += self.next()
        kind = operator[-1:]
        if kind not in ("-", "+", "?", "#", "%"):
            raise LexError(f"unsupported modifier ({operator}) in substitution")
        word, _ = self.until("}", kind in "#%")
        value = self.lookup(name, has_default=kind in "-+")
        if value is None and self.keep_unset:
            return f"${{{name}{operator}{word}}}"
        missing = value is None or (null_is_unset and not value)
        if kind == "-":
            return word if missing else value or ""
        if kind == "+":
            return "" if missing else word
        if kind == "?":
            if missing:
                raise LexError(f"{name}: {word or ('is not allowed to be ' + ('unset' if value is None else 'empty'))}")
            return value or ""
        greedy = word.startswith(kind)
        return _trim(word[greedy:], value or "", kind, greedy)

    def replaced(self, name: str) -> str:
        everywhere = self.peek() == "/"
        self.at += everywhere
        pattern, _ = self.until("/", True)
        replacement, _ = self.until("}", True)
        value = self.lookup(name)
        if value is None and self.keep_unset:
            return f"${{{name}/{pattern}/{replacement}}}"
        return re.sub(_shell_pattern(pattern), lambda _: replacement, value or "", count=0 if everywhere else 1)

    def name(self) -> str:
        start, first = self.at, self.peek()
        if first and first in _SPECIAL_PARAMETERS and not first.isdigit():
            self.at += 1
        elif first.isdigit():
            while self.peek().isdigit():
                self.at += 1
        else:
            while self.peek().isalnum() or self.peek() == "_":
                self.at += 1
        return self.text[start : self.at]

    def lookup(self, name: str, *, has_default: bool = False) -> str | None:
        if name not in self.env and not has_default:
            self.unset.add(name)
        return self.env.get(name)


def _trim(pattern: str, value: str, side: str, greedy: bool) -> str:
    """``${V#pat}`` and ``${V%pat}``: ``value`` without the shortest (``greedy``: longest) match at one end."""
    regex = re.compile(_shell_pattern(pattern), re.DOTALL)
    lengths = range(len(value), -1, -1) if greedy else range(len(value) + 1)
    for length in lengths:
        piece = value[:length] if side == "#" else value[len(value) - length :]
        if regex.fullmatch(piece):
            return value[length:] if side == "#" else value[: len(value) - length]
    return value


def _shell_pattern(pattern: str) -> str:
    """A regular expression for ``*`` and ``?`` (no brackets here, unlike a shell's)."""
    regex, at = "", 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        if char == "*":
            regex += ".*"
        elif char == "?":
            regex += "."
        elif char == "\\" and pattern[at : at + 1] not in ("}", "/"):
            if pattern[at : at + 1] not in ("*", "?", "\\"):
                raise LexError(f"invalid escape '\\{pattern[at : at + 1]}' in substitution")
            regex += re.escape(pattern[at])
            at += 1
        elif char != "\\":
            regex += re.escape(char)
    return regex
