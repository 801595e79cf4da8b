"""Shell text to words and operators, with their lines. Expansions stay as written."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass

_OPERATORS = ("&&", "||", ";;&", ";;", ";&", "|&", ";", "|", "&", "(", ")", "\n")
_REDIRECTION = re.compile(r"&>>?|[0-9]*(?:<<<|<<-?|<>|<&|>>|>&|>\||<|>)")
_CLOSING = {"(": ")", "{": "}", "`": "`"}


@dataclass(frozen=True, slots=True)
class Token:
    """A word (without its quotes) or an operator, and its position in the text."""

    text: str
    line: int
    start: int
    end: int
    is_word: bool
    quoted: bool = False

    def is_operator(self, *texts: str) -> bool:
        """True if the token is one of these operators."""
        return not self.is_word and self.text in texts

    def is_keyword(self, *texts: str) -> bool:
        """True if the token is one of these words, without quotes."""
        return self.is_word and not self.quoted and self.text in texts


def tokens(text: str) -> list[Token]:
    """All words and operators. Comments, redirections and here-documents are omitted: they run nothing."""
    return list(_Lexer(text).tokens())


class _Lexer:
    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.heredocs: list[str] = []
        self._ends = [at for at, sign in enumerate(self.text) if sign == "\n"]

    def tokens(self) -> Iterator[Token]:
        bare = True  # no word of this command has been read yet
        while self._skip_blanks():
            start, line = self.at, bisect.bisect_left(self._ends, self.at) + 1
            if found := _REDIRECTION.match(self.text, self.at):
                self._redirection(found)
                if bare and (not self._skip_blanks() or self._operator()):
                    yield Token(":", line, start, self.at, True)  # `> file` alone is a command too
                continue
            operator = self._operator()
            bare = bool(operator)
            if operator:
                self.at += len(operator)
                if operator == "\n":
                    self._skip_heredocs()
                yield Token(operator, line, start, self.at, False)
            else:
                word, quoted = self._word()
                yield Token(word, line, start, self.at, True, quoted)

    def _skip_blanks(self) -> bool:
        """Move to the next token. False at the end of the text."""
        blanks = re.compile(r"(?:[ \t]|\\\n|#[^\n]*)*").match(self.text, self.at)
        self.at = blanks.end() if blanks else self.at
        return self.at < len(self.text)

    def _operator(self) -> str:
        return next((operator for operator in _OPERATORS if self.text.startswith(operator, self.at)), "")

    def _redirection(self, match: re.Match[str]) -> None:
        self.at = match.end()
        self._skip_blanks()
        if self.text.startswith(("<(", ">("), self.at):
            self.at += 1
        if self.text.startswith("(", self.at):  # bash: process substitution
            self.at -= 1
            self._nested("(")
            return
        target, _ = self._word()
        if re.fullmatch(r"[0-9]*<<-?", match[0]):
            self.heredocs.append(target)

    def _skip_heredocs(self) -> None:
        for name in self.heredocs:
            end = re.compile(rf"^\t*{re.escape(name)}$", re.MULTILINE).search(self.text, self.at)
            self.at = min(end.end() + 1, len(self.text)) if end else len(self.text)
        self.heredocs = []

    def _word(self) -> tuple[str, bool]:
        """The word that starts here, and True if any part of it is quoted."""
        parts: list[str] = []
        quoted = False
        while self.at < len(self.text):
            sign = self.text[self.at]
            if sign == "(" and parts and parts[-1] == "=":  # a bash array
                parts.append(f"({self._until(')')})")
                continue
            if sign in " \t\n;|&()<>":
                break
            if sign == "'":
                parts.append(self._until("'"))
                quoted = True
            elif sign == '"':
                parts.append(self._double())
                quoted = True
            elif sign == "\\":
                parts.append(self.text[self.at + 1 : self.at + 2].replace("\n", ""))
                self.at += 2
                quoted = True
            else:
                parts.append(self._plain())
        return "".join(parts), quoted

    def _until(self, end: str) -> str:
        close = self.text.find(end, self.at + 1)
        close = len(self.text) if close < 0 else close
        found = self.text[self.at + 1 : close]
        self.at = close + 1
        return found

    def _double(self) -> str:
        self.at += 1
        parts: list[str] = []
        while self.at < len(self.text) and self.text[self.at] != '"':
            if self.text[self.at] == "\\" and self.text[self.at + 1 : self.at + 2] in ('"', "\\", "$", "`", "\n"):
                parts.append(self.text[self.at + 1].replace("\n", ""))
                self.at += 2
            else:
                parts.append(self._plain())
        self.at += 1
        return "".join(parts)

    def _plain(self) -> str:
        """One character, or the whole expansion that it starts: ``$(…)``, ``${…}``, a backquoted command."""
        start = self.at
        opening = self.text[start + 1 : start + 2] if self.text[start] == "$" else self.text[start].strip("({")
        if opening not in _CLOSING:
            self.at += 1
            return self.text[start]
        return self._nested(opening)

    def _nested(self, opening: str) -> str:
        """The text up to the character that closes ``opening``, which is one position ahead (a backquote: here)."""
        start, depth = self.at, 1
        self.at += 1 if opening == "`" else 2
        while self.at < len(self.text) and depth:
            sign = self.text[self.at]
            depth += (sign == opening and opening != "`") - (sign == _CLOSING[opening])
            self.at += 1
        return self.text[start : self.at]
