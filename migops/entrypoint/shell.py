"""Parser of shell scripts into the tree of ``entrypoint.tree``.

Reference: POSIX.1-2017, Shell Command Language, 2.9 and 2.10. Nothing is expanded and nothing is run.
"""

from __future__ import annotations

from migops.entrypoint.lexer import Token, tokens
from migops.entrypoint.tree import Branch, Chain, Compound, Pipeline, Script, Simple

_LAST = ("then", "elif", "else", "fi", "do", "done", "esac", "}")


class NotRead(ValueError):
    """The text cannot be parsed as a shell script; the message has the reason and the line."""


def parse(text: str) -> Script:
    """Parse a script. Raises ``NotRead``."""
    reader = _Parser(text)
    try:
        script = reader.script()
    except RecursionError:
        raise NotRead("its commands are nested too deeply") from None
    if reader.now is not None:
        raise NotRead(f"line {reader.now.line}: {reader.now.text.strip() or 'end of line'!r} is out of place")
    return script


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n")
        self.lines = self.text.split("\n")
        self.tokens = tokens(self.text)
        self.at = 0

    @property
    def now(self) -> Token | None:
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def script(self, *ends: str) -> Script:
        """Chains up to a word or operator that ends them."""
        chains: list[Chain] = []
        functions: dict[str, Script] = {}
        while True:
            while self._take_operator("\n", ";"):
                pass
            now = self.now
            if now is None or now.is_keyword(*_LAST) or now.is_operator(")", *ends):
                return Script(tuple(chains), functions)
            name = self._function_name()
            if name:
                body = self._pipeline()
                functions[name] = _body_of(body)
                continue
            chains.append(self._chain())

    def _chain(self) -> Chain:
        pipelines, operators = [self._pipeline()], []
        while operator := self._take_operator("&&", "||"):
            self._newlines()
            operators.append(operator)
            pipelines.append(self._pipeline())
        return Chain(tuple(pipelines), tuple(operators), self._take_operator("&") == "&")

    def _pipeline(self) -> Pipeline:
        negated = bool(self._take_word("!"))
        parts = [self._command()]
        while self._take_operator("|", "|&"):
            self._newlines()
            parts.append(self._command())
        return Pipeline(tuple(parts), negated)

    def _command(self) -> Simple | Compound:
        now = self.now
        if now is None:
            raise NotRead("it ends where a command should be")
        if now.is_operator("("):
            self.at += 1
            body = self.script()
            self._expect_operator(")")
            return Compound("(", (Branch(body),))
        if self._take_word("{"):
            body = self.script()
            self._expect_word("}")
            return Compound("{", (Branch(body),))
        if self._take_word("if"):
            return self._if()
        for kind in ("while", "until"):
            if self._take_word(kind):
                return self._while(kind)
        if self._take_word("for"):
            return self._for()
        if self._take_word("case"):
            return self._case()
        return self._simple()

    def _simple(self) -> Simple:
        first = self.now
        words: list[str] = []
        test = first is not None and first.is_keyword("[[")
        while (now := self.now) and (now.is_word or (test and not now.is_operator("\n"))):
            words.append(now.text)
            self.at += 1
            if test and now.text == "]]":
                test = False
        if first is None or not words:
            raise NotRead(f"line {first.line if first else 0}: {first.text if first else ''!r} is out of place")
        return Simple(tuple(words), first.line)

    def _if(self) -> Compound:
        tests: list[Script] = []
        branches: list[Branch] = []
        while True:
            start = self._position()
            tests.append(self.script())
            condition = "if " + self._written(start)
            self._expect_word("then")
            branches.append(Branch(self.script(), condition))
            if not self._take_word("elif"):
                break
        if self._take_word("else"):
            branches.append(Branch(self.script(), f"else of {branches[0].condition}"))
        self._expect_word("fi")
        return Compound("if", tuple(branches), tuple(tests))

    def _while(self, kind: str) -> Compound:
        start = self._position()
        test = self.script()
        condition = f"{kind} {self._written(start)}"
        self._expect_word("do")
        body = self.script()
        self._expect_word("done")
        return Compound(kind, (Branch(body, condition),), (test,))

    def _for(self) -> Compound:
        while (now := self.now) and not now.is_keyword("do"):
            self.at += 1
        self._expect_word("do")
        body = self.script()
        self._expect_word("done")
        return Compound("for", (Branch(body),))

    def _case(self) -> Compound:
        subject = self._any_word()
        self._newlines()
        self._expect_word("in")
        branches: list[Branch] = []
        self._newlines()
        while not self._take_word("esac"):
            self._take_operator("(")
            patterns = [self._any_word()]
            while self._take_operator("|"):
                patterns.append(self._any_word())
            self._expect_operator(")")
            body = self.script(";;", ";&", ";;&")
            condition = f"case {subject} in {' | '.join(patterns)})"
            branches.append(Branch(body, condition, subject, tuple(patterns)))
            self._take_operator(";;", ";&", ";;&")
            self._newlines()
        return Compound("case", tuple(branches))

    def _function_name(self) -> str:
        """The name of the function defined here, its header consumed; '' if no definition starts here."""
        ahead = self.tokens[self.at : self.at + 3]
        if ahead and ahead[0].is_keyword("function"):
            self.at += 1
            name = self._any_word()
            if self._take_operator("("):
                self._expect_operator(")")
        elif len(ahead) == 3 and ahead[0].is_word and ahead[1].is_operator("(") and ahead[2].is_operator(")"):
            name = ahead[0].text
            self.at += 3
        else:
            return ""
        self._newlines()
        return name

    def _position(self) -> int:
        return self.now.start if self.now else len(self.text)

    def _written(self, start: int) -> str:
        return " ".join(self.text[start : self._position()].split()).rstrip("; ")

    def _newlines(self) -> None:
        while self._take_operator("\n"):
            pass

    def _take_operator(self, *texts: str) -> str:
        now = self.now
        if now is None or not now.is_operator(*texts):
            return ""
        self.at += 1
        return now.text

    def _take_word(self, text: str) -> str:
        now = self.now
        if now is None or not now.is_keyword(text):
            return ""
        self.at += 1
        return now.text

    def _any_word(self) -> str:
        now = self.now
        if now is None or not now.is_word:
            raise NotRead(f"line {now.line if now else 0}: a word was expected")
        self.at += 1
        return now.text

    def _expect_word(self, text: str) -> None:
        if not self._take_word(text):
            raise NotRead(f"line {self.now.line if self.now else len(self.lines)}: {text!r} was expected")

    def _expect_operator(self, text: str) -> None:
        if not self._take_operator(text):
            raise NotRead(f"line {self.now.line if self.now else len(self.lines)}: {text!r} was expected")


def _body_of(pipeline: Pipeline) -> Script:
    first = pipeline.parts[0]
    return first.branches[0].body if isinstance(first, Compound) and first.branches else Script()
