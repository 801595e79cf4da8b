"""Shell text to words and operators, with their lines. What only a running shell knows stays as it is written."""

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
    """A word (its quotes taken away) or an operator, and where in the text it stands."""

    text: str
    line: int
    start: int
    end: int
    is_word: bool
    quoted: bool = False

    def is_operator(self, *texts: str) -> bool:
        """Whether it is one of these operators."""
        return not self.is_word and self.text in texts

    def is_keyword(self, *texts: str) -> bool:
        """Whether it is one of these words, written without quotes."""
        return self.is_word and not self.quoted and self.text in texts


def tokens(text: str) -> list[Token]:
    """All words and operators. Comments, redirections and here-documents are left out: they run nothing."""
    return list(_Lexer(text).tokens())


class _Lexer:
    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.at = 0
        self.heredocs: list[str] = []
        self._ends = [at for at, sign in enumerate(self.text) if sign == "\n"]

    def tokens(self) -> Iterator[Token]:
        bare = True  # no word of this command was seen yet
        while self._skip_blanks():
            start, line = self.at, bisect.bisect_left(self._ends, self.at) + 1
            if found := _REDIRECTION.match(self.text, self.at):
                self._redirection(found)
                if bare and (not self._skip_blanks() or self._operator()):
                    yield Token(":", line, start, self.at, True)  # `> file` alone is a command, too
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
        """Go to the next token; False at the end of the text."""
        found = re.compile(r"(?:[ \t]|\\\n|#[^\n]*)*").match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.at < len(self.text)

    def _operator(self) -> str:
        return next((each for each in _OPERATORS if self.text.startswith(each, self.at)), "")

    def _redirection(self, found: re.Match[str]) -> None:
        self.at = found.end()
        self._skip_blanks()
        if self.text.startswith(("<(", ">("), self.at):
            self.at += 1
        if self.text.startswith("(", self.at):  # bash: a process in place of a file
            self.at -= 1
            self._nested("(")
            return
        target, _ = self._word()
        if re.fullmatch(r"[0-9]*<<-?", found[0]):
            self.heredocs.append(target)

    def _skip_heredocs(self) -> None:
        for name in self.heredocs:
            found = re.compile(rf"^\t*{re.escape(name)}$", re.MULTILINE).search(self.text, self.at)
            self.at = min(found.end() + 1, len(self.text)) if found else len(self.text)
        self.heredocs = []

    def _word(self) -> tuple[str, bool]:
        """The word that begins here, and whether any of it is in quotes."""
        parts: list[str] = []
        quoted = False
        while self.at < len(self.text):
            sign = self.text[self.at]
            if sign == "(" and parts and parts[-1] == "=":  # an array of bash
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
        """One character, or the whole of what begins with it: ``$(…)``, ``${…}``, a backquoted command."""
        start = self.at
        opening = self.text[start + 1 : start + 2] if self.text[start] == "$" else self.text[start].strip("({")
        if opening not in _CLOSING:
            self.at += 1
            return self.text[start]
        return self._nested(opening)

    def _nested(self, opening: str) -> str:
        """All up to the sign that closes ``opening``, which stands one character on (a backquote: here)."""
        start, depth = self.at, 1
        self.at += 1 if opening == "`" else 2
        while self.at < len(self.text) and depth:
            sign = self.text[self.at]
            depth += (sign == opening and opening != "`") - (sign == _CLOSING[opening])
            self.at += 1
        return self.text[start : self.at]
