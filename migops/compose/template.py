"""Variable substitution: ``$V``, ``${V}``, ``$$`` and ``${V:-d}``, ``-``, ``:?``, ``?``, ``:+``, ``+``, nested.

Source: compose-go's ``template`` package, quirks included: an operator's word may contain further variables and braces.
As since compose 5, a word is substituted only if it is used, so that a ``:?`` inside an unused default does not fail.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Lookup = Callable[[str], str | None]
Warn = Callable[[str], None]

_NAME = "[_a-zA-Z][_a-zA-Z0-9]*"
_VARIABLE = re.compile(
    rf"\$(?:(?P<escaped>\$)|(?P<named>{_NAME})|\{{(?:(?P<braced>{_NAME}(?::?[-+?](?:.*))?)\}}|(?P<invalid>)))"
)
_OPERATORS = (":?", "?", ":-", "-", ":+", "+")


class TemplateError(Exception):
    """A text that cannot be substituted."""


class InvalidTemplate(TemplateError):
    """A ``${`` that is not a variable. ``template`` is the innermost text that contains it."""

    def __init__(self, template: str) -> None:
        super().__init__(f'Invalid template: "{template}"')
        self.template = template


class MissingVariable(TemplateError):
    """A variable that ``:?`` or ``?`` requires is not set."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"required variable {name} is missing a value" + (f": {reason}" if reason else ""))
        self.name = name


def substitute(text: str, lookup: Lookup, warn: Warn) -> str:
    """``text`` with every variable replaced by its value; unset ones become '', and ``warn`` gets their names.

    Raises TemplateError.
    """
    if "$" not in text:
        return text
    return _VARIABLE.sub(lambda found: _replacement(found.group(), text, lookup, warn), text)


def _replacement(matched: str, template: str, lookup: Lookup, warn: Warn) -> str:
    operator = _first_operator(matched)
    # The pattern is greedy: in "${A:-x} ${B}" it includes the second variable, which is cut off again here.
    end = _closing_brace(matched)
    rest = matched[end + 1 :] if end >= 0 else ""
    match = _VARIABLE.match(matched[: end + 1] if end >= 0 else matched)
    if match is None:
        raise InvalidTemplate(template)
    if match["escaped"]:
        return "$"
    expression = match["named"] or match["braced"]
    if not expression:
        raise InvalidTemplate(template)
    if match["braced"] and operator in expression:
        return _apply(operator, expression, lookup, warn) + substitute(rest, lookup, warn)
    value = lookup(expression)
    if value is None:
        warn(expression)
        return ""
    return value


def _first_operator(matched: str) -> str:
    places = [(matched.find(operator), operator) for operator in _OPERATORS]
    present = [place for place in places if place[0] >= 0]
    return min(present)[1] if present else ":?"


def _closing_brace(text: str) -> int:
    opened = 0
    index = 0
    while index < len(text):
        if text[index] == "}":
            opened -= 1
            if opened == 0:
                return index
        if text[index] == "{":
            opened += 1
            index += 1
        index += 1
    return -1


def _apply(operator: str, expression: str, lookup: Lookup, warn: Warn) -> str:
    name, _, word = expression.partition(operator)
    value = lookup(name)
    counts = value is not None and (value != "" or ":" not in operator)
    if counts is not operator.endswith("+"):
        return value or ""
    word = substitute(word, lookup, warn)
    if operator.endswith("?"):
        raise MissingVariable(name, word)
    return word
