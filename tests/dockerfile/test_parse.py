"""Instructions: continuation lines, directives, here-documents, flags and forms."""

from __future__ import annotations

import pytest

from migops.core.errors import ExitCode, MigopsError
from migops.core.model import Location
from migops.dockerfile.instruction import Instruction
from migops.dockerfile.parse import parse, syntax_of


def instructions(text: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(one.name, one.args) for one in parse(text, "Dockerfile").instructions]


def only(text: str) -> Instruction:
    (one,) = parse(text, "Dockerfile").instructions
    return one


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a", [("FROM", ("a",))]),
        ("\ufefffrom a as B\r\nrun x\r\n", [("FROM", ("a", "as", "B")), ("RUN", ("x",))]),
        ("  FROM a\n\n\n# c\n\t# d\nRUN  x  y \n", [("FROM", ("a",)), ("RUN", ("x  y",))]),
        ("RUN a \\\n  b", [("RUN", ("a   b",))]),
        ("RUN a \\  \t\n b", [("RUN", ("a  b",))]),
        ("RUN a \\\n# comment\n\n   # another\n b", [("RUN", ("a  b",))]),
        ("RUN a \\\r\n b\r\nRUN c", [("RUN", ("a  b",)), ("RUN", ("c",))]),
        ("RUN a \\\\\nRUN b", [("RUN", ("a \\\\",)), ("RUN", ("b",))]),
        ("RUN a \\", [("RUN", ("a",))]),
        ("# escape=`\nRUN a `\n b\nRUN c\\\nRUN d", [("RUN", ("a  b",)), ("RUN", ("c\\",)), ("RUN", ("d",))]),
        ("# syntax=x\n# escape = `\nRUN a `\n b", [("RUN", ("a  b",))]),
        ("# a comment\n# escape=`\nRUN a `\nRUN b", [("RUN", ("a `",)), ("RUN", ("b",))]),
        ("\n# escape=`\nRUN a `\nRUN b", [("RUN", ("a `",)), ("RUN", ("b",))]),
        ('CMD ["a", "b c"]', [("CMD", ("a", "b c"))]),
        ("CMD [a, b]", [("CMD", ("[a, b]",))]),
        ("CMD ['a']", [("CMD", ("['a']",))]),
        ('COPY ["a b", "/c"]', [("COPY", ("a b", "/c"))]),
        ("COPY a\tb   /c", [("COPY", ("a", "b", "/c"))]),
        ("ENV a=1 b='2 3' c=\"4\" d=e\\ f", [("ENV", ("a", "1", "b", "'2 3'", "c", '"4"', "d", "e\\ f"))]),
        ("ENV a b c", [("ENV", ("a", "b c"))]),
        ('LABEL a= b=""', [("LABEL", ("a", "", "b", '""'))]),
        ("ARG a b=1 c='x y'", [("ARG", ("a", "b=1", "c='x y'"))]),
        ("WORKDIR /a b", [("WORKDIR", ("/a b",))]),
        ("HEALTHCHECK NONE", [("HEALTHCHECK", ("NONE",))]),
        ("RUN <<EOF\nCOPY a b\nEOF\nRUN x", [("RUN", ("<<EOF",)), ("RUN", ("x",))]),
    ],
)
def test_instructions(text: str, expected: list[tuple[str, tuple[str, ...]]]) -> None:
    assert instructions(text) == expected


def test_an_instruction_stands_at_its_first_line() -> None:
    parsed = parse("# c\nFROM a\n\nRUN b \\\n c\nRUN <<E\nx\nE\nCOPY d e\n", "D", first_line=10)
    assert [str(one.at) for one in parsed.instructions] == ["D:11", "D:13", "D:15", "D:18"]


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        ("COPY --from=a --chown=u:g b c", (("from", "a"), ("chown", "u:g"))),
        ("COPY --link b c", (("link", "true"),)),
        ("COPY --link=false b c", (("link", "false"),)),
        ("COPY --exclude='a b' --exclude=\\*.py b c", (("exclude", "a b"), ("exclude", "*.py"))),
        ('COPY --from=a ["b", "c"]', (("from", "a"),)),
        ("COPY b --from=a c", ()),
        ("COPY -- --x c", ()),
        ("RUN --mount=type=bind,target=/x --network=none a", (("mount", "type=bind,target=/x"), ("network", "none"))),
    ],
)
def test_flags(text: str, flags: tuple[tuple[str, str], ...]) -> None:
    assert only(text).flags == flags


@pytest.mark.parametrize(
    ("text", "heredocs"),
    [
        ("RUN <<EOF\n\ta\n b\nEOF\n", [("EOF", "\ta\n b\n", True)]),
        ("RUN <<-EOF\n\ta\n\t\tb\n\tEOF\n", [("EOF", "a\nb\n", True)]),
        ("RUN <<'EOF'\n$a\nEOF\n", [("EOF", "$a\n", False)]),
        ('RUN <<"E"\n\nE\n', [("E", "\n", False)]),
        ("COPY <<a <<b /x/\n1\na\n2\nb\n", [("a", "1\n", True), ("b", "2\n", True)]),
        ("COPY --chmod=1 <<a.txt /x/\n1\na.txt\n", [("a.txt", "1\n", True)]),
        ("RUN 3<<A cat\nx\nA\n", [("A", "x\n", True)]),
        ("RUN cat <<A > /b\r\nx\r\nA\r\n", [("A", "x\r\n", True)]),
        ("ONBUILD COPY <<A /b\nx\nA\n", [("A", "x\n", True)]),
        ("RUN echo '<<A'\n", []),
        ("RUN cat <<<A\n", []),
        ('RUN ["a", "<<A"]\n', []),
        ("CMD <<A\n", []),
    ],
)
def test_heredocs(text: str, heredocs: list[tuple[str, str, bool]]) -> None:
    assert [(one.name, one.content, one.expand) for one in only(text).heredocs] == heredocs


def test_onbuild_holds_what_it_puts_off() -> None:
    child = only("ONBUILD COPY --from=x a b").child
    assert child
    assert (child.name, child.args, child.flag("from")) == ("COPY", ("a", "b"), "x")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 0, "no instructions"),
        ("# nothing\n\n", 0, "no instructions"),
        ("FROM a\nCOPPY a b\n", 2, "unknown instruction: COPPY"),
        ("FROM a\nCOPY a\n", 2, "at least one source"),
        ("FROM a\nCOPY a <<E\nE\n", 2, "heredoc as a destination"),
        ("FROM a\nRUN <<E\nx\n", 2, "unterminated heredoc E"),
        ("FROM a b\n", 1, "one or three arguments"),
        ("FROM a AS 9x\n", 1, "invalid name"),
        ("FROM a\n\nENV a\n", 3, "two arguments"),
        ("FROM a\nENV a=1 b\n", 2, "can't find ="),
        ("FROM a\nENV =1\n", 2, "blank"),
        ("FROM a\nWORKDIR\n", 2, "exactly one"),
        ("FROM a\nVOLUME\n", 2, "at least one"),
        ('FROM a\nCMD ["a", 1]\n', 2, "strings only"),
        ("FROM a\nONBUILD FROM b\n", 2, "ONBUILD trigger"),
        ("# escape=x\nFROM a\n", 1, "escape token"),
        ("# escape=`\n# escape=`\nFROM a\n", 2, "only one escape"),
    ],
)
def test_malformed_text_names_file_and_line(text: str, line: int, message: str) -> None:
    with pytest.raises(MigopsError, match=message) as caught:
        parse(text, "Dockerfile")
    assert caught.value.at == Location("Dockerfile", line)
    assert caught.value.exit_code is ExitCode.USAGE


def test_deep_json_is_no_traceback() -> None:
    assert only("CMD " + "[" * 100_000).is_json is False


@pytest.mark.parametrize(
    ("text", "syntax"),
    [
        ("# syntax=docker/dockerfile:1\nFROM a", "docker/dockerfile:1"),
        ("#escape=`\n#SYNTAX = x y \n", "x y"),
        ("# comment\n# syntax=x\n", ""),
        ("FROM a\n", ""),
    ],
)
def test_syntax_directive(text: str, syntax: str) -> None:
    assert syntax_of(text) == syntax
