"""Words: variables, quotes and escapes as BuildKit takes them."""

from __future__ import annotations

import pytest

from migops.dockerfile.lex import LexError, expand

ENV = {"V": "value", "E": "", "P": "a/b/c.tar.gz", "N1": "one", "SP": "two words"}


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("plain", "plain"),
        ("$V", "value"),
        ("${V}", "value"),
        ("a${V}b$V/c", "avalueb" + "value/c"),
        ("$UNSET", ""),
        ("${UNSET}x", "x"),
        ("${UNSET:-d}", "d"),
        ("${UNSET-d}", "d"),
        ("${E:-d}", "d"),
        ("${E-d}", ""),
        ("${V:-d}", "value"),
        ("${V:+set}", "set"),
        ("${E:+set}", ""),
        ("${E+set}", "set"),
        ("${UNSET+set}", ""),
        ("${UNSET:-${V}/x}", "value/x"),
        ("${UNSET:-'q u'}", "q u"),
        ("${V:?no}", "value"),
        ("${P#*/}", "b/c.tar.gz"),
        ("${P##*/}", "c.tar.gz"),
        ("${P%.*}", "a/b/c.tar"),
        ("${P%%.*}", "a/b/c"),
        ("${P#x}", "a/b/c.tar.gz"),
        (r"${P/\//_}", "a_b/c.tar.gz"),
        (r"${P//\//_}", "a_b_c.tar.gz"),
        ("${V/a*e/X}", "vX"),
        ("'$V'", "$V"),
        ('"$V"', "value"),
        ('"a\\"b"', 'a"b'),
        ('"a\\b"', "a\\b"),
        (r"\$V", "$V"),
        (r"a\bc", "abc"),
        ("$", "$"),
        ("a$/b", "a$/b"),
        ("$1x", "x"),
        ("$N1", "one"),
        ("end\\", "end"),
    ],
)
def test_expansion(word: str, text: str) -> None:
    assert expand(word, ENV).text == text


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("'open", "single-quote"),
        ('"open', "double-quote"),
        ("${V", "unsupported modifier"),
        ("${", "missing '}'"),
        ("${}", "bad substitution"),
        ("${:x}", "bad substitution"),
        ("${V:-x", "missing '}'"),
        ("${V:=x}", "unsupported modifier"),
        ("${UNSET:?is needed}", "UNSET: is needed"),
        ("${UNSET?}", "not allowed to be unset"),
        ("${E:?}", "not allowed to be empty"),
        ("${V/a", "missing"),
    ],
)
def test_what_buildkit_refuses(word: str, message: str) -> None:
    with pytest.raises(LexError, match=message):
        expand(word, ENV)


def test_words_split_at_unquoted_blanks_only() -> None:
    assert expand("a  'b c' $SP \"$SP\"", ENV).words == ("a", "b c", "two", "words", "two words")


def test_another_escape_character() -> None:
    assert expand("a`$V\\b", ENV, escape="`").text == "a$V\\b"


def test_quotes_escapes_and_unset_variables_can_be_kept() -> None:
    kept = expand("'a' \\b $UNSET ${UNSET:-x}", ENV, keep_quotes=True, keep_escapes=True, keep_unset=True)
    assert kept.text == "'a' \\b $UNSET ${UNSET:-x}"


def test_unset_variables_without_a_default_are_told() -> None:
    assert expand("$A ${B} ${C:-x} ${D:+x} $V", ENV).unset == {"A", "B"}
