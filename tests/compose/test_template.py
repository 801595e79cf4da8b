"""Variable substitution."""

from __future__ import annotations

import pytest

from migops.compose.template import InvalidTemplate, MissingVariable, substitute

VALUES = {"SET": "s", "EMPTY": "", "OTHER": "o"}


def sub(text: str) -> tuple[str, list[str]]:
    unset: list[str] = []
    return substitute(text, VALUES.get, unset.append), unset


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("$SET", "s"), ("${SET}", "s"), ("$$SET", "$SET"), ("$${SET}", "${SET}"), ("a$SET.b", "as.b"), ("$SETx", ""),
        ("${EMPTY:-d}", "d"), ("${EMPTY-d}", ""), ("${NO:-d}", "d"), ("${NO-d}", "d"), ("${SET:-d}", "s"),
        ("${SET:+r}", "r"), ("${EMPTY:+r}", ""), ("${EMPTY+r}", "r"), ("${NO+r}", ""), ("${SET:?m}", "s"),
        ("${EMPTY?m}", ""), ("${NO:-${SET}}", "s"), ("${NO:-${NO2:-x}}y", "xy"), ("${NO:-a}-${NO:-b}", "a-b"),
        ("${NO:-a:b}", "a:b"), ("${NO:-}", ""), ("$ 1", "$ 1"), ("$1", "$1"), ("100$", "100$"), ("${NO:-$$}", "$"),
        ("${SET}${OTHER}", "so"), ("${NO:-a b}", "a b"), ("no variable", "no variable"),
    ],
)  # fmt: skip
def test_each_operator(text: str, wanted: str) -> None:
    assert sub(text)[0] == wanted


def test_a_variable_without_a_value_is_told() -> None:
    assert sub("${NO}-$NO2-${SET}-${NO3:-d}") == ("--s-d", ["NO", "NO2"])


@pytest.mark.parametrize("text", ["${", "${}", "${1A}", "${SET", "${SET!x}", "a ${ b"])
def test_what_is_no_variable_is_refused(text: str) -> None:
    with pytest.raises(InvalidTemplate) as refused:
        sub(text)
    assert refused.value.template == text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("${NO:?tell me}", "required variable NO is missing a value: tell me"),
        ("${EMPTY:?}", "required variable EMPTY is missing a value"),
        ("${NO?${SET} is}", "required variable NO is missing a value: s is"),
        ("${EMPTY:-${NO:?in a default that is used}}", "in a default that is used"),
        ("${SET:+${NO:?in a word that is used}}", "in a word that is used"),
        ("${NO:?${ALSO:?the message is substituted first}}", "the message is substituted first"),
    ],
)
def test_a_required_variable_refuses_in_its_own_words(text: str, wanted: str) -> None:
    with pytest.raises(MissingVariable, match=wanted.replace("$", r"\$")):
        sub(text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("${SET:-${NO:?not used}}", "s"), ("${SET-${NO?not used}}", "s"), ("${EMPTY-${NO:?not used}}", ""),
        ("${NO:+${NO:?not used}}", ""), ("${EMPTY:+${NO:?not used}}", ""), ("${SET:?${NO:?not used}}", "s"),
        ("${SET:-${NO:-${BAD!}}}", "s"), ("a ${SET:-x ${NO:?not used} y} b", "a s b"),
    ],
)  # fmt: skip
def test_a_word_that_is_not_used_is_not_substituted(text: str, wanted: str) -> None:
    unset: list[str] = []
    assert substitute(text, VALUES.get, unset.append) == wanted
    assert unset == []
