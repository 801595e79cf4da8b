"""The grammar of ``.env`` and ``env_file`` files as compose reads them.

Source: compose-go's ``dotenv`` package: ``KEY=value`` and ``KEY: value``, ``export``, quotes, escapes in double quotes,
comments after a space, a bare ``KEY`` that takes its value from outside, and variables in values.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from migops.compose.scalars import quoted
from migops.compose.template import Lookup, TemplateError, Warn, substitute
from migops.compose.tree import Mark, refuse
from migops.core.errors import MigopsError
from migops.core.location import Location

_SPACES = "\t\v\f\r \x85\xa0"
_EXPORT = re.compile(r"export[\t\n\f\r ]+")
_ESCAPE = re.compile(r'\\(?:[abcfnrtv$"\\]|0\d{0,3})', re.ASCII)
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"'}


class _GrammarError(Exception):
    """A syntax error in an env file, with its line."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def read_env_files(files: list[str], environment: dict[str, str], warn: Warn) -> dict[str, str]:
    """The variables of several env files, in order. References in values prefer ``environment`` over the files.

    Raises MigopsError, with file and line, for a file that cannot be read or parsed.
    """
    values: dict[str, str] = {}
    for file in files:
        if not Path(file).exists():
            raise MigopsError(f"couldn't find env file: {file}", at=Location(file))
        if Path(file).is_dir():
            raise MigopsError(f"{file} is a directory", at=Location(file))

        def lookup(name: str) -> str | None:
            value = environment.get(name)
            return values.get(name) if value is None else value

        read_into(values, file, lookup, warn)
    return values


def read_into(
    values: dict[str, str], file: str, lookup: Lookup, warn: Warn, form: str = "", at: Mark | None = None
) -> dict[str, Mark]:
    """Add one file's variables to ``values``; later lines may refer to them where ``lookup`` has no value.

    ``form`` is the ``format`` of an ``env_file`` entry: '', or ``raw`` for ``docker run --env-file``'s plain lines.
    ``at`` is the mark of the entry that names the file. Returns the mark of each variable in the file.
    """
    if form not in ("", ".env", "raw"):
        raise refuse(f"unsupported env_file format {quoted(form)}", at)
    try:
        text = Path(file).read_bytes().removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    except IsADirectoryError:
        raise MigopsError(f"read {file}: is a directory", at=at.location if at else Location(file)) from None
    except OSError as error:
        raise MigopsError(f"open {file}: {(error.strerror or '').lower()}", at=Location(file)) from None
    try:
        lines = _read_raw(text, values, lookup) if form == "raw" else _Parser(text, values, lookup, warn).parse()
    except _GrammarError as error:
        message = f"failed to parse env_file {file}: {error}" if form == "raw" else f"failed to read {file}: {error}"
        raise MigopsError(message, at=Location(file, error.line)) from None
    return {name: Mark(file, line) for name, line in lines.items()}


def _read_raw(text: str, values: dict[str, str], lookup: Lookup) -> dict[str, int]:
    lines = {}
    for number, raw in enumerate(text.split("\n"), start=1):
        line = raw.removesuffix("\r").lstrip()
        if not line or line.startswith("#"):
            continue
        key, has_value, value = line.partition("=")
        if not key:
            raise _GrammarError(number, f"no variable name on line '{line}'")
        if " " in key or "\t" in key:
            raise _GrammarError(number, f"variable '{key}' contains whitespaces")
        outside = value if has_value else lookup(key)
        if outside is not None:
            values[key] = outside
            lines[key] = number
    return lines


class _Parser:
    """A cursor over the text; ``line`` is its line, from 1."""

    def __init__(self, text: str, values: dict[str, str], lookup: Lookup, warn: Warn) -> None:
        self.text = text
        self.at = 0
        self.counted = (0, 1)
        self.values = values
        self.outside = lookup
        self.warn = warn

    @property
    def line(self) -> int:
        position, line = self.counted
        self.counted = (self.at, line + self.text.count("\n", position, self.at))
        return self.counted[1]

    def parse(self) -> dict[str, int]:
        """Read every statement into ``values``. Returns the line of each name."""
        lines = {}
        while self._skip_to_statement():
            line = self.line
            key, inherited = self._key()
            if " " in key:
                raise self._wrong("key cannot contain a space")
            if inherited:
                value = self.outside(key)
                if value is None:
                    continue
                self.values[key] = value
            else:
                self.values[key] = self._value()
            lines[key] = line
        return lines

    def _skip_to_statement(self) -> bool:
        text, end = self.text, len(self.text)
        while self.at < end:
            if text[self.at].isspace():
                self.at += 1
            elif text[self.at] == "#":
                newline = text.find("\n", self.at)
                self.at = end if newline < 0 else newline
            else:
                return True
        return False

    def _skip(self, characters: str) -> None:
        while self.at < len(self.text) and self.text[self.at] in characters:
            self.at += 1

    def _key(self) -> tuple[str, bool]:
        """The key, and True if it is alone on its line: then its value comes from the environment."""
        if _EXPORT.match(self.text, self.at):
            self.at += len("export")
            self._skip(_SPACES)
        for index in range(self.at, len(self.text)):
            character = self.text[index]
            if character in _SPACES:
                continue
            if character in "=:\n":
                key = self.text[self.at : index].rstrip()
                self.at = index + 1
                self._skip(_SPACES)
                return key, character == "\n"
            if character not in "_.-[]" and unicodedata.category(character)[0] not in "LN":
                message = f"unexpected character {quoted(character)} in variable name {quoted(self._rest_of_line())}"
                raise self._wrong(message)
        if self.at >= len(self.text):
            raise self._wrong("zero length string")
        # Compose reads a last line without line end and without "=" as a value without a name.
        return "", False

    def _value(self) -> str:
        quote = self.text[self.at : self.at + 1]
        if quote in ("'", '"'):
            return self._quoted(quote)
        end = self.text.find("\n", self.at)
        end = len(self.text) if end < 0 else end
        expanded = self._expand(self.text[self.at : end].split(" #", 1)[0].rstrip())
        self.at = min(end + 1, len(self.text))
        return expanded

    def _quoted(self, quote: str) -> str:
        characters: list[str] = []
        escaped = False
        for index in range(self.at + 1, len(self.text)):
            character = self.text[index]
            if character == quote and not escaped:
                value = "".join(characters)
                if quote == '"':
                    value = self._expand(_ESCAPE.sub(_unescape, value))
                self.at = index + 1
                return value
            if character == "\\" and not escaped:
                escaped = True
                continue
            if escaped and character != quote:
                characters.append("\\")
            escaped = False
            characters.append(character)
        # Compose reports the line at which it stopped looking for the quote: the last one.
        message = f"line {self.text.count(chr(10)) + 1}: unterminated quoted value {self._rest_of_line()}"
        raise _GrammarError(self.line, message)

    def _rest_of_line(self) -> str:
        return self.text[self.at :].partition("\n")[0]

    def _expand(self, value: str) -> str:
        def lookup(name: str) -> str | None:
            outer = self.outside(name)
            return self.values.get(name) if outer is None else outer

        try:
            return substitute(value, lookup, self.warn)
        except TemplateError as error:
            raise _GrammarError(self.line, str(error)) from None

    def _wrong(self, message: str) -> _GrammarError:
        return _GrammarError(self.line, f"line {self.line}: {message}")


def _unescape(match: re.Match[str]) -> str:
    text = match.group()
    if text == "\\$":
        return "$$"  # a plain dollar sign to substitution
    if text.startswith("\\0"):
        digits = text[2:]
        octal = len(digits) == 3 and all(digit in "01234567" for digit in digits) and int(digits, 8) < 256
        return chr(int(digits, 8)) if octal else "\\" + digits
    return _ESCAPED.get(text[1], text)
