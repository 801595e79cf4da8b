"""Dockerfile text to instructions, line by line as in BuildKit's own parser.

Reference: moby/buildkit, ``frontend/dockerfile/parser`` and ``instructions``. Nothing is expanded here: ``lex.expand``
does that once the variables of the stage are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from migops.core.errors import MigopsError
from migops.core.model import Location
from migops.dockerfile.instruction import Heredoc, Instruction, OpenHeredoc, heredoc_of, read_instruction
from migops.dockerfile.lex import LexError, expand

_DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")
_DIRECTIVES = ("escape", "syntax", "check")
_WITH_HEREDOCS = ("ADD", "COPY", "RUN")


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """A parsed Dockerfile, and its escape character."""

    file: str
    instructions: tuple[Instruction, ...]
    escape: str = "\\"


def syntax_of(text: str) -> str:
    """The frontend of a ``# syntax=`` line, "" without one. The rest of the text need not be valid."""
    for line in text.removeprefix("\ufeff").splitlines():
        match = _DIRECTIVE.fullmatch(line.lstrip())
        if not match or match[1].lower() not in _DIRECTIVES:
            return ""
        if match[1].lower() == "syntax":
            return match[2]
    return ""


def parse(text: str, file: str, first_line: int = 1) -> Dockerfile:
    """The instructions of a Dockerfile's ``text``.

    ``file`` and ``first_line`` locate the text (an inline Dockerfile starts inside its compose file). Raises
    MigopsError with file and line if BuildKit would reject the text.
    """
    return _Parser(text, file, first_line).run()


class _Parser:
    def __init__(self, text: str, file: str, first_line: int) -> None:
        self.lines = [line + "\n" for line in text.removeprefix("\ufeff").split("\n")]
        if text:
            self.lines[-1] = self.lines[-1][:-1]
        if not self.lines[-1]:
            self.lines.pop()
        self.file = file
        self.first_line = first_line
        self.at = 0  # number of lines read
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
                instruction = read_instruction(line, Location(self.file, self.first_line + start - 1), self.escape)
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
        """The line without its continuation mark, and True if it had one. A doubled mark does not count."""
        bare = line.rstrip(" \t")
        if bare.endswith(self.escape) and not bare.endswith(self.escape * 2):
            return bare[:-1], True
        return line, False

    def with_heredocs(self, instruction: Instruction, line: str, start: int) -> Instruction:
        """``instruction`` with the here-documents after its line, read up to their terminators."""
        holder = instruction.child or instruction
        if holder.name not in _WITH_HEREDOCS or holder.is_json:
            return instruction
        try:
            words = expand(line, {}, keep_quotes=True, keep_escapes=True, keep_unset=True).words
        except LexError:
            return instruction  # BuildKit ignores heredocs in a line with an unclosed quote
        opened = [one for one in map(heredoc_of, words) if one]
        heredocs = tuple(self.heredoc(one, start) for one in opened)
        child = instruction.child and replace(instruction.child, heredocs=heredocs)
        return replace(instruction, heredocs=heredocs, child=child)

    def heredoc(self, opened: OpenHeredoc, start: int) -> Heredoc:
        content = ""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            end = line.rstrip("\r\n")
            if (end.lstrip("\t") if opened.chomp else end) == opened.name:
                return Heredoc(opened.name, content, opened.expand)
            content += line.lstrip("\t") if opened.chomp else line
        raise self.error(f"unterminated heredoc {opened.name}", start)
