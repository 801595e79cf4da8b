"""Dockerfile text to instructions, line by line as BuildKit's own parser does it.

Reference: moby/buildkit, ``frontend/dockerfile/parser`` and ``instructions``. Nothing is expanded here: an instruction
holds what is written, and ``lex.expand`` says what it means once the variables of its stage are known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from migops.dockerfile.lex import LexError, expand
from migops.errors import MigopsError
from migops.model import Location

_BLANKS = re.compile(r"[\t\v\f\r ]+")
_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")
_HEREDOC = re.compile(r"(\d*)<<(-?)([^<]*)")
_STAGE_NAME = re.compile(r"[a-z][a-z0-9\-_.]*")
_DIRECTIVES = ("escape", "syntax", "check")
_WITH_HEREDOCS = ("ADD", "COPY", "RUN")
_JSON_OR_TEXT = ("CMD", "ENTRYPOINT", "RUN", "SHELL")
_JSON_OR_WORDS = ("ADD", "COPY", "VOLUME")
_ONE_TEXT = ("MAINTAINER", "STOPSIGNAL", "USER", "WORKDIR")
_KEYS_AND_VALUES = ("ENV", "LABEL")
_WORDS = ("EXPOSE", "FROM")
_KNOWN = (*_JSON_OR_TEXT, *_JSON_OR_WORDS, *_ONE_TEXT, *_KEYS_AND_VALUES, *_WORDS, "ARG", "HEALTHCHECK", "ONBUILD")


@dataclass(frozen=True, slots=True)
class Heredoc:
    """A here-document: ``content`` as it would be written to a file, tabs cut where ``<<-`` asks for it."""

    name: str
    content: str
    expand: bool = True


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction of a Dockerfile, with nothing expanded.

    ``name`` is in upper case; ``text`` is the instruction on one line, its continuations joined. ``args`` are the words
    (``COPY``), or the one text (``RUN`` in shell form), or the list of the JSON form (``is_json``); for ``ENV`` and
    ``LABEL`` name and value alternate. ``child`` is what an ``ONBUILD`` puts off.
    """

    name: str
    text: str
    at: Location
    flags: tuple[tuple[str, str], ...] = ()
    args: tuple[str, ...] = ()
    is_json: bool = False
    heredocs: tuple[Heredoc, ...] = ()
    child: Instruction | None = None

    def flag(self, name: str) -> str:
        """The value of ``--name=value``; "true" for a bare ``--name``; "" where it is not given."""
        return next((value for flag, value in self.flags if flag == name), "")

    def flag_values(self, name: str) -> tuple[str, ...]:
        """All values of a flag that may be repeated (``--exclude``, ``--mount``)."""
        return tuple(value for flag, value in self.flags if flag == name)

    def heredoc(self, word: str) -> Heredoc | None:
        """The here-document that ``word`` (``<<EOF``) stands for."""
        opened = heredoc_of(word)
        found = [one for one in self.heredocs if opened and one.name == opened.name]
        return found[-1] if found else None


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A parsed Dockerfile, and its escape character."""

    file: str
    instructions: tuple[Instruction, ...]
    escape: str = "\\"


def syntax_of(text: str) -> str:
    """The frontend that ``# syntax=`` asks for, "" where it is left to the builder. Nothing else has to be readable."""
    for line in text.removeprefix("\ufeff").splitlines():
        match = _DIRECTIVE.fullmatch(line.lstrip())
        if not match or match[1].lower() not in _DIRECTIVES:
            return ""
        if match[1].lower() == "syntax":
            return match[2]
    return ""


def parse(text: str, file: str, first_line: int = 1) -> Dockerfile:
    """The instructions of a Dockerfile's ``text``.

    ``file`` and ``first_line`` say where the text is found (an inline Dockerfile starts somewhere inside its compose
    file). Raises MigopsError with that file and line where BuildKit would refuse the text.
    """
    return _Parser(text, file, first_line).run()


@dataclass(frozen=True, slots=True)
class _OpenHeredoc:
    name: str
    expand: bool
    chomp: bool


def heredoc_of(word: str) -> _OpenHeredoc | None:
    """What ``<<NAME`` in ``word`` opens, or None where it opens nothing. Raises LexError for an unclosed quote."""
    match = _HEREDOC.fullmatch(word)
    if not match or not match[3]:
        return None
    bare = expand(match[3], {}, keep_unset=True).words
    if len(bare) != 1:
        return None
    quoted = expand(match[3], {}, keep_unset=True, keep_quotes=True).words[0]
    quotes = [word.count("'") + word.count('"') for word in (bare[0], quoted)]
    return _OpenHeredoc(bare[0], expand=quotes[0] == quotes[1], chomp=match[2] == "-")


class _Parser:
    def __init__(self, text: str, file: str, first_line: int) -> None:
        self.lines = [line + "\n" for line in text.removeprefix("\ufeff").split("\n")]
        if text:
            self.lines[-1] = self.lines[-1][:-1]
        if not self.lines[-1]:
            self.lines.pop()
        self.file = file
        self.first_line = first_line
        self.at = 0  # lines read so far
        self.escape = "\\"
        self.directives: dict[str, str] = {}
        self.directives_over = False

    def run(self) -> Dockerfile:
        instructions = tuple(self.instructions())
        if not instructions:
            raise MigopsError("the Dockerfile has no instructions", at=Location(self.file))
        return Dockerfile(self.file, instructions, self.escape)

    def error(self, message: str, line: int) -> MigopsError:
        return MigopsError(message, at=Location(self.file, self.first_line + line - 1))

    def instructions(self) -> Iterator[Instruction]:
        while self.at < len(self.lines):
            line, open_ended = self.cut_continuation(self.next_line().lstrip())
            start = self.at
            if not line and not open_ended:
                continue
            while open_ended and self.at < len(self.lines):
                more = self.next_line(inside=True)
                if more.strip():
                    more, open_ended = self.cut_continuation(more)
                    line += more
            try:
                instruction = self.instruction(line, Location(self.file, self.first_line + start - 1))
                yield self.with_heredocs(instruction, line, start)
            except LexError as error:
                raise self.error(str(error), start) from error

    def next_line(self, inside: bool = False) -> str:
        """The next line without its end, "" for a comment. ``inside``: it continues an instruction."""
        line = self.lines[self.at].rstrip("\r\n")
        self.at += 1
        self.directive(line if inside else line.lstrip())
        return "" if line.lstrip().startswith("#") else line

    def directive(self, line: str) -> None:
        match = None if self.directives_over else _DIRECTIVE.fullmatch(line)
        name = match[1].lower() if match else ""
        if not match or name not in _DIRECTIVES:
            self.directives_over = True
            return
        if name in self.directives:
            raise self.error(f"only one {name} parser directive can be used", self.at)
        self.directives[name] = match[2]
        if name == "escape":
            if match[2] not in ("\\", "`"):
                raise self.error(f"invalid escape token {match[2]!r}: it must be ` or \\", self.at)
            self.escape = match[2]

    def cut_continuation(self, line: str) -> tuple[str, bool]:
        """The line without its continuation mark, and whether it had one. A doubled mark is none."""
        bare = line.rstrip(" \t")
        if bare.endswith(self.escape) and not bare.endswith(self.escape * 2):
            return bare[:-1], True
        return line, False

    def instruction(self, line: str, at: Location) -> Instruction:
        name, _, rest = _partition_blank(line.strip())
        name = name.upper()
        if name not in _KNOWN:
            raise MigopsError(f"unknown instruction: {name}", at=at)
        flags, rest = _flags(rest)
        rest = rest.strip()
        args, is_json = self.arguments(name, rest, at)
        child = self.instruction(rest, at) if name == "ONBUILD" and rest else None
        instruction = Instruction(name, line.strip(), at, flags, args, is_json, (), child)
        _check(instruction)
        return instruction

    def arguments(self, name: str, rest: str, at: Location) -> tuple[tuple[str, ...], bool]:
        if name in _JSON_OR_TEXT or name in _JSON_OR_WORDS:
            listed = _json_list(rest, at)
            if listed is not None:
                return listed, True
        if not rest:
            return (), False
        if name in _WORDS or name in _JSON_OR_WORDS:
            return tuple(_BLANKS.split(rest)), False
        if name == "ARG":
            return tuple(self.words(rest)), False
        if name in _KEYS_AND_VALUES:
            return self.keys_and_values(name, rest, at), False
        return (rest,), False

    def keys_and_values(self, name: str, rest: str, at: Location) -> tuple[str, ...]:
        words = self.words(rest)
        if words and "=" not in words[0]:  # the old form: ENV name value with blanks
            key, blank, value = _partition_blank(rest)
            if not blank:
                raise MigopsError(f"{name} must have two arguments", at=at)
            return key, value
        for word in words:
            if "=" not in word:
                raise MigopsError(f"can't find = in {word!r}: it must be of the form name=value", at=at)
        return tuple(part for word in words for part in word.split("=", 1))

    def words(self, rest: str) -> list[str]:
        """``rest`` cut at blanks outside quotes; quotes and escapes stay for ``lex.expand`` to take off."""
        words: list[str] = []
        word, quote, at, quoted = "", "", 0, False
        while at < len(rest):
            char = rest[at]
            at += 1
            if char == self.escape and quote != "'":
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

    def with_heredocs(self, instruction: Instruction, line: str, start: int) -> Instruction:
        """``instruction`` with the here-documents that follow its line, read up to their terminators."""
        holder = instruction.child or instruction
        if holder.name not in _WITH_HEREDOCS or holder.is_json:
            return instruction
        try:
            words = expand(line, {}, keep_quotes=True, keep_escapes=True, keep_unset=True).words
        except LexError:
            return instruction  # BuildKit looks for no heredoc in a line whose quotes do not close
        opened = [one for one in map(heredoc_of, words) if one]
        heredocs = tuple(self.heredoc(one, start) for one in opened)
        child = instruction.child
        if child:
            child = Instruction(child.name, child.text, child.at, child.flags, child.args, child.is_json, heredocs)
        return Instruction(
            instruction.name,
            instruction.text,
            instruction.at,
            instruction.flags,
            instruction.args,
            instruction.is_json,
            heredocs,
            child,
        )

    def heredoc(self, opened: _OpenHeredoc, start: int) -> Heredoc:
        content = ""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            end = line.rstrip("\r\n")
            if (end.lstrip("\t") if opened.chomp else end) == opened.name:
                return Heredoc(opened.name, content, opened.expand)
            content += line.lstrip("\t") if opened.chomp else line
        raise self.error(f"unterminated heredoc {opened.name}", start)


def _partition_blank(text: str) -> tuple[str, str, str]:
    parts = _BLANKS.split(text, maxsplit=1)
    return (parts[0], " ", parts[1]) if len(parts) == 2 else (parts[0], "", "")


def _json_list(rest: str, at: Location) -> tuple[str, ...] | None:
    """The strings of a JSON array, or None where ``rest`` is not one (then it is the plain form)."""
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
    """The leading ``--name=value`` words, unquoted, and what follows them."""
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
    """What BuildKit refuses before it looks at any file."""
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
    if one.child and one.child.name in ("ONBUILD", "FROM", "MAINTAINER"):
        raise MigopsError(f"{one.child.name} isn't allowed as an ONBUILD trigger", at=one.at)
