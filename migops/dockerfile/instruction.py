"""One instruction of a Dockerfile as written, and the words after its name.

Reference: moby/buildkit, ``frontend/dockerfile/parser`` (line parsers) and ``instructions``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from migops.core.errors import MigopsError
from migops.core.model import Location
from migops.dockerfile.lex import expand

_BLANKS = re.compile(r"[\t\v\f\r ]+")
_HEREDOC = re.compile(r"(\d*)<<(-?)([^<]*)")
_STAGE_NAME = re.compile(r"[a-z][a-z0-9\-_.]*")
_JSON_OR_TEXT = ("CMD", "ENTRYPOINT", "RUN", "SHELL")
_JSON_OR_WORDS = ("ADD", "COPY", "VOLUME")
_ONE_TEXT = ("MAINTAINER", "STOPSIGNAL", "USER", "WORKDIR")
_KEYS_AND_VALUES = ("ENV", "LABEL")
_WORDS = ("EXPOSE", "FROM")
_KNOWN = (*_JSON_OR_TEXT, *_JSON_OR_WORDS, *_ONE_TEXT, *_KEYS_AND_VALUES, *_WORDS, "ARG", "HEALTHCHECK", "ONBUILD")


@dataclass(frozen=True, slots=True)
class Heredoc:
    """A here-document: ``content`` as written to a file, without leading tabs for ``<<-``."""

    name: str
    content: str
    expand: bool = True


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a Dockerfile, with nothing expanded."""

    name: str  # in upper case
    text: str  # the instruction on one line, its continuations joined
    at: Location
    flags: tuple[tuple[str, str], ...] = ()
    args: tuple[str, ...] = ()
    """The words (``COPY``), the one text (``RUN`` in shell form), the list of the JSON form, or alternating names and
    values (``ENV``, ``LABEL``)."""
    is_json: bool = False
    heredocs: tuple[Heredoc, ...] = ()
    child: Instruction | None = None  # the instruction that an ``ONBUILD`` defers

    def flag(self, name: str) -> str:
        """The value of ``--name=value``; "true" for a bare ``--name``; "" without the flag."""
        return next((value for flag, value in self.flags if flag == name), "")

    def flag_values(self, name: str) -> tuple[str, ...]:
        """All values of a repeatable flag (``--exclude``, ``--mount``)."""
        return tuple(value for flag, value in self.flags if flag == name)

    def heredoc(self, word: str) -> Heredoc | None:
        """The here-document that ``word`` (``<<EOF``) refers to; None if there is none."""
        opened = heredoc_of(word)
        named = [one for one in self.heredocs if opened and one.name == opened.name]
        return named[-1] if named else None


@dataclass(frozen=True, slots=True)
class OpenHeredoc:
    """A here-document opened by ``<<NAME``."""

    name: str  # the terminator
    expand: bool  # variables are expanded in it
    chomp: bool  # leading tabs are removed


def heredoc_of(word: str) -> OpenHeredoc | None:
    """The here-document that ``<<NAME`` in ``word`` opens, or None. Raises LexError for an unclosed quote."""
    match = _HEREDOC.fullmatch(word)
    if not match or not match[3]:
        return None
    bare = expand(match[3], {}, keep_unset=True).words
    if len(bare) != 1:
        return None
    quoted = expand(match[3], {}, keep_unset=True, keep_quotes=True).words[0]
    quotes = [word.count("'") + word.count('"') for word in (bare[0], quoted)]
    return OpenHeredoc(bare[0], expand=quotes[0] == quotes[1], chomp=match[2] == "-")


def read_instruction(line: str, at: Location, escape: str) -> Instruction:
    """One instruction, its continuations joined, without its here-documents. Raises MigopsError or LexError."""
    name, _, rest = _partition_blank(line.strip())
    name = name.upper()
    if name not in _KNOWN:
        raise MigopsError(f"unknown instruction: {name}", at=at)
    flags, rest = _flags(rest)
    rest = rest.strip()
    args, is_json = _arguments(name, rest, at, escape)
    if name == "ONBUILD" and _partition_blank(rest)[0].upper() in ("ONBUILD", "FROM", "MAINTAINER"):
        raise MigopsError(f"{_partition_blank(rest)[0].upper()} isn't allowed as an ONBUILD trigger", at=at)
    child = read_instruction(rest, at, escape) if name == "ONBUILD" and rest else None
    instruction = Instruction(name, line.strip(), at, flags, args, is_json, (), child)
    _check(instruction)
    return instruction


def _arguments(name: str, rest: str, at: Location, escape: str) -> tuple[tuple[str, ...], bool]:
    if name in _JSON_OR_TEXT or name in _JSON_OR_WORDS:
        listed = _json_list(rest, at)
        if listed is not None:
            return listed, True
    if not rest:
        return (), False
    if name in _WORDS or name in _JSON_OR_WORDS:
        return tuple(_BLANKS.split(rest)), False
    if name == "ARG":
        return tuple(_words(rest, escape)), False
    if name in _KEYS_AND_VALUES:
        return _keys_and_values(name, rest, at, escape), False
    return (rest,), False


def _keys_and_values(name: str, rest: str, at: Location, escape: str) -> tuple[str, ...]:
    words = _words(rest, escape)
    if words and "=" not in words[0]:  # the old form: ENV name value with spaces
        key, blank, value = _partition_blank(rest)
        if not blank:
            raise MigopsError(f"{name} must have two arguments", at=at)
        return key, value
    for word in words:
        if "=" not in word:
            raise MigopsError(f"can't find = in {word!r}: it must be of the form name=value", at=at)
    return tuple(part for word in words for part in word.split("=", 1))


def _words(rest: str, escape: str) -> list[str]:
    """``rest`` split at spaces outside quotes; quotes and escapes remain for ``lex.expand``."""
    words: list[str] = []
    word, quote, at, quoted = "", "", 0, False
    while at < len(rest):
        char = rest[at]
        at += 1
        if char == escape and quote != "'":
            if at == len(rest):
                break
            word += char + rest[at]
            at += 1
            continue
        if char.isspace() and not quote:
            if word or quoted:
                words.append(word)
            word, quoted = "", False
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote, quoted = char, True
        word += char
    return [*words, word] if word or quoted else words


def _partition_blank(text: str) -> tuple[str, str, str]:
    parts = _BLANKS.split(text, maxsplit=1)
    return (parts[0], " ", parts[1]) if len(parts) == 2 else (parts[0], "", "")


def _json_list(rest: str, at: Location) -> tuple[str, ...] | None:
    """The strings of a JSON array; None if ``rest`` is not one (then it is the plain form)."""
    if not rest.startswith("["):
        return None
    try:
        values = json.loads(rest)
    except (ValueError, RecursionError):
        return None
    if not all(isinstance(value, str) for value in values):
        raise MigopsError("when using JSON array syntax, arrays must be comprised of strings only", at=at)
    return tuple(values)


def _flags(rest: str) -> tuple[tuple[tuple[str, str], ...], str]:
    """The leading ``--name=value`` words, unquoted, and the rest."""
    flags: list[tuple[str, str]] = []
    at = 0
    while True:
        while at < len(rest) and rest[at].isspace():
            at += 1
        if not rest.startswith("--", at):
            return tuple(flags), rest[at:]
        word, quote = "", ""
        while at < len(rest) and (quote or not rest[at].isspace()):
            char = rest[at]
            at += 1
            if char == "\\":
                word += rest[at : at + 1]
                at += 1
            elif quote:
                quote, word = ("", word) if char == quote else (quote, word + char)
            elif char in "'\"":
                quote = char
            else:
                word += char
        if word == "--":
            return tuple(flags), rest[at:]
        name, equals, value = word[2:].partition("=")
        flags.append((name, value if equals else "true"))


def _check(one: Instruction) -> None:
    """Raise MigopsError for an instruction that BuildKit rejects before it reads any file."""
    count = len(one.args)
    if one.name == "FROM":
        named = count == 3 and one.args[1].lower() == "as"
        if count != 1 and not named:
            raise MigopsError("FROM requires either one or three arguments", at=one.at)
        if named and not _STAGE_NAME.fullmatch(one.args[2].lower()):
            raise MigopsError(f"invalid name for build stage: {one.args[2]!r}", at=one.at)
    elif one.name in ("ADD", "COPY"):
        if count < 2:
            raise MigopsError(f"{one.name} requires at least one source and a destination", at=one.at)
        if not one.is_json and heredoc_of(one.args[-1]):
            raise MigopsError(f"{one.name} cannot accept a heredoc as a destination", at=one.at)
    elif one.name in _ONE_TEXT and count != 1:
        raise MigopsError(f"{one.name} requires exactly one argument", at=one.at)
    elif one.name in ("ENV", "LABEL", "ARG", "VOLUME", "EXPOSE", "ONBUILD") and not count:
        raise MigopsError(f"{one.name} requires at least one argument", at=one.at)
    names = one.args[::2] if one.name in _KEYS_AND_VALUES else [arg.partition("=")[0] for arg in one.args]
    if one.name in (*_KEYS_AND_VALUES, "ARG") and "" in names:
        raise MigopsError(f"{one.name} names can not be blank", at=one.at)
